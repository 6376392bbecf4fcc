package portal_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/redisstore"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// storeTimeout is far longer than any store needs, so that a busy machine breaks
// nothing.
const storeTimeout = time.Minute

// A backend is where a site keeps its tokens and its limits, and on SQL its leads too.
type backend struct {
	name string
	// start starts the server, which the sites of all ways share. The function that it
	// returns gives a site its place there.
	start func(t *testing.T) (furnish func(t *testing.T, s *site, o *recovery.Options))
}

func backends() []backend {
	return []backend{
		{"memory", func(*testing.T) func(*testing.T, *site, *recovery.Options) {
			return func(_ *testing.T, _ *site, o *recovery.Options) { o.Limiter = nil }
		}},
		{"Redis", func(t *testing.T) func(*testing.T, *site, *recovery.Options) {
			client := redistest.Start(t).Client(t)
			return func(t *testing.T, s *site, o *recovery.Options) {
				store, err := redisstore.New(client, redisstore.Options{Timeout: storeTimeout, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				s.tokens, o.Limiter = store, store
			}
		}},
		{"PostgreSQL", func(t *testing.T) func(*testing.T, *site, *recovery.Options) {
			// Only the tests of this one need it, so it ends with the test.
			db, err := sql.Open("pgx", sqltest.StartPostgreSQL(t, "-c", "fsync=off").URL("postgres"))
			if err != nil {
				t.Fatal(err)
			}
			db.SetMaxOpenConns(20)
			t.Cleanup(func() { _ = db.Close() })
			if err := sqlstore.Migrate(t.Context(), db, sqlstore.PostgreSQL); err != nil {
				t.Fatal(err)
			}
			return func(t *testing.T, s *site, o *recovery.Options) {
				store, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{Timeout: storeTimeout, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				s.tokens, o.Limiter = store, store
				s.moveTo(t, db, o.Prefix)
			}
		}},
	}
}

// moveTo gives the site tables of its own for its people, as an application has them.
func (s *site) moveTo(t *testing.T, db *sql.DB, name string) {
	t.Helper()
	users, former := "users_"+name, "former_"+name
	for _, statement := range []string{
		"CREATE TABLE " + users + " (id text PRIMARY KEY, name text, email text, phone text, password_hash text)",
		"CREATE TABLE " + former + " (id bigserial PRIMARY KEY, user_id text NOT NULL, password_hash text NOT NULL)",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, address := range []string{johnMail, maryMail} {
		lead, err := s.leads.FindLead(t.Context(), recovery.LeadKey{Field: "EmailAddress", Value: address})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO "+users+" VALUES ($1, $2, $3, $4, $5)",
			lead.ID, lead.Name, address, lead.Fields["Phone"].Value, s.leads.Hash(lead.ID)); err != nil {
			t.Fatal(err)
		}
	}
	statements, err := sqlstore.Columns{
		Table: users, ID: "id", PasswordHash: "password_hash", Name: "name", HashWidth: 40,
		Fields: map[string]sqlstore.FieldColumns{
			"EmailAddress": {Value: "email", Verified: "true"}, "Phone": {Value: "phone", Verified: "true"},
		},
		History: sqlstore.HistoryColumns{Table: former, LeadID: "user_id", PasswordHash: "password_hash", Order: "id"},
	}.Statements(sqlstore.PostgreSQL, fields)
	if err != nil {
		t.Fatal(err)
	}
	if s.store, err = sqlstore.NewHistoryLeads(db, sqlstore.PostgreSQL, fields, statements); err != nil {
		t.Fatal(err)
	}
	s.hashOf = func(leadID string) (hash string, err error) {
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		defer cancel()
		err = db.QueryRowContext(ctx, "SELECT password_hash FROM "+users+" WHERE id = $1", leadID).Scan(&hash)
		return hash, err
	}
}

// oldPassword is John's.
const oldPassword = "old password of John Wick"

// A walk is the site of one way, with the sign-in of a host around the pages.
type walk struct {
	*site
	in *signIns
}

// A way is one that a person goes through the pages alone, to the end.
type way struct {
	name string
	edit func(s *site, o *recovery.Options, p *portal.Options)
	run  func(t *testing.T, w walk)
}

// Everything that people do on the pages, on every kind of store with its own limits:
// by a mailed code, a code in a text message, a code that a help desk reads out, while
// they are signed in, with a second factor, and at a brand. Each way ends where the
// person signs in with the new password, or goes on. Without RECOVERY_LONG=1, each store
// has two of the ways.
func TestChromiumWaysOnEveryStore(t *testing.T) {
	t.Parallel()
	browsertest.Require(t)
	ways := []way{
		{"mailed_code", func(_ *site, o *recovery.Options, _ *portal.Options) { o.MailCodes = recovery.MailCodesOnRequest }, byMailedCode},
		{"text_message", withManyCodes, byTextMessage},
		{"help_desk", func(_ *site, o *recovery.Options, p *portal.Options) { withHelpDesk(o, p) }, byHelpDesk},
		{"change", nil, bySignedIn},
		{"second_factor", func(_ *site, o *recovery.Options, _ *portal.Options) { withFactor(o, "123456", "234567") }, bySecondFactor},
		{"brand", withShops, byBrand},
	}
	for i, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			furnish := b.start(t)
			for j, way := range ways {
				if !testenv.Long() && j%3 != i {
					continue
				}
				t.Run(way.name, func(t *testing.T) {
					t.Parallel()
					in := &signIns{open: map[string]string{}}
					s := newSiteWith(t, func(s *site, o *recovery.Options, p *portal.Options) {
						// Ways that share a server count their limits apart.
						o.Prefix, o.StoreTimeout = way.name, storeTimeout
						in.serve(o)
						furnish(t, s, o)
						if way.edit != nil {
							way.edit(s, o, p)
						}
						s.signInPages(in)
					})
					way.run(t, walk{s, in})
				})
			}
		})
	}
}

// signInPages serves what a host has around the pages: its sign-in, and a page that
// says who is signed in.
func (s *site) signInPages(in *signIns) {
	page := func(w http.ResponseWriter, status int, body string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `<!DOCTYPE html><title>Host</title><link rel="icon" href="data:,">`+body)
	}
	signIn := func(w http.ResponseWriter, r *http.Request) {
		const form = `<form method="post"><input id="account" name="account" autocomplete="username"><input id="secret" name="secret" type="password" autocomplete="current-password"><button type="submit">Sign in</button></form>`
		if r.Method != http.MethodPost {
			page(w, http.StatusOK, form)
			return
		}
		id := map[string]string{johnMail: s.john, maryMail: s.mary}[r.PostFormValue("account")]
		if hash, err := s.hashOf(id); id == "" || err != nil || hash != s.hash(r.PostFormValue("secret")) {
			page(w, http.StatusUnauthorized, form)
			return
		}
		http.SetCookie(w, in.cookie(id))
		http.Redirect(w, r, "/home", http.StatusSeeOther)
	}
	s.host = map[string]http.HandlerFunc{"/sign-in": signIn, "/log-in": signIn, "/home": func(w http.ResponseWriter, r *http.Request) {
		who := "nobody"
		if cookie, err := r.Cookie("__Host-session"); err == nil && in.all()[cookie.Value] != "" {
			who = in.all()[cookie.Value]
		}
		page(w, http.StatusOK, "Signed in: "+who)
	}}
}

// signsIn fills in the sign-in page that the tab shows. It says whether it worked.
func (w walk) signsIn(tab *browsertest.Tab, pw string) bool {
	w.t.Helper()
	fill(tab, "#account", johnMail)
	fill(tab, "#secret", pw)
	submit(tab)
	return tab.Status() == 200 && said(tab) == "Signed in: "+w.john
}

// isSignedIn checks who the host says is signed in.
func (w walk) isSignedIn(tab *browsertest.Tab, who string) {
	w.t.Helper()
	tab.Load(w.url(hostOfSite, "/home"))
	if got := said(tab); got != "Signed in: "+who {
		w.t.Errorf("%s, want %s", got, who)
	}
}

// chooses has the person choose a password on the page that the tab shows, follow the
// button to the sign-in, and sign in. The old password is refused there.
func (w walk) chooses(tab *browsertest.Tab) {
	w.t.Helper()
	w.on(tab, "/reset", 200, "Choose a new password")
	w.has(w.john, oldPassword)
	fill(tab, "#password", goodPassword)
	submit(tab)
	w.done(tab, goodPassword)
}

// done checks the page after a reset, and signs in with the new password.
func (w walk) done(tab *browsertest.Tab, pw string) {
	w.t.Helper()
	w.on(tab, "/done", 200, "Your password was changed")
	w.has(w.john, pw)
	w.has(w.mary, "old password of Mary")
	tab.Follow(func() { tab.Click("a.button") })
	if w.signsIn(tab, oldPassword) {
		w.t.Error("the old password is still taken")
	}
	if !w.signsIn(tab, pw) {
		w.t.Errorf("the new password is not taken: %d %s", tab.Status(), said(tab))
	}
	w.complainsOfRefusals(tab)
}

// complainsOfRefusals is silent, but for complaints about answers that refuse a form.
func (w walk) complainsOfRefusals(tab *browsertest.Tab) {
	w.t.Helper()
	for _, c := range tab.Complaints() {
		if !strings.Contains(c, "status of 401") && !strings.Contains(c, "status of 422") {
			w.t.Errorf("the browser complains: %s", c)
		}
	}
}

func byMailedCode(_ *testing.T, w walk) {
	tab := w.tab("en", 390)
	tab.Load(w.base + "/forgot")
	fill(tab, "#identifier", johnMail)
	tab.Click("[name=send][value=code]")
	submit(tab)
	w.on(tab, "/code", 200, "an e-mail with a code")
	code := w.message(recovery.MessageResetCode, johnMail).Code.Reveal()
	tab.Click("#code")
	tab.Type(code)
	submit(tab)
	w.chooses(tab)
	w.message(recovery.MessagePasswordChanged, johnMail)
}

// withManyCodes sends a number more than one code in a minute.
func withManyCodes(_ *site, o *recovery.Options, _ *portal.Options) {
	often := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100, Window: time.Minute}}}
	o.Limits.Identifier, o.Limits.Lead, o.Limits.Recipient = often, often, often
}

// A stranger asks for a code for the same number, and guesses beside the person. No
// guess costs the person's code, and that code is worth nothing in the stranger's
// browser.
func byTextMessage(t *testing.T, w walk) {
	ask := func() (tab *browsertest.Tab, code string) {
		tab = w.tab("en", 390)
		tab.Load(w.base + "/forgot")
		fill(tab, "#identifier", johnPhone)
		submit(tab)
		w.on(tab, "/code", 200, "an account for "+johnPhone)
		return tab, w.message(recovery.MessageResetCode, johnPhone).Code.Reveal()
	}
	guess := func(tab *browsertest.Tab, code string) {
		t.Helper()
		fill(tab, "#code", code)
		submit(tab)
		w.on(tab, "/code", 422, "This code is wrong, or it has expired.")
	}
	tab, code := ask()
	stranger, other := ask()
	guess(stranger, code)
	for n := range 5 {
		wrong := fmt.Sprintf("%08d", n)
		if wrong == code || wrong == other {
			wrong = "99999999"
		}
		guess(stranger, wrong)
	}
	guess(stranger, other) // five wrong ones have ended it
	tab.Front()
	tab.Click("#code")
	tab.Type(code)
	submit(tab)
	w.chooses(tab)
}

func byHelpDesk(t *testing.T, w walk) {
	pending := func(want int) {
		t.Helper()
		if all, err := w.service.PendingTokens(t.Context(), w.john); err != nil || len(all) != want {
			t.Errorf("pending are %v, %v, want %d", all, err, want)
		}
	}
	tab := w.tab("en", 390)
	tab.Load(w.base + "/forgot")
	tab.Follow(func() { tab.Click("a[href*=read-out]") })
	w.on(tab, "/code?read-out=1", 200, "the code that our help desk gave you")
	code := w.readOut()
	pending(1)
	fill(tab, "#identifier", johnMail)
	tab.Click("#code")
	tab.Type(strings.ToLower(strings.ReplaceAll(code, "-", " ")))
	submit(tab)
	w.chooses(tab)
	pending(0)
	if m := w.message(recovery.MessagePasswordChanged, johnMail); m.Operator != "Ada Byron" {
		t.Errorf("the notice names %q", m.Operator)
	}
}

// twoSessions returns two browsers in which John is signed in. The first one shows the
// page to which the well-known URL leads.
func (w walk) twoSessions() (here, there *browsertest.Tab) {
	w.t.Helper()
	for _, tab := range []**browsertest.Tab{&here, &there} {
		*tab = w.tab("en", 390)
		(*tab).Load(w.url(hostOfSite, "/sign-in"))
		if !w.signsIn(*tab, oldPassword) {
			w.t.Fatalf("not signed in: %s", said(*tab))
		}
	}
	here.Front()
	here.Load(w.url(hostOfSite, "/.well-known/change-password"))
	w.on(here, "/change-password", 200, "Change your password")
	return here, there
}

// changed checks that the browser which changed the password goes on, and the other
// one has to sign in.
func (w walk) changed(here, there *browsertest.Tab) {
	w.t.Helper()
	w.on(here, "/done", 200, "Your password was changed", "You have been signed out on all other devices.")
	w.has(w.john, goodPassword)
	w.message(recovery.MessagePasswordChanged, johnMail)
	w.isSignedIn(here, w.john)
	here.Load(w.base + "/change-password")
	w.on(here, "/change-password", 200)
	w.isSignedIn(there, "nobody")
	there.Load(w.url(hostOfSite, "/sign-in"))
	if w.signsIn(there, oldPassword) || !w.signsIn(there, goodPassword) {
		w.t.Errorf("after the change, the sign-in says %d %s", there.Status(), said(there))
	}
}

func bySignedIn(_ *testing.T, w walk) {
	here, there := w.twoSessions()
	fill(here, "#current", "a wrong password")
	fill(here, "#password", goodPassword)
	submit(here)
	w.on(here, "/change-password", 422, "This is not your current password.")
	w.has(w.john, oldPassword)
	fill(here, "#current", oldPassword)
	fill(here, "#password", goodPassword)
	submit(here)
	w.changed(here, there)
}

// The second factor stands in the form of a change, and in that of a reset. A wrong one
// costs nothing: the session, and the link, still work.
func bySecondFactor(t *testing.T, w walk) {
	here, there := w.twoSessions()
	change := func(factor string) {
		t.Helper()
		fill(here, "#current", oldPassword)
		fill(here, "#password", goodPassword)
		fill(here, "#second-factor", factor)
		submit(here)
	}
	change("654321")
	w.on(here, "/change-password", 422, "This code is wrong", "Enter your current password.", "Enter your new password again.")
	focused(here, "#current")
	w.has(w.john, oldPassword)
	w.isSignedIn(there, w.john)
	change("123456")
	w.changed(here, there)

	const second = "Second-" + goodPassword
	link := w.link(johnMail)
	tab := w.tab("en", 390)
	tab.Load(link)
	reset := func(factor string) {
		t.Helper()
		fill(tab, "#password", second)
		fill(tab, "#second-factor", factor)
		submit(tab)
	}
	w.on(tab, "/reset", 200, "Code from your authenticator app")
	reset("654321")
	w.on(tab, "/reset", 422, "This code is wrong")
	reset("123456") // it has been used
	w.on(tab, "/reset", 422, "This code is wrong")
	w.has(w.john, goodPassword)
	tab.Load(link)
	w.on(tab, "/reset", 200, "Choose a new password")
	reset("234567")
	w.done(tab, second)
	tab.Load(link)
	w.on(tab, "/reset", 400)
}

// withShops gives the pages two brands.
func withShops(s *site, o *recovery.Options, p *portal.Options) {
	s.everyHost = true
	var known []recovery.Brand
	for n := range 2 {
		b := tenant(s, n)
		p.Brands.List = append(p.Brands.List, b)
		known = append(known, recovery.Brand{Name: b.Name, Link: recovery.Link{URL: b.BaseURL + "/reset"}, NotMe: recovery.Link{URL: b.BaseURL + "/not-me"}})
	}
	find, err := recovery.BrandList(known...)
	if err != nil {
		s.t.Fatal(err)
	}
	o.Brands.Find = find
}

func byBrand(t *testing.T, w walk) {
	b, other := tenant(w.site, 1), tenant(w.site, 0)
	isOf := func(m recovery.Message, link recovery.Secret) {
		t.Helper()
		u, err := url.Parse(link.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if m.Brand != b.Name || u.Hostname() != "shop1.example" {
			t.Errorf("%s of brand %q leads to %s", m.Kind, m.Brand, u.Host)
		}
	}
	tab := w.tab("en", 390)
	tab.Load(w.url("shop1.example", "/.well-known/change-password"))
	w.isBrand(tab, b, "/forgot", "Lost your key to shop 1?")
	fill(tab, "#identifier", johnMail)
	submit(tab)
	w.isBrand(tab, b, "/sent", "Check your inbox")
	mail := w.message(recovery.MessageResetLink, johnMail)
	isOf(mail, mail.URL)
	isOf(mail, mail.NotMe)
	tab.Load(w.inbox(mail.URL.Reveal()))
	tab.Follow(func() { tab.Click("#link") })
	w.isBrand(tab, b, "/reset", "Choose a new password")
	fill(tab, "#password", goodPassword)
	submit(tab)
	w.isBrand(tab, b, "/done", "Your password was changed")
	w.has(w.john, goodPassword)
	tab.Follow(func() { tab.Click("a.button") })
	if tab.URL() != b.SignIn || !w.signsIn(tab, goodPassword) {
		t.Errorf("the way ends at %s: %s", tab.URL(), said(tab))
	}
	notice := w.message(recovery.MessagePasswordChanged, johnMail)
	isOf(notice, notice.NotMe)
	tab.Load(notice.NotMe.Reveal())
	w.isBrand(tab, b, "/not-me")
	tab.Load(other.BaseURL + "/forgot")
	w.isBrand(tab, other, "/forgot", "Lost your key to shop 0?")
}
