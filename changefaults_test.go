package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// A102: a page of another origin cannot use the cookie of whoever is signed in,
// whether it sends JSON, a form, or asks first. No answer allows credentials, also not
// to the origins that may call the rest of the API.
func TestChangesFromOtherOrigins_A102(t *testing.T) {
	c := newChanger(t, func(_ *changer, o *recovery.Options) { o.API.Origins = []string{"https://app.example.com"} })
	cookie := c.signIn(johnID)
	for _, fields := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
		{"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.com"},
		{"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example.com"},
		{"Origin": "https://evil.example"}, // a browser from before 2023
		{"Origin": "https://app.example.com"},
		{"Origin": "null"},
	} {
		w := c.post(cookie, oldPassword, newPassword, func(r *http.Request) {
			for name, value := range fields {
				r.Header.Set(name, value)
			}
		})
		want(t, fmt.Sprint(fields), w, 403, "cross_origin")
		if w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%v: credentials are allowed", fields)
		}
	}
	form := post(c.api, "/change-password", "currentPassword=a&password=b", header("Content-Type", "text/plain"), header("Cookie", "session="+cookie))
	want(t, "a form without the fields of browsers", form, 415, "invalid_body")
	r := httptest.NewRequest(http.MethodOptions, "/change-password", nil)
	r.Header.Set("Origin", "https://app.example.com")
	r.Header.Set("Access-Control-Request-Method", http.MethodPost)
	r.Header.Set("Access-Control-Request-Headers", "content-type")
	w := httptest.NewRecorder()
	c.api.ServeHTTP(w, r)
	if w.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("the preflight allows credentials: %s", answer(w))
	}
	if c.leads.Hash(johnID) != "fast:"+oldPassword || c.whose(cookie) != johnID {
		t.Error("a page of another origin changed something")
	}
	for _, fields := range []string{"same-origin", "none"} {
		current, chosen := oldPassword, newPassword
		if fields == "none" {
			current, chosen = newPassword, "a third one, of tin"
		}
		want(t, fields, c.post(c.signIn(johnID), current, chosen, header("Sec-Fetch-Site", fields), header("Origin", "https://portal.example.com")), 204, "")
	}
}

// A102: 32 changes at once, through two instances, have one winner and one write, and
// its browser alone is signed in afterwards. The others are told to try again, and
// then that the password is another one.
func TestOneChangeWins_A102(t *testing.T) {
	const racers, rounds = 32, 100
	synctest.Test(t, func(t *testing.T) {
		c := newChanger(t, nil)
		second := newPortal(t, func(p *portal, o *recovery.Options) {
			p.leads, p.users, p.sessions = c.leads, c.users, c.endSessions
			o.Limits.Change = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 10_000, Window: time.Minute}}}
			o.Change = recovery.ChangeOptions{SignedIn: c.signedIn, KeepSession: c.keepSession}
		})
		apis := []http.Handler{c.api, second.Handler()}
		current := oldPassword
		for round := range rounds {
			before := c.leads.Writes()
			var cookies []string
			for range racers {
				cookies = append(cookies, c.signIn(johnID))
			}
			var won, lost atomic.Int32
			var winner atomic.Pointer[string]
			barrier := make(chan struct{})
			var wg sync.WaitGroup
			for i, cookie := range cookies {
				wg.Go(func() {
					<-barrier
					chosen := fmt.Sprintf("%s %d %d", newPassword, round, i)
					w := post(apis[i%2], "/change-password", changeBody(current, chosen), header("Cookie", "session="+cookie))
					switch w.Code {
					case 204:
						won.Add(1)
						winner.Store(&chosen)
					case 503, 422, 401: // the version, the password or the session is another one
						lost.Add(1)
					default:
						t.Error(answer(w))
					}
				})
			}
			close(barrier)
			wg.Wait()
			if writes := c.leads.Writes() - before; won.Load() != 1 || lost.Load() != racers-1 || writes != 1 {
				t.Fatalf("round %d: %d won, %d lost, %d writes", round, won.Load(), lost.Load(), writes)
			}
			if current = *winner.Load(); c.leads.Hash(johnID) != "fast:"+current || len(c.open) != 1 {
				t.Fatalf("round %d: hash %q, sessions %v, want the winner's", round, c.leads.Hash(johnID), c.open)
			}
			settle()
		}
	})
}

// A102: of a change and a reset at once one wins. If the owner's link wins, the thief's
// change writes nothing and keeps no session.
func TestAChangeAgainstAReset_A102(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes, resets int
		for round := range 20 {
			c := newChanger(t, nil)
			proof := recovery.TokenProof(token(t, c.forgot(t, byMail(johnMail))))
			cookie := c.signIn(johnID)
			var change *httptest.ResponseRecorder
			var reset error
			var wg sync.WaitGroup
			barrier := make(chan struct{})
			// By turns, one of them has all of its way between the other's read of the
			// lead and its write.
			late := func(round int) { time.Sleep(time.Duration(round%2) * 500 * time.Microsecond) }
			c.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(_ context.Context, _, hash string) error {
				if (hash == "fast:"+goodPassword) == (round%2 == 0) {
					time.Sleep(time.Millisecond)
				}
				return nil
			}})
			wg.Go(func() {
				<-barrier
				late(round + 1)
				change = c.post(cookie, oldPassword, newPassword)
			})
			wg.Go(func() {
				<-barrier
				late(round)
				reset = c.reset(t.Context(), proof, goodPassword)
			})
			close(barrier)
			wg.Wait()
			switch {
			case change.Code == 204 && errors.Is(reset, recovery.ErrInvalidProof):
				changes++
				if c.leads.Hash(johnID) != "fast:"+newPassword || len(c.open) != 1 {
					t.Fatalf("a change: hash %q, sessions %v", c.leads.Hash(johnID), c.open)
				}
			case change.Code != 204 && reset == nil:
				resets++
				if c.leads.Hash(johnID) != "fast:"+goodPassword || len(c.open) != 0 {
					t.Fatalf("a reset: hash %q, sessions %v", c.leads.Hash(johnID), c.open)
				}
			default:
				t.Fatalf("the change: %d, the reset: %v", change.Code, reset)
			}
		}
		if changes == 0 || resets == 0 {
			t.Errorf("%d changes and %d resets won, want some of both", changes, resets)
		}
	})
}

// A102: whoever must not be signed in changes nothing. If the lead becomes one of those
// while the password is compared or hashed, nothing is written.
func TestChangesOfLeadsThatMustNotBeSignedIn_A102(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanger(t, nil)
		for _, tt := range []struct {
			id   string
			edit func()
		}{
			{"lead-disabled", func() {}},
			{"nobody", func() {}},
			{johnID, func() { c.leads.SetStatus(johnID, recovery.StatusResetRequired) }},
			{johnID, func() { c.leads.SetStatus(johnID, recovery.StatusDisabled) }},
		} {
			tt.edit()
			cookie := c.signIn(tt.id)
			want(t, tt.id, c.post(cookie, oldPassword, newPassword), 401, "not_signed_in")
			if _, err := c.SignedIn(httptest.NewRequest("GET", "/", nil)); !errors.Is(err, recovery.ErrNotSignedIn) {
				t.Error(err)
			}
		}
		c.leads.SetStatus(johnID, recovery.StatusActive)

		cookie := c.signIn(johnID)
		disable := true
		c.leads.SetHooks(recoverytest.LeadsHooks{History: func(context.Context, string) error {
			if disable {
				c.leads.SetStatus(johnID, recovery.StatusDisabled)
			}
			return nil
		}})
		want(t, "disabled in the middle", c.post(cookie, oldPassword, newPassword), 503, "unavailable")
		want(t, "then", c.post(cookie, oldPassword, newPassword), 401, "not_signed_in")
		if c.leads.Hash(johnID) != "fast:"+oldPassword {
			t.Error("a disabled lead has a new password")
		}
		e := c.events.of(recovery.EventChangeRefused)
		if len(e) == 0 || e[len(e)-2].Reason != recovery.ReasonLeadChanged {
			t.Errorf("events %+v", e)
		}
	})
}

// What fails before and after the write, and what follows from it.
func TestChangesThatFail(t *testing.T) {
	for _, tt := range []struct {
		name     string
		edit     func(c *changer)
		status   int
		code     string
		hash     string
		open     int // sessions afterwards, of two
		cookies  int
		event    recovery.EventKind
		reason   recovery.EventReason
		messages int
	}{
		{"the store is down", func(c *changer) {
			c.leads.SetHooks(recoverytest.LeadsHooks{Find: func(context.Context, recovery.LeadKey) error { return errors.New("down") }})
		}, 503, "unavailable", oldPassword, 2, 0, "", "", 0},
		{"the hashes cannot be read", func(c *changer) {
			c.leads.SetHooks(recoverytest.LeadsHooks{History: func(context.Context, string) error { return errors.New("down") }})
		}, 503, "unavailable", oldPassword, 2, 0, "", "", 0},
		{"certainly not written", func(c *changer) {
			c.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(context.Context, string, string) error { return recovery.ErrNotWritten }})
		}, 503, "unavailable", oldPassword, 2, 0, recovery.EventChangeRefused, recovery.ReasonPasswordNotWritten, 0},
		{"the outcome is unknown", func(c *changer) {
			c.leads.SetHooks(recoverytest.LeadsHooks{AfterWrite: func(context.Context, string, string) error { return errors.New("reset by peer") }})
		}, 500, "outcome_unknown", newPassword, 0, 0, recovery.EventChangeRefused, recovery.ReasonOutcomeUnknown, 0},
		{"no new session", func(c *changer) { c.keep = errors.New("sessions are down") },
			204, "", newPassword, 0, 0, recovery.EventPasswordChanged, "", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newChanger(t, nil)
				cookie, _ := c.signIn(johnID), c.signIn(johnID)
				tt.edit(c)
				w := c.post(cookie, oldPassword, newPassword)
				settle()
				want(t, tt.name, w, tt.status, tt.code)
				c.leads.SetHooks(recoverytest.LeadsHooks{})
				if c.leads.Hash(johnID) != "fast:"+tt.hash || len(c.open) != tt.open || len(w.Result().Cookies()) != tt.cookies || len(c.outbox.Messages()) != tt.messages {
					t.Errorf("hash %q, sessions %v, cookies %v, messages %v", c.leads.Hash(johnID), c.open, w.Result().Cookies(), c.outbox.Messages())
				}
				if tt.event != "" {
					if e := c.events.of(tt.event); len(e) != 1 || e[0].Reason != tt.reason || e[0].LeadID != johnID {
						t.Errorf("events %+v", e)
					}
				}
				if text := w.Body.String() + c.log.String(); strings.Contains(text, oldPassword) || strings.Contains(text, newPassword) {
					t.Errorf("a password is told: %s", text)
				}
			})
		})
	}
}

// What the host's session says, and what is answered.
func TestWhoIsSignedIn(t *testing.T) {
	for _, tt := range []struct {
		name     string
		signedIn func(*http.Request) (string, error)
		status   int
		want     error
	}{
		{"nobody", func(*http.Request) (string, error) { return "", nil }, 401, recovery.ErrNotSignedIn},
		{"nobody, as an error", func(*http.Request) (string, error) {
			return johnID, fmt.Errorf("expired: %w", recovery.ErrNotSignedIn)
		}, 401, recovery.ErrNotSignedIn},
		{"sessions that are down", func(*http.Request) (string, error) { return johnID, errors.New("down") }, 503, recovery.ErrUnavailable},
		{"a panic", func(*http.Request) (string, error) { panic(oldPassword) }, 503, recovery.ErrUnavailable},
		{"no ID", func(*http.Request) (string, error) { return "John Wick", nil }, 500, nil},
	} {
		c := newChanger(t, func(_ *changer, o *recovery.Options) { o.Change.SignedIn = tt.signedIn })
		want(t, tt.name, c.post("", oldPassword, newPassword), tt.status, "")
		_, err := c.SignedIn(httptest.NewRequest("GET", "/", nil))
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if strings.Contains(c.log.String(), oldPassword) {
			t.Errorf("%s: the log has the text of a panic", tt.name)
		}
	}
	w := newChanger(t, nil)
	got := w.post("", oldPassword, newPassword)
	if got.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("a 401 without its header field: %s", answer(got))
	}
	cookie := w.signIn(johnID)
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
	if lead, err := w.SignedIn(r); err != nil || lead != (recovery.SignedInLead{ID: johnID, Account: johnMail}) {
		t.Errorf("%+v, %v", lead, err)
	}
}

// The client hangs up before or after the write: sessions end, the notices go out, and
// the new session is opened, whose cookie the browser never gets.
func TestClientThatHangsUpDuringAChange_A102(t *testing.T) {
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := newChanger(t, nil)
			ctx, hangUp := context.WithCancel(t.Context())
			thief, browser := c.signIn(johnID), c.signIn(johnID)
			hook := func(context.Context, string, string) error { hangUp(); return nil }
			hooks := recoverytest.LeadsHooks{BeforeWrite: hook}
			if late {
				hooks = recoverytest.LeadsHooks{AfterWrite: hook}
			}
			c.leads.SetHooks(hooks)
			c.sessions = func(ctx context.Context, leadID string) error {
				return errors.Join(ctx.Err(), c.endSessions(ctx, leadID))
			}
			c.post(browser, oldPassword, newPassword, func(r *http.Request) { *r = *r.WithContext(ctx) })
			settle()
			if c.leads.Hash(johnID) != "fast:"+newPassword || c.whose(thief) != "" || c.whose(browser) != "" || len(c.open) != 1 || len(c.outbox.Messages()) != 3 ||
				len(c.events.of(recovery.EventSessionsNotEnded)) != 0 {
				t.Errorf("hash %q, sessions %v, messages %v", c.leads.Hash(johnID), c.open, c.outbox.Messages())
			}
		})
	}
}

// Sessions that do not end at once end in the end, with the new one among them.
func TestSessionsEndAfterAChange_A102(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanger(t, nil)
		thief, browser := c.signIn(johnID), c.signIn(johnID)
		var down atomic.Bool
		down.Store(true)
		c.sessions = func(ctx context.Context, leadID string) error {
			if down.Load() {
				return errors.New("sessions are down")
			}
			return c.endSessions(ctx, leadID)
		}
		want(t, "the change", c.post(browser, oldPassword, newPassword), 204, "")
		if len(c.events.of(recovery.EventSessionsNotEnded)) != 1 {
			t.Error("nobody is told that sessions did not end")
		}
		down.Store(false)
		time.Sleep(time.Hour)
		if c.whose(thief) != "" {
			t.Error("the thief is still signed in")
		}
	})
}

// A102: the passwords of a change are in no log, event or answer, whatever the host's
// functions do with them.
func TestPasswordsOfAChangeStayWhereTheyBelong_A102(t *testing.T) {
	for name, verify := range map[string]func(context.Context, recovery.Lead, recovery.Secret) (bool, error){
		"an error": func(_ context.Context, _ recovery.Lead, current recovery.Secret) (bool, error) {
			return true, fmt.Errorf("cannot compare %q", current.Reveal())
		},
		"a panic": func(_ context.Context, _ recovery.Lead, current recovery.Secret) (bool, error) {
			panic(current.Reveal())
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newChanger(t, func(_ *changer, o *recovery.Options) { o.Change.Verify = verify })
			w := c.post(c.signIn(johnID), oldPassword, newPassword)
			want(t, name, w, 503, "unavailable")
			all := answer(w) + c.log.String() + fmt.Sprint(c.events.all)
			if strings.Contains(all, oldPassword) || strings.Contains(all, newPassword) {
				t.Errorf("%s: a password is told: %s", name, all)
			}
		})
	}
}

// A102: the empty password is refused before the host's function compares: a directory
// takes it for a bind of nobody, which succeeds.
func TestEmptyCurrentPassword_A102(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanger(t, func(_ *changer, o *recovery.Options) {
			o.Change.Verify = func(_ context.Context, _ recovery.Lead, current recovery.Secret) (bool, error) {
				return current.IsZero(), nil
			}
		})
		cookie := c.signIn(johnID)
		want(t, "the endpoint", c.post(cookie, "", newPassword), 422, "wrong_password")
		wantErr(t, c.change(t.Context(), "", newPassword), recovery.ErrWrongPassword)
		if c.leads.Hash(johnID) != "fast:"+oldPassword || c.whose(cookie) != johnID {
			t.Error("the empty password changed something")
		}
	})
}

// What the host's comparison may do beside saying yes and no.
func TestHostsComparison(t *testing.T) {
	for name, test := range map[string]struct {
		verify func(ctx context.Context) (bool, error)
		want   error
	}{
		"says it as the library does": {func(context.Context) (bool, error) { return true, recovery.ErrWrongPassword }, recovery.ErrWrongPassword},
		"waits as long as it may":     {func(ctx context.Context) (bool, error) { <-ctx.Done(); return false, ctx.Err() }, recovery.ErrUnavailable},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newChanger(t, func(_ *changer, o *recovery.Options) {
				o.Change.Verify = func(ctx context.Context, _ recovery.Lead, _ recovery.Secret) (bool, error) {
					if _, ok := ctx.Deadline(); !ok {
						t.Errorf("%s: the comparison has no time limit", name)
						return false, recovery.ErrWrongPassword
					}
					return test.verify(ctx)
				}
			})
			wantErr(t, c.change(t.Context(), oldPassword, newPassword), test.want)
		})
	}
}
