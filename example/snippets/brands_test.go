package snippets_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// A shop is one of the names under which a program serves people.
type shop struct{ name, host, product, color string }

// shops are all of them, by name and by host.
type shops struct{ byName, byHost map[string]shop }

// brands is for recovery.Options.
func (s shops) brands() recovery.BrandOptions {
	return recovery.BrandOptions{
		Find: func(name string) (recovery.Brand, bool) {
			shop, ok := s.byName[name]
			return recovery.Brand{
				Name:  shop.name,
				Link:  recovery.Link{URL: "https://" + shop.host + "/account/reset"},
				NotMe: recovery.Link{URL: "https://" + shop.host + "/account/not-me"},
			}, ok
		},
		// A stranger chooses the header Host: a host that is no shop's has no brand.
		Of: func(r *http.Request) string { return s.byHost[r.Host].name },
	}
}

// look is for messages.Options.
func (s shops) look(name string) (messages.Brand, bool) {
	shop, ok := s.byName[name]
	return messages.Brand{Product: shop.product, Host: shop.host, Color: shop.color}, ok
}

// sender is for smtpnotifier.Options.
func (s shops) sender(m recovery.Message) smtpnotifier.Sender {
	shop, ok := s.byName[m.Brand]
	if !ok {
		return smtpnotifier.Sender{} // that of the options
	}
	return smtpnotifier.Sender{From: mail.Address{Name: shop.product, Address: "no-reply@" + shop.host}}
}

// writer writes the messages of all shops. A mistake in one of them ends the program
// when it starts, and not when somebody waits for a mail.
func (s shops) writer() (*messages.Renderer, error) {
	renderer, err := messages.New(messages.Options{Product: "Acme Shops", Brands: s.look})
	if err != nil {
		return nil, err
	}
	for name := range s.byName {
		if err := renderer.CheckBrand(name); err != nil {
			return nil, err
		}
	}
	return renderer, nil
}

// sendOrder asks for a link from a page that knows more of the person.
func sendOrder(ctx context.Context, service *recovery.Service, r *http.Request, email, order string) error {
	_, err := service.ForgotPassword(ctx, recovery.ForgotRequest{
		Key:       recovery.LeadKey{Field: "EmailAddress", Value: email},
		Requester: service.Requester(r),
		Brand:     service.Brand(r),
		Data:      map[string]string{"order": order},
	})
	return err
}

func newShops(all ...shop) shops {
	s := shops{map[string]shop{}, map[string]shop{}}
	for _, shop := range all {
		s.byName[shop.name], s.byHost[shop.host] = shop, shop
	}
	return s
}

// The page docs/brands.md, followed step by step.
func TestBrands(t *testing.T) {
	s := newShops(shop{"books", "books.example", "Book Shop", "#7a1f5c"}, shop{"garden", "garden.example", "Garden Shop", "#0b6b3a"})
	renderer, err := s.writer()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newShops(shop{"wrong", "wrong.example", "", "yellow"}).writer(); err == nil {
		t.Error("a wrong colour was not found")
	}
	notifier, err := smtpnotifier.New(renderer, smtpnotifier.Options{
		Server: smtpnotifier.Server{Address: "smtp.example.com:587"}, From: mail.Address{Address: "no-reply@example.com"}, SenderOf: s.sender,
	})
	if err != nil || !strings.Contains(fmt.Sprint(notifier.Channels()), "email") {
		t.Fatal(err)
	}
	leads := recoverytest.NewLeads()
	ada := recovery.Lead{ID: "ada", Brand: "garden", Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: "ada@example.com", Verified: true}}}
	bob := recovery.Lead{ID: "bob", Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: "bob@example.com", Verified: true}}}
	eve := recovery.Lead{ID: "eve", Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: "eve@example.com", Verified: true}}}
	for _, lead := range []recovery.Lead{ada, bob, eve} {
		leads.Add(lead, "")
	}
	outbox := &recoverytest.Outbox{}
	service, err := recovery.New(leads, recovery.NewMemoryTokenStore(), outbox, recovery.Options{
		Keys: [][]byte{testenv.Key("brands")}, Link: recovery.Link{URL: "https://www.example.com/reset"},
		DangerouslyKeepSessions: true, Logger: slog.New(slog.DiscardHandler), Brands: s.brands(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(20*time.Second))
	defer cancel()
	for _, test := range []struct{ host, email, product, from string }{
		{"books.example", "bob@example.com", "Book Shop", "no-reply@books.example"},
		{"books.example", "ada@example.com", "Garden Shop", "no-reply@garden.example"}, // the lead's brand wins
		{"evil.example", "eve@example.com", "Acme Shops", ""},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Host = test.host
		if err := sendOrder(ctx, service, r, test.email, "4711"); err != nil {
			t.Fatal(err)
		}
		m, err := outbox.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		written, err := renderer.Mail(m)
		if err != nil || !strings.Contains(written.Subject, test.product) || s.sender(m).From.Address != test.from || m.Data["order"] != "4711" {
			t.Errorf("%s at %s: %q from %v with %v, %v", test.email, test.host, written.Subject, s.sender(m).From, m.Data, err)
		}
	}
	if err := service.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
