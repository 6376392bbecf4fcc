package portal_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

// What a brand costs, at most. It takes 0.1 ms on one core of a server, with 172
// allocations, and 50 times as long would still be 5 ms. How long it takes is not
// held here, because that depends on what else the machine does.
const (
	maxBrandMemory      = 50 << 10
	maxBrandAllocations = 1000
)

// One Handler serves a thousand brands, which start at once and take little memory.
// The pages of ten of them are theirs in everything.
func TestThousandBrands(t *testing.T) {
	const n = 1000
	var list []portal.Brand
	for i := range n {
		list = append(list, shop(i))
	}
	service := newServiceWith(t, func(o *recovery.Options) { o.Brands.Find = knownBrands(t, list...) })
	opts := goodOptions()
	opts.Languages = nil
	if _, err := portal.New(service, opts); err != nil { // it parses what all Handlers share
		t.Fatal(err)
	}
	opts.Brands.List = list
	before, start := memory(), time.Now()
	pages, err := portal.New(service, opts)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	after := memory()
	runtime.KeepAlive(pages)
	runtime.KeepAlive(list)
	grown, allocations := (int64(after.HeapAlloc)-int64(before.HeapAlloc))/n, (after.Mallocs-before.Mallocs)/n
	t.Logf("a brand takes %v, %d allocations and %d bytes, of which its logo has %d", took/n, allocations, grown, len(list[0].Logo))
	if grown > maxBrandMemory || allocations > maxBrandAllocations {
		t.Errorf("a brand takes %d bytes and %d allocations, want at most %d and %d", grown, allocations, maxBrandMemory, maxBrandAllocations)
	}
	inWorld(t, func(ro *recovery.Options, po *portal.Options) {
		withBrands(t, list...)(ro, po)
		po.Languages = nil
	}, func(w *world) {
		for i := 0; i < n; i += n / 10 {
			looksLikeItself(w, list[i], list[(i+1)%n])
		}
		w.visitor().get("/account/forgot").is(t, "a host of no brand", 421)
		w.visitor().at("https://acme.example").get("/account/forgot").is(t, "the pages of no brand", 200, "Acme", "Forgot your password?")
	})
}

// BenchmarkThousandBrands is the start of a Handler with a thousand brands.
func BenchmarkThousandBrands(b *testing.B) {
	var list []portal.Brand
	for i := range 1000 {
		list = append(list, shop(i))
	}
	service := newServiceWith(b, func(o *recovery.Options) { o.Brands.Find = knownBrands(b, list...) })
	opts := goodOptions()
	opts.Languages, opts.Brands.List = nil, list
	b.ReportAllocs()
	for b.Loop() {
		if _, err := portal.New(service, opts); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNew is the start of a Handler without brands.
func BenchmarkNew(b *testing.B) {
	service, opts := newService(b), goodOptions()
	opts.Languages = nil
	b.ReportAllocs()
	for b.Loop() {
		if _, err := portal.New(service, opts); err != nil {
			b.Fatal(err)
		}
	}
}

// memory returns what is in use, after a collection, and what was allocated.
func memory() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

// looksLikeItself looks at the pages of a brand.
func looksLikeItself(w *world, b, other portal.Brand) {
	w.t.Helper()
	t := w.t
	n := strings.TrimPrefix(b.Name, "shop-")
	v := w.visitor().at(strings.TrimSuffix(b.BaseURL, "/account"))
	forgot := v.get("/account/forgot")
	forgot.is(t, b.Name, 200, "Lost your key to shop "+n+"?")
	v.get("/account/forgot?lang=de").is(t, b.Name, 200, "Schlüssel zu Laden "+n+" verlegt?")
	v.get("/account/forgot?lang=ar")
	v.post("/account/forgot", "identifier", "nobody@example.com")
	pages := []page{forgot, v.get("/account/sent"), v.get("/account/code"), v.get("/account/reset"), v.get("/account/not-me"), v.get("/account/nothing")}
	for _, p := range pages {
		for _, want := range []string{"<title>", b.Product, "--accent:" + b.Color, `<img src="/account/logo?`, `href="mailto:` + b.Support} {
			if !strings.Contains(p.body, want) {
				t.Errorf("%s: the page %q has no %s", b.Name, p.text(), want)
			}
		}
		if strings.Contains(p.body, "Acme") || strings.Contains(p.body, other.Product) {
			t.Errorf("%s: the page %q names another brand", b.Name, p.text())
		}
		if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "img-src 'self';") {
			t.Errorf("%s: policy %q", b.Name, csp)
		}
	}
	if !strings.Contains(forgot.body, `href="`+b.SignIn+`"`) {
		t.Errorf("%s: no link to %s", b.Name, b.SignIn)
	}
	if logo := v.get("/account/logo"); logo.body != string(b.Logo) || logo.Header.Get("Content-Type") != "image/png" {
		t.Errorf("%s: another logo", b.Name)
	}
	if p := v.get("/.well-known/change-password"); p.StatusCode != 303 || p.Header.Get("Location") != "/account/forgot" {
		t.Errorf("%s: the well-known URL answers %d %q", b.Name, p.StatusCode, p.Header.Get("Location"))
	}
}
