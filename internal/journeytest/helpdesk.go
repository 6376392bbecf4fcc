package journeytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

const (
	deskKey  = "a secret of the help desk"
	operator = "Ada Byron (Ticket 4711)"
)

// A helpDesk is one Service, with its APIs for the help desk and for browsers.
type helpDesk struct {
	*recovery.Service
	t         *testing.T
	desk, api http.Handler
	lead      recovery.Lead
	mu        sync.Mutex
	events    []recovery.Event
}

// RunHelpDesk has a help desk issue codes and links, look at what is pending and
// revoke it, and people use it, all by the HTTP APIs. The token store must be a
// [recovery.TokenLister]. limiter may be nil, for one in memory.
func RunHelpDesk(t *testing.T, leads recovery.LeadStore, tokens recovery.TokenStore, limiter recovery.Limiter) {
	t.Helper()
	hasher, err := password.NewBcrypt(password.BcryptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d := &helpDesk{t: t}
	limits := recovery.DefaultLimits()
	many := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100_000, Window: time.Minute}}}
	limits.Issue, limits.ClientCheck, limits.ClientReset, limits.Caller = many, many, many, many
	outbox := &recoverytest.Outbox{}
	d.Service, err = recovery.New(leads, tokens, outbox, recovery.Options{
		Keys: [][]byte{testenv.Key("help desk")}, Prefix: "desk", Link: recovery.Link{URL: "https://www.example.com/reset"},
		Fields: Fields(), SignInField: "UserName", Limiter: limiter, Limits: limits, DangerouslyKeepSessions: true,
		Logger: slog.New(slog.DiscardHandler), Passwords: recovery.PasswordOptions{Hasher: hasher},
		Events: func(_ context.Context, e recovery.Event) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.events = append(d.events, e)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(20*time.Second))
		defer cancel()
		if err := d.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}()
	d.api = d.Handler()
	if d.desk, err = d.HelpDeskHandler(recovery.APIKey{ID: "desk", Secret: recovery.NewSecret(deskKey)}); err != nil {
		t.Fatal(err)
	}
	taro := People()[2]
	if d.lead, err = leads.FindLead(t.Context(), recovery.LeadKey{Field: "UserName", Value: taro.UserName}); err != nil {
		t.Fatal(err)
	}
	d.strangers(taro)
	d.revoked(taro)
	d.race(taro)
	d.used(taro)
	ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience(20*time.Second))
	defer cancel()
	for {
		m, err := outbox.Next(ctx)
		if err != nil {
			t.Fatalf("no notice names the operator: %v", err)
		}
		if m.Kind == recovery.MessagePasswordChanged && m.Operator == operator && m.To == taro.EmailAddress {
			return
		}
	}
}

// post sends a body to one of the APIs, and returns the status. It decodes the
// answer into v, if v is not nil.
func (d *helpDesk) post(h http.Handler, path string, body map[string]any, v any) int {
	d.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(b))).WithContext(d.t.Context())
	r.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, "/help-desk/") {
		r.Header.Set("Authorization", "Bearer "+deskKey)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if v != nil && w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
			d.t.Fatal(err)
		}
	}
	return w.Code
}

func (d *helpDesk) want(what string, got, want int) {
	d.t.Helper()
	if got != want {
		d.t.Errorf("%s: status %d, want %d", what, got, want)
	}
}

type deskToken struct{ URL, Token, Code string }

func (d *helpDesk) issue(kind string) (issued deskToken) {
	d.t.Helper()
	d.want("issue", d.post(d.desk, "/help-desk/issue", map[string]any{"leadId": d.lead.ID, "operator": operator, "kind": kind}, &issued), 200)
	return issued
}

type deskPending struct{ ID, Kind, Operator, Created, Expires string }

func (d *helpDesk) pending() []deskPending {
	d.t.Helper()
	var list struct{ Tokens []deskPending }
	d.want("pending", d.post(d.desk, "/help-desk/pending", map[string]any{"leadId": d.lead.ID}, &list), 200)
	return list.Tokens
}

func (d *helpDesk) revoke(id string) {
	d.t.Helper()
	body := map[string]any{"leadId": d.lead.ID, "operator": operator}
	if id != "" {
		body["id"] = id
	}
	d.want("revoke", d.post(d.desk, "/help-desk/revoke", body, nil), 204)
}

func (d *helpDesk) check(p Person, code string) int {
	d.t.Helper()
	return d.post(d.api, "/check-token", map[string]any{"email": p.EmailAddress, "code": code}, nil)
}

// strangers guess at a code, and cannot end it. Who has none gets the same answers
// (A101).
func (d *helpDesk) strangers(p Person) {
	d.t.Helper()
	code := d.issue("code").Code
	for i := range 30 {
		for _, mail := range []string{p.EmailAddress, People()[3].EmailAddress, "nobody@example.com"} {
			d.want("a guess", d.check(Person{EmailAddress: mail}, fmt.Sprintf("%015d", i)), 400)
			d.want("a guess", d.check(Person{EmailAddress: mail}, fmt.Sprintf("%08d", i)), 400)
		}
	}
	d.want("the code after 90 guesses", d.check(p, strings.ToLower(strings.ReplaceAll(code, "-", " "))), 204)
	d.want("somebody else's code", d.check(People()[3], code), 400)
}

// revoked tokens are dead, each alone and then all.
func (d *helpDesk) revoked(p Person) {
	d.t.Helper()
	code, link := d.issue("code").Code, d.issue("link").Token
	list := d.pending()
	if len(list) != 2 {
		d.t.Fatalf("pending: %+v", list)
	}
	for _, token := range list {
		if token.Operator != operator || token.Created == "" || token.Expires <= token.Created {
			d.t.Errorf("pending: %+v", token)
		}
		if token.Kind == string(recovery.ProofReadOutCode) {
			d.revoke(token.ID)
		}
	}
	d.want("a code that is revoked", d.check(p, code), 400)
	d.want("a link that is not", d.post(d.api, "/check-token", map[string]any{"token": link}, nil), 204)
	d.issue("code")
	d.revoke("")
	d.want("a link that is revoked", d.post(d.api, "/check-token", map[string]any{"token": link}, nil), 400)
	if list := d.pending(); len(list) != 0 {
		d.t.Errorf("pending after all was revoked: %+v", list)
	}
}

// race has resets and revocations happen at the same time: one reset wins at most,
// and no code is left.
func (d *helpDesk) race(p Person) {
	d.t.Helper()
	for range 3 {
		code := d.issue("code").Code
		list := d.pending()
		if len(list) != 1 {
			d.t.Fatalf("pending: %+v", list)
		}
		proof := recovery.CodeProof(recovery.LeadKey{Field: "UserName", Value: p.UserName}, code)
		results, start := make(chan error, 8), make(chan struct{})
		for i := range 8 {
			go func() {
				<-start
				if i%2 == 0 {
					results <- errors.Join(errRevoked, d.RevokeToken(d.t.Context(), d.lead.ID, list[0].ID))
					return
				}
				_, err := d.ResetPassword(d.t.Context(), recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret("eleven idle lighthouses")})
				results <- err
			}()
		}
		close(start)
		won := 0
		for range 8 {
			switch err := <-results; {
			case err == nil:
				won++
			case errors.Is(err, recovery.ErrUnavailable), !errors.Is(err, errRevoked) && !errors.Is(err, recovery.ErrInvalidProof):
				d.t.Error(err)
			}
		}
		if won > 1 {
			d.t.Errorf("%d resets won", won)
		}
		d.want("a code that is used or revoked", d.check(p, code), 400)
	}
}

var errRevoked = errors.New("revoked")

// used is the usual way: a code is read out and used once, and then a link.
func (d *helpDesk) used(p Person) {
	d.t.Helper()
	code := d.issue("code").Code
	for i, proof := range []map[string]any{
		{"identifier": map[string]any{"field": "UserName", "value": p.UserName}, "code": strings.ToLower(code)},
		{"token": d.issue("link").Token},
	} {
		if i == 1 {
			proof["token"] = d.issue("link").Token // the reset before has ended the first one
		}
		d.want("check", d.post(d.api, "/check-token", proof, nil), 204)
		proof["password"] = fmt.Sprintf("nine patient herons %d", i)
		d.want("reset", d.post(d.api, "/reset-password", proof, nil), 204)
		d.want("the same once more", d.post(d.api, "/reset-password", proof, nil), 400)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, e := range d.events {
		if e.Kind == recovery.EventPasswordReset {
			if n++; e.Operator != operator || e.LeadID != d.lead.ID {
				d.t.Errorf("event %+v", e)
			}
		}
	}
	if n < 2 {
		d.t.Errorf("%d resets had events", n)
	}
}
