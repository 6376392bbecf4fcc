package messages_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*messages.Options)
		bad    string // the option with the mistake, or empty
	}{
		{"nothing but Product", func(o *messages.Options) { *o = messages.Options{Product: "Acme"} }, ""},
		{"no Product", func(o *messages.Options) { o.Product = "" }, "Product"},
		{"a Product of 60 characters", func(o *messages.Options) { o.Product = strings.Repeat("é", 60) }, ""},
		{"a Product of 61", func(o *messages.Options) { o.Product = strings.Repeat("é", 61) }, "Product"},
		{"a Product of two lines (A13)", func(o *messages.Options) { o.Product = "Acme\r\nBcc: x" }, "Product"},
		{"a Product with a no-break space", func(o *messages.Options) { o.Product = "Acme\u00a0Inc" }, "Product"},
		{"a Product with an override (A66)", func(o *messages.Options) { o.Product = "Acme\u202e" }, "Product"},
		{"a Product with an invisible character", func(o *messages.Options) { o.Product = "Ac\u200bme" }, "Product"},
		{"a Product that is no text", func(o *messages.Options) { o.Product = "Acme\xff" }, "Product"},
		{"a Product with spaces around", func(o *messages.Options) { o.Product = " Acme" }, "Product"},
		{"a Product that is a URL", func(o *messages.Options) { o.Product = "https://acme.example" }, "Product"},
		{"a Product with signs", func(o *messages.Options) { o.Product = "Acme & Söhne™ 50%!d" }, ""},
		{"a Product in another script", func(o *messages.Options) { o.Product = "متجر" }, ""},

		{"no Host", func(o *messages.Options) { o.Host = "" }, ""},
		{"localhost", func(o *messages.Options) { o.Host = "localhost" }, ""},
		{"an internationalised Host in ASCII", func(o *messages.Options) { o.Host = "www.xn--bcher-kva.example" }, ""},
		{"a Host in Unicode", func(o *messages.Options) { o.Host = "bücher.example" }, "Host"},
		{"a Host in capitals", func(o *messages.Options) { o.Host = "Example.com" }, "Host"},
		{"a Host with a scheme", func(o *messages.Options) { o.Host = "https://example.com" }, "Host"},
		{"a Host with a port", func(o *messages.Options) { o.Host = "example.com:443" }, "Host"},
		{"a Host with a path", func(o *messages.Options) { o.Host = "example.com/" }, "Host"},
		{"a Host with a trailing dot", func(o *messages.Options) { o.Host = "example.com." }, "Host"},
		{"a Host without a dot", func(o *messages.Options) { o.Host = "example" }, "Host"},
		{"a Host with a space", func(o *messages.Options) { o.Host = "example.com #1" }, "Host"},
		{"a Host with a second line", func(o *messages.Options) { o.Host = "example.com\nx.y" }, "Host"},
		{"a Host with a hyphen first", func(o *messages.Options) { o.Host = "-a.example" }, "Host"},
		{"a Host with a long label", func(o *messages.Options) { o.Host = strings.Repeat("a", 64) + ".example" }, "Host"},
		{"a Host that is too long", func(o *messages.Options) { o.Host = strings.Repeat("a.", 130) + "example" }, "Host"},
		{"an address for a Host", func(o *messages.Options) { o.Host = "192.0.2.1" }, "Host"},

		{"Support by mail", func(o *messages.Options) { o.Support = "Help.Me+x@example.com" }, ""},
		{"Support by web", func(o *messages.Options) { o.Support = "https://example.com/help?a=b&c=d" }, ""},
		{"Support by http", func(o *messages.Options) { o.Support = "http://example.com/help" }, "Support"},
		{"Support by script (A66)", func(o *messages.Options) { o.Support = "javascript:alert(1)" }, "Support"},
		{"Support with a name", func(o *messages.Options) { o.Support = "Help <help@example.com>" }, "Support"},
		{"Support with headers (A13)", func(o *messages.Options) { o.Support = "help?cc=x@example.com" }, "Support"},
		{"Support at no domain", func(o *messages.Options) { o.Support = "help@example" }, "Support"},
		{"Support with user information", func(o *messages.Options) { o.Support = "https://a@example.com/" }, "Support"},
		{"Support without host", func(o *messages.Options) { o.Support = "https:///help" }, "Support"},
		{"Support that is too long", func(o *messages.Options) { o.Support = "https://example.com/" + strings.Repeat("x", 200) }, "Support"},

		{"a Color", func(o *messages.Options) { o.Color = "#0A7B3E" }, ""},
		{"black", func(o *messages.Options) { o.Color = "#000000" }, ""},
		{"a Color that white cannot be read on", func(o *messages.Options) { o.Color = "#ffcc00" }, "Color"},
		{"the lightest grey", func(o *messages.Options) { o.Color = "#767676" }, ""},
		{"a lighter one", func(o *messages.Options) { o.Color = "#777777" }, "Color"},
		{"a Color by name", func(o *messages.Options) { o.Color = "blue" }, "Color"},
		{"a short Color", func(o *messages.Options) { o.Color = "#000" }, "Color"},
		{"a Color with more behind it (A66)", func(o *messages.Options) { o.Color = "#000000;background:url(//evil)" }, "Color"},
		{"a Color with a sign", func(o *messages.Options) { o.Color = "#+00000" }, "Color"},

		{"a Default", func(o *messages.Options) { o.DefaultLanguage = language.Arabic }, ""},
		{"a Default of a region", func(o *messages.Options) { o.DefaultLanguage = language.MustParse("fr-CA") }, ""},
		{"a Default that is not spoken", func(o *messages.Options) { o.DefaultLanguage = language.Finnish }, "DefaultLanguage"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := messages.Options{Product: "Acme", Host: "example.com"}
			tt.change(&o)
			s, err := messages.New(o)
			if tt.bad == "" {
				if err != nil {
					t.Fatal(err)
				}
				for _, kind := range allKinds {
					mustMail(t, s, newMessage(kind, "en"))
				}
				return
			}
			option, ok := errors.AsType[*recovery.OptionError](err)
			if !ok || option.Option != tt.bad || option.Package != "messages" || strings.Contains(err.Error(), "\n") || s != nil {
				t.Errorf("%v, want one mistake in %s", err, tt.bad)
			}
		})
	}
}

// TestAllOptionsAtOnce: all mistakes are reported, and not only the first.
func TestAllOptionsAtOnce(t *testing.T) {
	_, err := messages.New(messages.Options{Host: "x", Support: "x", Color: "x", DefaultLanguage: language.Finnish, Templates: files("x.html", "")})
	for _, option := range []string{"Product", "Host", "Support", "Color", "DefaultLanguage", "Templates"} {
		if !strings.Contains(fmt.Sprint(err), "messages: option "+option+": ") {
			t.Errorf("%s is not reported in\n%v", option, err)
		}
	}
}

// TestColor: buttons have the colour, in both schemes.
func TestColor(t *testing.T) {
	for color, want := range map[string]string{"": `bgcolor="#1f4fd8"`, "#0A7B3E": `bgcolor="#0A7B3E"`} {
		s := newRenderer(t, func(o *messages.Options) { o.Color = color })
		if html := mustMail(t, s, newMessage(recovery.MessageResetLink, "en")).HTML; !strings.Contains(html, want) || !strings.Contains(html, strings.Trim(strings.Replace(want, "bgcolor=", "background-color:", 1), `"`)[:17]) {
			t.Errorf("%q: no %s", color, want)
		}
	}
}

// TestSupport: the contact stands at the end of both parts, as a link in the
// HTML.
func TestSupport(t *testing.T) {
	for support, href := range map[string]string{"help@example.com": "mailto:help@example.com", "https://example.com/help?a=b&c=d": "https://example.com/help?a=b&c=d"} {
		s := newRenderer(t, func(o *messages.Options) { o.Support = support })
		for _, kind := range allKinds {
			mail := mustMail(t, s, newMessage(kind, "ja"))
			links := parseHTML(t, mail.HTML).links
			if links[len(links)-1] != href || !strings.HasSuffix(mail.Text, " "+support+"\n") {
				t.Errorf("%s: %q, %s", kind, links, mail.Text)
			}
		}
	}
}
