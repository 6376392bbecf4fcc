package leadsquared_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/seed-51359b35/recovery"
)

// A38, A39: after the whole flow, with everything that can go wrong, there is
// no secret in any log, event or answer, in any spelling.
func TestSecretsStayInside(t *testing.T) {
	var mu sync.Mutex
	var events strings.Builder
	change := func(o *recovery.Options) {
		o.Events = func(_ context.Context, e recovery.Event) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(&events, "%+v\n", e)
		}
	}
	bubble(t, change, func(t *testing.T, w *world) {
		var answers strings.Builder
		secrets := []string{secretA, secretB, nextSecA, goodPass, "wrong-secret-of-a-guess", "Another-good-1-password"}
		public := []string{keyA, tokenA} // the Access endpoints return these, but no log needs them

		link := w.mailedLink(w.a, asA)
		secrets = append(secrets, link.Query().Get("TemporaryPassword"))
		answers.WriteString(w.dump(post(forgotV2, seedEmail)))
		answers.WriteString(w.dump(post(forgotV2, seedRecipient)))
		settle()
		w.a.outbox.Intercept(func(context.Context, recovery.Message) error {
			return errors.New("smtp: 550 " + johnMail + " unknown")
		})
		answers.WriteString(w.dump(post(forgotV2, seedEmail)))
		settle()
		var second *url.URL
		for i, m := range w.a.links() {
			u, err := url.Parse(m.URL.Reveal())
			if err != nil {
				t.Fatal(err)
			}
			if i == 1 {
				second = u
			}
			secrets = append(secrets, u.Query().Get("TemporaryPassword"))
		}
		answers.WriteString(w.dump(get(query(publicTok, accessA, "wrong-secret-of-a-guess"))))
		answers.WriteString(w.dump(get(query(publicTok, accessA, secretA))))
		answers.WriteString(w.dump(get(regTok, pair(accessA, secretA))))
		for _, write := range []func() error{
			func() error { return errors.Join(recovery.ErrNotWritten, errors.New("deadlock")) },
			func() error { panic("hash-of-18-bytes " + goodPass) },
		} {
			w.a.onWrite(write)
			answers.WriteString(w.dump(post(resetV2, resetWith(goodPass, link))))
			settle()
		}
		w.a.onWrite(nil)
		answers.WriteString(w.dump(post(resetV2, resetWith("Another-good-1-password", link))))
		for range 2 {
			// The second of three; the fourth replaced the third.
			answers.WriteString(w.dump(post(resetV2, resetWith(goodPass, second))))
		}
		answers.WriteString(w.dump(post(resetV2, `{"Password":"`+goodPass+`","LeadId":{},"TemporaryPassword":"x"}`)))
		settle()

		if w.a.leads.Writes() != 1 {
			t.Fatal("no reset succeeded, so this proves nothing")
		}
		mu.Lock()
		defer mu.Unlock()
		for name, text := range map[string]string{"logs": w.logs.String(), "events": events.String(), "answers": answers.String()} {
			if text == "" {
				t.Errorf("no %s, so this proves nothing", name)
			}
			for _, secret := range secrets {
				for _, s := range spellings(secret) {
					if strings.Contains(text, s) {
						t.Errorf("%s hold %s", name, s)
					}
				}
			}
		}
		for _, s := range append(public, accessA, johnMail, "4157415569", "lang=en") {
			if strings.Contains(w.logs.String(), s) {
				t.Errorf("logs hold %s", s)
			}
		}
	})
}

// spellings returns a secret in its usual encodings.
func spellings(s string) []string {
	return []string{
		s, strings.ToUpper(s), url.QueryEscape(s), url.PathEscape(s), hex.EncodeToString([]byte(s)),
		base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
	}
}
