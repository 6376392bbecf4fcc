package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// TestConformance: the demo is for copying from, so it keeps the contracts.
func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("LeadStore", func(t *testing.T) {
		recoverytest.TestLeadStore(t, recoverytest.LeadStoreHarness{
			New:      func(*testing.T) recovery.LeadStore { return newMemoryLeads() },
			Fields:   fields(),
			Statuses: []recovery.LeadStatus{recovery.StatusInvited, recovery.StatusResetRequired},
			Add: func(t *testing.T, s recovery.LeadStore, lead recovery.Lead, hash string) string {
				lead.ID = rand.Text()
				if err := s.(*memoryLeads).add(seed{lead, hash}); errors.Is(err, errNotUnique) {
					t.Skip(err)
				} else if err != nil {
					t.Fatal(err)
				}
				return lead.ID
			},
			ReadHash: func(_ *testing.T, s recovery.LeadStore, leadID string) string {
				l := s.(*memoryLeads)
				l.mu.RLock()
				defer l.mu.RUnlock()
				return l.byID[leadID].hash
			},
		})
	})
	t.Run("Notifier", func(t *testing.T) {
		for _, channel := range []recovery.Channel{recovery.ChannelEmail, recovery.ChannelSMS} {
			t.Run(string(channel), func(t *testing.T) {
				recoverytest.TestNotifier(t, recoverytest.NotifierHarness{
					New: func(t *testing.T) recovery.Notifier {
						return testDelivery(t, config{baseURL: "https://portal.example.com"})
					},
					Channel: channel,
					Deliveries: func(_ *testing.T, n recovery.Notifier) []recoverytest.Delivery {
						var all []recoverytest.Delivery
						for _, d := range n.(*delivery).outbox.list() {
							all = append(all, recoverytest.Delivery{To: []string{d.To}, Text: d.Subject + "\n" + d.Text})
						}
						return all
					},
					Bubble: synctest.Test,
				})
			})
		}
	})
}

func testDelivery(t *testing.T, c config) *delivery {
	t.Helper()
	d, err := newDelivery(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func testSeeds(t *testing.T) []seed {
	t.Helper()
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		t.Fatal(err)
	}
	seeds, err := demoSeeds(t.Context(), hasher)
	if err != nil {
		t.Fatal(err)
	}
	return seeds
}

func TestLeads(t *testing.T) {
	t.Parallel()
	store, err := memoryStorage(testSeeds(t))
	if err != nil {
		t.Fatal(err)
	}
	testLeads(t, store.leads, true)
}

// testLeads is what all stores owe the demo besides the contract. Where the hash
// is no part of the version, links survive a rehash.
func testLeads(t *testing.T, s leadStore, linksSurviveRehash bool) {
	t.Helper()
	credentials := func(email string) (leadID, hash string) {
		t.Helper()
		leadID, hash, err := s.credentials(t.Context(), email)
		if err != nil {
			t.Errorf("%s: %v", email, err)
		}
		return leadID, hash
	}
	rehash := func(old, hash string) {
		t.Helper()
		if err := s.rehash(t.Context(), demoLeadID, old, hash); err != nil {
			t.Error(err)
		}
	}
	for _, key := range []recovery.LeadKey{
		{Field: fieldEmail, Value: "johnwick@example.com"}, {Field: fieldPhone, Value: "+14157415569"},
		{Field: fieldPAN, Value: "SSKKPPYY222"}, {Field: fieldUsername, Value: "john_doe"}, {Field: recovery.LeadIDField, Value: demoLeadID},
	} {
		if lead, err := s.FindLead(t.Context(), key); err != nil || lead.ID != demoLeadID || lead.Version == "" {
			t.Errorf("%v: %v %v", key, lead.ID, err)
		}
	}
	for _, key := range []recovery.LeadKey{
		{Field: fieldPAN, Value: "sskkppyy222"}, {Field: fieldUsername},
		{Field: fieldEmail, Value: "nobody@example.com"}, {Field: recovery.LeadIDField},
	} {
		if _, err := s.FindLead(t.Context(), key); !errors.Is(err, recovery.ErrLeadNotFound) {
			t.Errorf("%v: %v", key, err)
		}
	}

	// A store may say that these fields are not searched.
	for _, key := range []recovery.LeadKey{{Field: fieldAlternate, Value: "john.alt@example.com"}, {}} {
		if lead, err := s.FindLead(t.Context(), key); err == nil {
			t.Errorf("%v: found %v", key, lead.ID)
		}
	}

	byID := recovery.LeadKey{Field: recovery.LeadIDField, Value: demoLeadID}
	before, err := s.FindLead(t.Context(), byID)
	if err != nil {
		t.Fatal(err)
	}
	before.Fields[fieldEmail] = recovery.FieldValue{Value: "evil@example.com", Verified: true}
	before.IdentityProviders[0] = "evil"
	if again, _ := s.FindLead(t.Context(), byID); again.Fields[fieldEmail].Value != demoEmail || again.IdentityProviders[0] != "google" {
		t.Error("a caller can change the store")
	}

	_, hash := credentials(demoEmail)
	rehash(hash, "rehashed")
	after, err := s.FindLead(t.Context(), byID)
	if err != nil || (after.Version == before.Version) != linksSurviveRehash {
		t.Errorf("version %q was %q before a new hash of the same password, error %v", after.Version, before.Version, err)
	}
	before = after
	rehash(hash, "stale")
	if _, got := credentials(demoEmail); got != "rehashed" {
		t.Errorf("hash %q: a rehash undid a change", got)
	}
	if err := s.SetPasswordHashIf(t.Context(), demoLeadID, before.Version, "second"); err != nil {
		t.Fatal(err)
	}
	err = s.SetPasswordHashIf(t.Context(), demoLeadID, before.Version, "third")
	if _, got := credentials(demoEmail); got != "second" || !errors.Is(err, recovery.ErrVersionChanged) || !errors.Is(err, recovery.ErrNotWritten) {
		t.Errorf("hash %q, error %v after a write for an old version", got, err)
	}
	if err := s.SetPasswordHash(t.Context(), demoLeadID, "fourth"); err != nil {
		t.Fatal(err)
	}
	if after, _ := s.FindLead(t.Context(), byID); after.Version == before.Version {
		t.Error("SetPasswordHash does not change the version")
	}
	if err := s.SetPasswordHash(t.Context(), "nobody", "x"); !errors.Is(err, recovery.ErrNotWritten) {
		t.Errorf("unknown lead: %v", err)
	}
	if err := s.SetPasswordHashIf(t.Context(), "nobody", "1", "x"); !errors.Is(err, recovery.ErrNotWritten) {
		t.Errorf("unknown lead: %v", err)
	}
	for _, email := range []string{"disabled@example.com", "social@example.com", "nobody@example.com"} {
		if id, hash := credentials(email); id != "" || hash != "" {
			t.Errorf("%s has credentials", email)
		}
	}
}

// TestLoginDuringReset is A74: a login that compared the old password must not
// open a session after the reset has ended all others.
func TestLoginDuringReset(t *testing.T) {
	t.Parallel()
	testLoginDuringReset(t, newMemorySessions())
}

func testLoginDuringReset(t *testing.T, s sessionStore) {
	t.Helper()
	other := demoLeads()[1].ID
	open := func(leadID, epoch string) (secret string, ok bool) {
		t.Helper()
		_, secret, ok, err := s.open(t.Context(), leadID, epoch)
		if err != nil {
			t.Error(err)
		}
		return secret, ok
	}
	var epochs []string
	for range 3 {
		epoch, err := s.epoch(t.Context(), demoLeadID)
		if err != nil || slices.Contains(epochs, epoch) {
			t.Fatalf("epoch %q after %q, error %v", epoch, epochs, err)
		}
		epochs = append(epochs, epoch)
		if err := s.EndSessions(t.Context(), demoLeadID); err != nil {
			t.Fatal(err)
		}
		for _, old := range epochs {
			if _, ok := open(demoLeadID, old); ok {
				t.Error("a session was opened by the password before the reset")
			}
		}
	}
	epoch, _ := s.epoch(t.Context(), demoLeadID)
	mine, ok := open(demoLeadID, epoch)
	if !ok {
		t.Error("nobody can sign in after a reset")
	}
	theirs, ok := open(other, "")
	if !ok {
		t.Error("another person cannot sign in")
	}
	if err := s.EndSessions(t.Context(), demoLeadID); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.find(t.Context(), mine); ok || err != nil {
		t.Errorf("a session survived the reset: %v", err)
	}
	if e, ok, err := s.find(t.Context(), theirs); !ok || e.LeadID != other || err != nil {
		t.Errorf("another person's session: %v %v %v", e, ok, err)
	}
	if all, err := s.list(t.Context()); len(all) != 1 || err != nil {
		t.Errorf("sessions %v, error %v", all, err)
	}
}

func TestSessionsAreBoundedAndEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemorySessions()
		open := func(leadID string) (secret string) {
			_, secret, ok, err := s.open(t.Context(), leadID, "")
			if !ok || err != nil {
				t.Errorf("not opened: %v", err)
			}
			return secret
		}
		has := func(secret string) bool {
			_, ok, err := s.find(t.Context(), secret)
			return ok && err == nil
		}
		count := func() int {
			all, _ := s.list(t.Context())
			return len(all)
		}
		first := open("a")
		for range maxSessions {
			time.Sleep(time.Millisecond)
			open("b")
		}
		if n := count(); n != maxSessions {
			t.Errorf("%d sessions, want %d", n, maxSessions)
		}
		if has(first) {
			t.Error("the oldest session was not the one to go")
		}
		last := open("c")
		if !has(last) {
			t.Error("the newest session is not there")
		}
		time.Sleep(sessionTTL + time.Second)
		if has(last) || count() != 0 {
			t.Error("sessions do not end")
		}
	})
}

func TestGuessesAreLimited(t *testing.T) {
	t.Parallel()
	tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: time.Minute}}}
	l := &login{limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}), policy: tier}
	for _, step := range []struct {
		client string
		ok     bool
	}{
		{"192.0.2.1", true}, {"::ffff:192.0.2.1", true}, {"192.0.2.1", false}, {"192.0.2.2", true},
		{"2001:db8::1", true}, {"2001:db8::2", true}, {"2001:db8::3", false}, {"2001:db8:0:1::1", true},
	} {
		err := l.admit(t.Context(), netip.MustParseAddr(step.client))
		if _, limited := errors.AsType[*recovery.RateLimitError](err); limited == step.ok || (err == nil) != step.ok {
			t.Errorf("%s: %v", step.client, err)
		}
	}
	for i := range 3 {
		if err := l.admit(t.Context(), netip.Addr{}); (err == nil) != (i < 2) {
			t.Errorf("without an address: %v", err)
		}
	}
}

func TestOutboxIsBoundedAndDropsRepetitions(t *testing.T) {
	t.Parallel()
	o := testDelivery(t, config{baseURL: "http://127.0.0.1:1"})
	for i := range maxOutbox + 5 {
		for range 2 {
			if err := o.Notify(t.Context(), recovery.Message{ID: fmt.Sprint(i), Kind: recovery.MessagePasswordChanged, Channel: recovery.ChannelEmail}); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := o.outbox.list()
	if len(all) != maxOutbox || all[0].ID != "5" || all[maxOutbox-1].ID != fmt.Sprint(maxOutbox+4) {
		t.Errorf("%d messages, %s to %s", len(all), all[0].ID, all[len(all)-1].ID)
	}
}

// TestRelaxed: every tier that has a default, but Caller, is a hundred times as
// wide, whatever tiers there will be.
func TestRelaxed(t *testing.T) {
	t.Parallel()
	relaxed, usual := recovery.DefaultLimits(), recovery.DefaultLimits()
	relax(&relaxed)
	r, u := reflect.ValueOf(relaxed), reflect.ValueOf(usual)
	for i := range u.NumField() {
		if !u.Type().Field(i).IsExported() {
			continue
		}
		factor := 100
		if u.Type().Field(i).Name == "Caller" {
			factor = 1
		}
		want, ok := u.Field(i).Interface().(recovery.LimitPolicy)
		if !ok {
			continue
		}
		got := r.Field(i).Interface().(recovery.LimitPolicy)
		for j, l := range want.Limits {
			if got.Limits[j].N != factor*l.N || got.Limits[j].Window != l.Window {
				t.Errorf("%s: %v, want %d times %v", u.Type().Field(i).Name, got.Limits[j], factor, l)
			}
		}
	}
}

// A link that was replaced while its message was written must not stand last.
func TestOutboxOrdersLinksByTheirTokens(t *testing.T) {
	t.Parallel()
	var o outbox
	at := time.Now()
	for _, d := range []delivered{
		{ID: "first", Kind: "reset-link", expires: at},
		{ID: "third", Kind: "reset-link", expires: at.Add(2 * time.Second)},
		{ID: "notice", Kind: "password-changed"},
		{ID: "second", Kind: "reset-link", expires: at.Add(time.Second)},
		{ID: "code", Kind: "reset-code", expires: at.Add(-time.Minute)},
	} {
		o.add(d)
	}
	var ids []string
	for _, d := range o.list() {
		ids = append(ids, d.ID)
	}
	if want := []string{"first", "second", "third", "notice", "code"}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
}

// testRacingLogins has 23 log-ins with the password of before race with a reset.
func testRacingLogins(t *testing.T, s sessionStore) {
	t.Helper()
	before, err := s.epoch(t.Context(), demoLeadID)
	if err != nil {
		t.Fatal(err)
	}
	var opened, refused atomic.Int32
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			if i == 12 {
				if err := s.EndSessions(t.Context(), demoLeadID); err != nil {
					t.Error(err)
				}
				return
			}
			_, _, ok, err := s.open(t.Context(), demoLeadID, before)
			if err != nil {
				t.Error(err)
			} else if ok {
				opened.Add(1)
			} else {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	all, err := s.list(t.Context())
	all = slices.DeleteFunc(all, func(e session) bool { return e.LeadID != demoLeadID })
	if len(all) != 0 || err != nil || opened.Load()+refused.Load() != 23 {
		t.Errorf("%d sessions by the password before the reset, error %v", len(all), err)
	}
}
