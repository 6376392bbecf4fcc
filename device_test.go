package recovery_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// noneForPeople is limits that leave a person nothing but what a known device
// has. The first request of an hour is used up by whoever asks first.
func noneForPeople(o *recovery.Options) {
	once := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: 31 * 24 * time.Hour}}}
	o.Limits = generous()
	o.Limits.Identifier, o.Limits.Lead, o.Limits.Recipient = once, once, once
	o.Limits.Device, o.Limits.LeadDevices = recovery.LimitPolicy{}, recovery.LimitPolicy{}
}

// served reports whether a request with this device is sent a message although
// the limits of strangers are used up.
func served(t testing.TB, p *portal, device string) bool {
	t.Helper()
	before := len(p.outbox.Messages())
	askAs(t, p, byMail(johnMail), device)
	return len(p.outbox.Messages()) > before
}

// newDevice returns what makes a device known, after the limits of strangers
// were used up.
func newDevice(t testing.TB, p *portal, leadID, known string) string {
	t.Helper()
	device, err := p.NewDevice(t.Context(), leadID, known)
	if err != nil {
		t.Fatal(err)
	}
	return device
}

// A58: only what this Service gave to the device of this lead, in the present
// state of its account, counts.
func TestWhichDevicesAreKnown_A58(t *testing.T) {
	later := func(d time.Duration) func(*testing.T, *portal) { return func(*testing.T, *portal) { time.Sleep(d) } }
	change := func(edit func(*recovery.Lead)) func(*testing.T, *portal) {
		return func(_ *testing.T, p *portal) { p.leads.Change(johnID, edit) }
	}
	for name, tt := range map[string]struct {
		device func(t *testing.T, p *portal) string
		then   func(t *testing.T, p *portal)
		known  bool
	}{
		"a known one":    {nil, nil, true},
		"after 89 days":  {nil, later(89 * 24 * time.Hour), true},
		"after 91 days":  {nil, later(91 * 24 * time.Hour), false},
		"none":           {func(*testing.T, *portal) string { return "" }, nil, false},
		"a made-up one":  {func(*testing.T, *portal) string { return strings.Repeat("1aB_", 60) }, nil, false},
		"a cut one":      {func(t *testing.T, p *portal) string { d := newDevice(t, p, johnID, ""); return d[:len(d)-1] }, nil, false},
		"another lead's": {func(t *testing.T, p *portal) string { return newDevice(t, p, "lead-other", "") }, nil, false},
		"beside another's": {func(t *testing.T, p *portal) string {
			return newDevice(t, p, "lead-other", newDevice(t, p, johnID, ""))
		}, nil, true},
		"too long a list": {func(t *testing.T, p *portal) string {
			return newDevice(t, p, johnID, "") + strings.Repeat(".x", 1024)
		}, nil, false},
		"behind four others": {func(t *testing.T, p *portal) string { return "a.b.c.d." + newDevice(t, p, johnID, "") }, nil, false},
		"of another Service": {func(t *testing.T, p *portal) string {
			other := newPortal(t, func(q *portal, o *recovery.Options) { q.leads, o.Prefix = p.leads, "other" })
			return newDevice(t, other, johnID, "")
		}, nil, false},
		"after a new password": {nil, func(t *testing.T, p *portal) {
			must(t, p.leads.SetPasswordHash(t.Context(), johnID, "fast:another"))
		}, false},
		"after a new address": {nil, change(func(l *recovery.Lead) {
			l.Fields["mx_Alternate_Email"] = recovery.FieldValue{Value: "thief@example.net", Verified: true}
		}), false},
		"after a new name": {nil, change(func(l *recovery.Lead) { l.Name = "Jonathan" }), true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, func(p *portal, o *recovery.Options) {
					noneForPeople(o)
					p.leads.Add(lead("other", recovery.StatusActive), "")
				})
				if !served(t, p, "") {
					t.Fatal("the first one is served")
				}
				device := newDevice(t, p, johnID, "")
				if tt.device != nil {
					device = tt.device(t, p)
				}
				if tt.then != nil {
					tt.then(t, p)
				}
				served(t, p, "") // the limits of strangers are used up
				if got := served(t, p, device); got != tt.known {
					t.Errorf("served: %v, want %v", got, tt.known)
				}
			})
		})
	}
}

// A device stays known through a rotation of the keys.
func TestKnownDeviceAcrossARotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		device := newDevice(t, p, johnID, "")
		rotated := newPortal(t, func(q *portal, o *recovery.Options) {
			noneForPeople(o)
			q.leads, o.Keys = p.leads, [][]byte{testKey(2), testKey(1)}
		})
		if !served(t, rotated, "") || served(t, rotated, "") || !served(t, rotated, device) {
			t.Error("a device is not known under a new key")
		}
		time.Sleep(time.Minute)
		if again := newDevice(t, rotated, johnID, device); !served(t, rotated, again) {
			t.Error("a device that is remembered again is not known")
		}
	})
}

// The limits of known devices hold: for each device, and for all of a lead.
func TestLimitsOfKnownDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) { noneForPeople(o) })
		served(t, p, "")
		first := newDevice(t, p, johnID, "")
		// Signing in again makes no second device of it.
		same := newDevice(t, p, johnID, first)
		if !served(t, p, first) || served(t, p, same) {
			t.Error("want one in a minute for each device")
		}
		if second := newDevice(t, p, johnID, ""); !served(t, p, second) {
			t.Error("another device has a limit of its own")
		}
		// Other kinds of messages have their own, up to 60 a day for the lead.
		total := len(p.outbox.Messages())
		for range 60 {
			served(t, p, newDevice(t, p, johnID, ""))
		}
		if n := len(p.outbox.Messages()) - total; n != 58 {
			t.Errorf("%d more, want 58: 60 in all", n)
		}
		// What they refuse is limited as if the device were not known.
		if events := p.events.of(recovery.EventMessageSuppressed); events[len(events)-1].Scope != recovery.ScopeIdentifier {
			t.Errorf("the last event is %+v", events[len(events)-1])
		}
		time.Sleep(24 * time.Hour)
		day := len(p.outbox.Messages())
		for range 24 * 60 {
			served(t, p, first) // each takes a second
			time.Sleep(time.Minute - time.Second)
		}
		if n := len(p.outbox.Messages()) - day; n != 30 {
			t.Errorf("one device was served %d times in a day, want 30", n)
		}
	})
}

// RememberDevice sets one cookie, which names up to four leads, and which the
// Service finds in a request.
func TestRememberDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			noneForPeople(o)
			for _, name := range []string{"two", "three", "four", "five"} {
				p.leads.Add(lead(name, recovery.StatusActive), "")
			}
		})
		served(t, p, "")
		remember := func(r *http.Request, leadID string) (*http.Cookie, error) {
			w := httptest.NewRecorder()
			err := p.RememberDevice(w, r, leadID)
			cookies := w.Result().Cookies()
			if len(cookies) == 0 {
				return nil, err
			}
			return cookies[0], err
		}
		r := httptest.NewRequest(http.MethodPost, "/signin", nil)
		for _, id := range []string{"lead-two", "lead-three", johnID, "lead-four"} {
			c, err := remember(r, id)
			must(t, err)
			if c.Name != "__Host-recovery-device" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 90*24*3600 {
				t.Errorf("cookie %+v", c)
			}
			r = httptest.NewRequest(http.MethodPost, "/signin", nil)
			r.AddCookie(c)
		}
		if !served(t, p, p.Requester(r).Device) {
			t.Error("the device is not known for one of four leads")
		}
		time.Sleep(time.Minute)
		// A fifth lead takes the place of the one that signed in first.
		for _, id := range []string{"lead-five", "lead-two", "lead-three"} {
			c, err := remember(r, id)
			must(t, err)
			r = httptest.NewRequest(http.MethodPost, "/signin", nil)
			r.AddCookie(c)
		}
		if served(t, p, p.Requester(r).Device) {
			t.Error("five leads are known")
		}
		// The JSON API reads the cookie too.
		c, err := remember(httptest.NewRequest(http.MethodPost, "/signin", nil), johnID)
		must(t, err)
		before := len(p.outbox.Messages())
		r = httptest.NewRequest(http.MethodPost, "/forgot-password", strings.NewReader(`{"email":"`+johnMail+`"}`))
		r.Header.Set("Content-Type", "application/json")
		r.AddCookie(c)
		p.Handler().ServeHTTP(httptest.NewRecorder(), r)
		settle()
		if len(p.outbox.Messages()) == before {
			t.Error("the handler does not know the device")
		}
		// Of two cookies with the name, nothing shows which one is ours.
		r.AddCookie(&http.Cookie{Name: c.Name, Value: "x"})
		if p.Requester(r).Device != "" {
			t.Error("one of two cookies is believed")
		}

		for id, want := range map[string]error{
			"nobody": recovery.ErrLeadNotFound, "lead-disabled": recovery.ErrLeadNotFound, "lead-social": recovery.ErrLeadNotFound, "": recovery.ErrLeadNotFound,
		} {
			if c, err := remember(r, id); !errors.Is(err, want) || c != nil {
				t.Errorf("%q: %v, cookie %v", id, err, c)
			}
		}
		p.leads.SetHooks(recoverytest.LeadsHooks{Find: func(context.Context, recovery.LeadKey) error { return errors.New("down") }})
		if c, err := remember(r, johnID); !errors.Is(err, recovery.ErrUnavailable) || c != nil {
			t.Errorf("with the store down: %v, cookie %v", err, c)
		}
	})
	p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Link.URL, o.Prefix = "http://localhost:8080/reset", "demo" })
	w := httptest.NewRecorder()
	must(t, p.RememberDevice(w, httptest.NewRequest(http.MethodPost, "/signin", nil), johnID))
	if c := w.Result().Cookies()[0]; c.Name != "demo-device" || c.Secure {
		t.Errorf("cookie over http %+v", c)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
