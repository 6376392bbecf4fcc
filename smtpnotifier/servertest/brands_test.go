package servertest_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// brandNo is one of a thousand brands.
func brandNo(i int) (recovery.Brand, messages.Brand, smtpnotifier.Sender) {
	name := fmt.Sprintf("shop-%03d", i)
	link := func(page string) recovery.Link {
		return recovery.Link{URL: "https://" + name + ".example/" + page}
	}
	return recovery.Brand{Name: name, Link: link("reset"), NotMe: link("not-me")},
		messages.Brand{
			Product: fmt.Sprintf("Shop %d", i), Host: name + ".example", Color: fmt.Sprintf("#%02x%02x%02x", i%64, i/64, 99),
			Texts: map[string]map[string]string{"en": {"reset-link.heading": fmt.Sprintf("Welcome back to number %d", i)}},
		},
		smtpnotifier.Sender{From: netmail.Address{Name: fmt.Sprintf("Shop %d", i), Address: "hello@" + name + ".example"}}
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A thousand brands share one Service, one Renderer and one Notifier. A mail of each
// has its own sender, link host, product, colour and words.
func TestThousandBrands(t *testing.T) {
	const n = 1000
	leads := recoverytest.NewLeads(recovery.Field{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true})
	for i := range n {
		leads.Add(recovery.Lead{Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: fmt.Sprintf("p%d@example.com", i), Verified: true}}}, "")
	}
	r := new(relay).startPiped(t)
	before, began := heap(), time.Now()
	var brands []recovery.Brand
	looks, senders := map[string]messages.Brand{}, map[string]smtpnotifier.Sender{}
	for i := range n {
		brand, look, sender := brandNo(i)
		brands = append(brands, brand)
		looks[brand.Name], senders[brand.Name] = look, sender
	}
	find, err := recovery.BrandList(brands...)
	if err != nil {
		t.Fatal(err)
	}
	renderer, err := messages.New(messages.Options{Product: "Platform", Logger: slog.New(slog.DiscardHandler), Brands: func(name string) (messages.Brand, bool) {
		b, ok := looks[name]
		return b, ok
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name := range looks {
		if err := renderer.CheckBrand(name); err != nil {
			t.Fatal(err)
		}
	}
	opts := piped(r)
	opts.SenderOf = func(m recovery.Message) smtpnotifier.Sender { return senders[m.Brand] }
	service, err := recovery.New(leads, recovery.NewMemoryTokenStore(), newNotifier(t, renderer, opts), recovery.Options{
		Keys: [][]byte{testenv.Key("brands")}, Link: recovery.Link{URL: "https://platform.example/reset"},
		Brands: recovery.BrandOptions{Find: find, Of: func(r *http.Request) string {
			name, ok := strings.CutSuffix(r.Host, ".example")
			if _, known := senders[name]; !ok || !known {
				return ""
			}
			return name
		}},
		DangerouslyKeepSessions: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(20*time.Second))
		defer cancel()
		if err := service.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	took := time.Since(began)
	for i := range n { // one message of each, so that all of them are ready
		m := message()
		m.Brand = brands[i].Name
		if _, err := renderer.Mail(m); err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / n
	t.Logf("started in %v; with all in use, each brand takes %d bytes", took, each)
	if limit := testenv.Patience(n * 5 * time.Millisecond); took > limit {
		t.Errorf("the start took %v, more than 5 ms for each brand", took)
	}
	if each > 50<<10 {
		t.Errorf("each brand takes %d bytes, more than 50 KiB", each)
	}
	api := service.Handler()
	for k := range 10 {
		i := k * 111
		brand, look, sender := brandNo(i)
		req := httptest.NewRequest(http.MethodPost, "/forgot-password", strings.NewReader(fmt.Sprintf(`{"email":"p%d@example.com"}`, i)))
		req.Host = brand.Name + ".example"
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, req)
		if w.Code != http.StatusAccepted {
			t.Fatal(w.Code, w.Body)
		}
		testenv.Eventually(t, 20*time.Second, "a mail of "+brand.Name, func() bool { return len(r.taken()) == k+1 })
		mail := r.taken()[k]
		p := parse(t, mail.data)
		from, err := p.header.AddressList("From")
		if err != nil || *from[0] != sender.From || mail.from != sender.From.Address {
			t.Errorf("%s: From %v, MAIL FROM %s, %v", brand.Name, from, mail.from, err)
		}
		if p.subject != "Reset your "+look.Product+" password" {
			t.Errorf("%s: subject %q", brand.Name, p.subject)
		}
		for _, want := range []string{brand.Link.URL + "?token=", brand.NotMe.URL + "?token="} {
			if !strings.Contains(p.text, want) || !strings.Contains(p.html, want) {
				t.Errorf("%s: no %s in\n%s", brand.Name, want, p.text)
			}
		}
		if !strings.Contains(p.html, look.Color) || !strings.Contains(p.html, fmt.Sprintf("Welcome back to number %d<", i)) || strings.Contains(p.html+p.text, "Platform") || strings.Contains(p.html, "platform.example") {
			t.Errorf("%s: it does not look as its own:\n%s", brand.Name, p.html)
		}
	}
}
