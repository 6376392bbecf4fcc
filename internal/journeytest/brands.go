package journeytest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// Brands goes the way of a person at each of two brands and at none, through the JSON
// API: from the request to the link, the new password, the notice, and "this was not
// me". limiter may be nil, for one in memory.
func Brands(t *testing.T, leads recovery.LeadStore, tokens recovery.TokenStore, limiter recovery.Limiter) {
	t.Helper()
	hasher, err := password.NewBcrypt(password.BcryptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var brands []recovery.Brand
	for _, name := range []string{"acme", "beta"} {
		brands = append(brands, recovery.Brand{
			Name: name, Link: recovery.Link{URL: "https://" + name + ".example/reset"}, NotMe: recovery.Link{URL: "https://" + name + ".example/not-me"},
		})
	}
	find, err := recovery.BrandList(brands...)
	if err != nil {
		t.Fatal(err)
	}
	j := brandJourney{t: t, outbox: &recoverytest.Outbox{}}
	s, err := recovery.New(leads, tokens, j.outbox, recovery.Options{
		Keys: [][]byte{testenv.Key("brands")}, Link: recovery.Link{URL: "https://www.example/reset"}, NotMe: recovery.Link{URL: "https://www.example/not-me"},
		Fields: Fields(), Limiter: limiter, DangerouslyKeepSessions: true, Logger: slog.New(slog.DiscardHandler),
		Passwords: recovery.PasswordOptions{Hasher: hasher},
		Brands: recovery.BrandOptions{Find: find, Of: func(r *http.Request) string {
			name := strings.TrimSuffix(r.Host, ".example")
			if _, ok := find(name); !ok {
				return ""
			}
			return name
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(20*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}()
	j.api = s.Handler()
	for i, host := range []string{"acme.example", "beta.example", "www.example"} {
		j.at(host, People()[i+1].UserName)
	}
}

// OneOfABrand asks for a code for the address that ada-home of the brand acme and
// ada-work of the brand beta share. A store that knows the brands of its leads finds
// the one of the request's brand.
func OneOfABrand(t *testing.T, leads recovery.LeadStore) {
	t.Helper()
	find, err := recovery.BrandList(recovery.Brand{Name: "acme"}, recovery.Brand{Name: "beta"}, recovery.Brand{Name: "none"})
	if err != nil {
		t.Fatal(err)
	}
	outbox := &recoverytest.Outbox{}
	s, err := recovery.New(leads, recovery.NewMemoryTokenStore(), outbox, recovery.Options{
		Keys: [][]byte{testenv.Key("brands")}, Link: recovery.Link{URL: "https://www.example/reset"},
		Fields: Fields(), SignInField: "UserName", DangerouslyKeepSessions: true, Logger: slog.New(slog.DiscardHandler),
		Brands: recovery.BrandOptions{Find: find},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(20*time.Second))
	defer cancel()
	for _, brand := range []string{"none", "", "acme"} { // the first two are for nobody
		_, err := s.ForgotPassword(ctx, recovery.ForgotRequest{
			Key: recovery.LeadKey{Field: "EmailAddress", Value: "shared@example.com"}, Code: true, Brand: brand,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	m, err := outbox.Next(ctx)
	if err != nil || m.Account != "ada-home" || m.Brand != "acme" {
		t.Errorf("%v of brand %q for %q, %v", m, m.Brand, m.Account, err)
	}
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if n := outbox.Len(); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

type brandJourney struct {
	t      *testing.T
	api    http.Handler
	outbox *recoverytest.Outbox
}

// at goes the way at one host.
func (j brandJourney) at(host, user string) {
	j.t.Helper()
	brand := strings.TrimSuffix(strings.TrimSuffix(host, ".example"), "www")
	j.post(host, "/forgot-password", http.StatusAccepted, map[string]any{"identifier": map[string]string{"field": "UserName", "value": user}})
	m := j.next(recovery.MessageResetLink)
	token := j.leadsTo(m, m.URL, brand, host)
	j.leadsTo(m, m.NotMe, brand, host)
	j.post(host, "/check-token", http.StatusNoContent, map[string]any{"token": token})
	j.post(host, "/reset-password", http.StatusNoContent, map[string]any{"token": token, "password": "seven brass monkeys " + user[:2]})
	notice := j.next(recovery.MessagePasswordChanged)
	j.post(host, "/not-me", http.StatusNoContent, map[string]any{"token": j.leadsTo(notice, notice.NotMe, brand, host)})
	m = j.next(recovery.MessageResetLink)
	token = j.leadsTo(m, m.URL, brand, host)
	// The link is the person's, so every brand takes it.
	j.post("www.example", "/check-token", http.StatusNoContent, map[string]any{"token": token})
}

func (j brandJourney) post(host, path string, want int, body any) {
	j.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		j.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(j.t.Context(), http.MethodPost, path, strings.NewReader(string(text)))
	r.Host = host
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	j.api.ServeHTTP(w, r)
	if w.Code != want {
		j.t.Fatalf("%s%s: %d, want %d: %s", host, path, w.Code, want, w.Body)
	}
}

// next waits for a message of a kind.
func (j brandJourney) next(kind recovery.MessageKind) recovery.Message {
	j.t.Helper()
	ctx, cancel := context.WithTimeout(j.t.Context(), testenv.Patience(20*time.Second))
	defer cancel()
	for {
		m, err := j.outbox.Next(ctx)
		if err != nil {
			j.t.Fatalf("no %s: %v", kind, err)
		}
		if m.Kind == kind {
			return m
		}
	}
}

// leadsTo checks the brand of a message and the host of a link in it, and returns the
// token in the link.
func (j brandJourney) leadsTo(m recovery.Message, link recovery.Secret, brand, host string) string {
	j.t.Helper()
	u, err := url.Parse(link.Reveal())
	if err != nil {
		j.t.Fatal(err)
	}
	if m.Brand != brand || u.Host != host {
		j.t.Errorf("%v of brand %q leads to %s, want %q and %s", m, m.Brand, u.Host, brand, host)
	}
	return u.Query().Get("token")
}
