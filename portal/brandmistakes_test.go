package portal_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

// The mistakes of brands are told at once, each with the name of its brand and its
// option.
func TestMistakesInBrands(t *testing.T) {
	a, b, c, d, e := shop(1), shop(2), shop(3), shop(4), shop(5)
	a.Color, a.Logo = "red", []byte("<html>")
	b.BaseURL, b.Product = "http://shop2.example", ""
	c.Text = map[string]map[string]string{"de": {"forgot.hading": "x"}, "": {"sent.heading": "%[9]d"}}
	d.BaseURL = shop(5).BaseURL
	nameless, unknown, font, tongue, widget := shop(6), shop(7), shop(8), shop(9), shop(10)
	nameless.Name, unknown.Name = "", "stranger"
	font.Font, tongue.Languages = []byte("OTTO"), []language.Tag{language.Finnish}
	widget.Captcha = portal.Captcha{Widget: `<p onclick="x()">`, Script: "https://captcha.example/api.js"}
	root := shop(11)
	root.BaseURL = base
	inPath := shop(12)
	known := knownBrands(t, a, shop(2), c, d, e, font, tongue, widget, root)
	service := newServiceWith(t, func(o *recovery.Options) {
		o.Captcha.Verify = func(context.Context, recovery.CaptchaRequest) error { return nil }
		o.Brands.Find = func(name string) (recovery.Brand, bool) {
			if name == inPath.Name {
				return recovery.Brand{Name: name, Link: recovery.Link{URL: inPath.BaseURL + "/reset/{token}"}}, true
			}
			return known(name)
		}
	})
	o := goodOptions()
	o.Brands.List = []portal.Brand{a, b, c, d, e, nameless, unknown, font, tongue, widget, root, inPath, shop(3)}
	_, err := portal.New(service, o)
	if err == nil {
		t.Fatal("no mistake")
	}
	for _, want := range []string{
		`portal: option Brands: "shop-1": Color: must be #RRGGBB`,
		`portal: option Brands: "shop-1": Logo: must be a PNG`,
		`portal: option Brands: "shop-2": BaseURL: URL: must be https`,
		`portal: option Brands: "shop-2": Product: is required`,
		`portal: option Brands: "shop-3": Text: de: there is no sentence "forgot.hading"`,
		`portal: option Brands: "shop-3": Text: the sentence "sent.heading" got arguments`,
		`portal: option Brands: "shop-5": BaseURL: is that of brand "shop-4"`,
		`portal: option Brands: number 6, "": Name: is no brand of the Service`,
		`portal: option Brands: "stranger": Name: is no brand of the Service`,
		`portal: option Brands: "shop-8": Font: must be a WOFF2`,
		`portal: option Brands: "shop-9": Languages: fi is none of`,
		`portal: option Brands: "shop-10": Captcha.Widget: `,
		`portal: option Brands: "shop-11": BaseURL: is that of the Options themselves`,
		`portal: option Brands: "shop-12": Name: Link of the recovery.Brand has its token in the path`,
		`portal: option Brands: number 13, "shop-3": Name: comes twice`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
	o.Brands.List = []portal.Brand{shop(1)}
	if _, err := portal.New(newService(t), o); err == nil || !strings.Contains(err.Error(), `"shop-1": Name: the Service has no brands`) {
		t.Errorf("a Service without brands: %v", err)
	}
}

// Brands whose links lead elsewhere are told in one line, however many there are.
func TestBrandsWhoseLinksLeadElsewhere(t *testing.T) {
	inWorld(t, func(ro *recovery.Options, po *portal.Options) {
		ro.Brands.Find = func(name string) (recovery.Brand, bool) { return recovery.Brand{Name: name}, true }
		po.Brands.List = []portal.Brand{shop(1), shop(2), shop(3)}
	}, func(w *world) {
		if got := w.log.String(); strings.Count(got, "links of brands do not lead to their pages") != 1 || !strings.Contains(got, "brands=3 first=shop-1") {
			w.t.Errorf("the log is\n%s", got)
		}
	})
}

// A template is rendered for a brand of each shape, and the mistake names the brand.
func TestTemplatesOfBrands(t *testing.T) {
	plain := portal.Brand{Name: "plain", BaseURL: "https://plain.example", Product: "Plain"}
	service := newServiceWith(t, func(o *recovery.Options) { o.Brands.Find = knownBrands(t, plain, shop(1), shop(2)) })
	o := goodOptions()
	o.Brands.List = []portal.Brand{plain, shop(1), shop(2)}
	for text, want := range map[string]string{
		`<h1>{{.Heading}}</h1>{{if .Logo}}{{index .Languages 99}}{{end}}`: `portal: option Templates: brand "shop-1": en: done.html:1:`,
		`<h1>{{.Heading}}</h1>{{.Brand}}`:                                 "",
	} {
		o.Templates = fstest.MapFS{"done.html": {Data: []byte(text)}}
		_, err := portal.New(service, o)
		if (err == nil) != (want == "") || err != nil && (!strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "shop-2")) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A template finds the name of the brand.
func TestTemplateNamesTheBrand(t *testing.T) {
	inWorld(t, func(ro *recovery.Options, po *portal.Options) {
		withBrands(t, shop(1))(ro, po)
		po.Templates = fstest.MapFS{"sent.html": {Data: []byte(`<h1>{{.Heading}}</h1><p>brand: {{.Brand}}.</p>`)}}
	}, func(w *world) {
		w.visitor().at("https://shop1.example").get("/account/sent").is(t, "a brand", 200, "brand: shop-1.")
		w.visitor().at("https://acme.example").get("/account/sent").is(t, "no brand", 200, "brand: .")
	})
}
