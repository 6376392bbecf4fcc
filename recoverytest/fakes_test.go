package recoverytest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

func TestOutboxWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outbox recoverytest.Outbox
		go func() {
			for _, id := range []string{"a", "b", "c"} {
				time.Sleep(time.Second)
				if err := outbox.Notify(t.Context(), recovery.Message{ID: id}); err != nil {
					t.Error(err)
				}
			}
		}()
		m, err := outbox.Next(t.Context())
		if err != nil || m.ID != "a" {
			t.Errorf("Next: %q, %v", m.ID, err)
		}
		all, err := outbox.Wait(t.Context(), 3)
		if err != nil || len(all) != 3 || outbox.Len() != 3 {
			t.Errorf("Wait: %d messages, %v", len(all), err)
		}
		if m, err = outbox.Next(t.Context()); err != nil || m.ID != "b" {
			t.Errorf("Next after Wait: %q, %v", m.ID, err)
		}
		if m, err = outbox.Next(t.Context()); err != nil || m.ID != "c" {
			t.Errorf("Next after Wait: %q, %v", m.ID, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := outbox.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Next without a message: %v", err)
		}
		if all, err := outbox.Wait(ctx, 4); !errors.Is(err, context.DeadlineExceeded) || len(all) != 3 {
			t.Errorf("Wait for too many: %d messages, %v", len(all), err)
		}
		outbox.Reset()
		if outbox.Len() != 0 {
			t.Error("messages are left after Reset")
		}
		for id, kind := range map[string]recovery.MessageKind{"link": recovery.MessageResetLink, "code": recovery.MessageResetCode} {
			if err := outbox.Notify(t.Context(), recovery.Message{ID: id, Kind: kind}); err != nil {
				t.Error(err)
			}
		}
		if links := outbox.OfKind(recovery.MessageResetLink); len(links) != 1 || links[0].ID != "link" {
			t.Errorf("OfKind: %v", links)
		}
	})
}

// A message for which several goroutines wait reaches all of them. No message
// is lost between two goroutines that call Next alternately.
func TestOutboxRacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outbox recoverytest.Outbox
		var wg sync.WaitGroup
		var mu sync.Mutex
		seen := map[string]int{}
		for range 8 {
			wg.Go(func() {
				for range 10 {
					m, err := outbox.Next(t.Context())
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					seen[m.ID]++
					mu.Unlock()
				}
			})
			wg.Go(func() {
				if _, err := outbox.Wait(t.Context(), 80); err != nil {
					t.Error(err)
				}
			})
		}
		for i := range 80 {
			wg.Go(func() { _ = outbox.Notify(t.Context(), recovery.Message{ID: string(rune('!' + i))}) })
		}
		wg.Wait()
		if len(seen) != 80 {
			t.Errorf("%d messages of 80 were returned", len(seen))
		}
	})
}

func TestOutboxIntercept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outbox recoverytest.Outbox
		outbox.Intercept(func(ctx context.Context, _ recovery.Message) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := outbox.Notify(ctx, recovery.Message{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a delivery that hangs: %v", err)
		}
		outbox.Intercept(func(context.Context, recovery.Message) error { panic("smtp") })
		func() {
			defer func() {
				if recover() != "smtp" {
					t.Error("a delivery that panics did not")
				}
			}()
			_ = outbox.Notify(t.Context(), recovery.Message{})
		}()
		outbox.Intercept(nil)
		if err := outbox.Notify(t.Context(), recovery.Message{}); err != nil || outbox.Len() != 1 {
			t.Errorf("after the interception: %d messages, %v", outbox.Len(), err)
		}
	})
}

// This shows on what a lead's Version depends, and on what it does not.
func TestLeadsVersion(t *testing.T) {
	leads := recoverytest.NewLeads()
	id := leads.AddEmail("anna@example.com", "hash")
	read := func() string {
		lead, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
		if err != nil {
			t.Fatal(err)
		}
		return lead.Version
	}
	for _, change := range []struct {
		what  string
		f     func()
		moves bool
	}{
		{"nothing", func() {}, false},
		{"the name", func() { leads.Change(id, func(l *recovery.Lead) { l.Name = "Anna" }) }, false},
		{"an attempt to set Version", func() { leads.Change(id, func(l *recovery.Lead) { l.ID, l.Version = "x", "y" }) }, false},
		{"the status", func() { leads.SetStatus(id, recovery.StatusDisabled) }, true},
		{"the address", func() { leads.SetValue(id, "EmailAddress", "anna@example.org") }, true},
		{"verification", func() {
			leads.Change(id, func(l *recovery.Lead) { l.Fields["EmailAddress"] = recovery.FieldValue{Value: "anna@example.org"} })
		}, true},
		{"the hash", func() { _ = leads.SetPasswordHash(t.Context(), id, "other") }, true},
		{"the same hash again", func() { _ = leads.SetPasswordHash(t.Context(), id, "other") }, true},
		{"a touch", func() { leads.Touch(id) }, true},
	} {
		before := read()
		change.f()
		if after := read(); (after != before) != change.moves {
			t.Errorf("%s: Version moved: %v, want %v", change.what, after != before, change.moves)
		}
	}
	if leads.Writes() != 2 || leads.Hash(id) != "other" {
		t.Errorf("%d writes, hash %q", leads.Writes(), leads.Hash(id))
	}
	leads.Remove(id)
	if _, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: id}); !errors.Is(err, recovery.ErrLeadNotFound) {
		t.Errorf("FindLead of a removed lead: %v", err)
	}
}

// Leads are copies: a caller that changes one does not change those of others.
func TestLeadsCopies(t *testing.T) {
	leads := recoverytest.NewLeads()
	given := recovery.Lead{Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: "anna@example.com"}}, IdentityProviders: []string{"Google"}}
	id := leads.Add(given, "hash")
	given.Fields["EmailAddress"] = recovery.FieldValue{Value: "evil@example.net"}
	given.IdentityProviders[0] = "Evil"
	for range 2 {
		lead, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: "EmailAddress", Value: "anna@example.com"})
		if err != nil || lead.ID != id || lead.IdentityProviders[0] != "Google" {
			t.Fatalf("FindLead: %q, %v, %v", lead.ID, lead.IdentityProviders, err)
		}
		lead.Fields["EmailAddress"] = recovery.FieldValue{Value: "evil@example.net"}
		lead.IdentityProviders[0] = "Evil"
	}
	if leads.Finds() != 2 {
		t.Errorf("Finds is %d, want 2", leads.Finds())
	}
}

// Leads must not implement an optional interface, because a Service checks for
// it.
func TestLeadsViews(t *testing.T) {
	leads := recoverytest.NewLeads()
	for _, view := range []struct {
		name               string
		store              recovery.LeadStore
		versioned, history bool
	}{
		{"Leads", leads, false, false},
		{"Versioned", leads.Versioned(), true, false},
		{"History", leads.History(), false, true},
		{"Full", leads.Full(), true, true},
	} {
		if _, ok := view.store.(recovery.VersionedLeadStore); ok != view.versioned {
			t.Errorf("%s is a VersionedLeadStore: %v", view.name, ok)
		}
		if _, ok := view.store.(recovery.PasswordHistoryLeadStore); ok != view.history {
			t.Errorf("%s is a PasswordHistoryLeadStore: %v", view.name, ok)
		}
	}
}

func TestLeadsHooks(t *testing.T) {
	leads := recoverytest.NewLeads()
	id := leads.AddEmail("anna@example.com", "hash")
	failure := errors.New("down")
	leads.SetHooks(recoverytest.LeadsHooks{
		// A hook may call methods of Leads, because it runs without the lock.
		Find:    func(context.Context, recovery.LeadKey) error { leads.Hash(id); return failure },
		History: func(context.Context, string) error { return failure },
	})
	if _, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: "EmailAddress", Value: "anna@example.com"}); !errors.Is(err, failure) {
		t.Errorf("FindLead: %v", err)
	}
	if _, err := leads.History().PasswordHashes(t.Context(), id, 1); !errors.Is(err, failure) {
		t.Errorf("PasswordHashes: %v", err)
	}
	leads.SetHooks(recoverytest.LeadsHooks{
		AfterFind: func(_ context.Context, _ recovery.LeadKey, lead recovery.Lead) (recovery.Lead, error) {
			leads.Hash(id)
			lead.Version = ""
			return lead, nil
		},
	})
	lead, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
	if err != nil || lead.ID != id || lead.Version != "" {
		t.Errorf("FindLead of a store that forgets the Version: %+v, %v", lead, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("Hash of nobody did not panic")
		}
	}()
	leads.Hash("nobody")
}
