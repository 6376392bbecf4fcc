package leadsquared_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// fields are the fields of every portal.
func fields() []recovery.Field {
	return []recovery.Field{
		{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
		{Name: "Phone", Type: recovery.FieldTypePhone, Search: true, Receive: true},
		{Name: "mx_Other", Type: recovery.FieldTypeEmail, Receive: true},
		{Name: "mx_Secret_Mail", Type: recovery.FieldTypeEmail},
		{Name: "mx_PAN", Type: recovery.FieldTypeText, Search: true},
		{Name: "mx_City", Type: recovery.FieldTypeText},
	}
}

// newLeads returns the leads of one portal.
func newLeads() *recoverytest.Leads {
	leads := recoverytest.NewLeads(fields()...)
	leads.Add(recovery.Lead{ID: johnID, Fields: map[string]recovery.FieldValue{
		"EmailAddress": {Value: johnMail, Verified: true},
		"Phone":        {Value: "+14157415569", Verified: true},
		"mx_Other":     {Value: "john.other@example.com", Verified: true},
		"mx_PAN":       {Value: "SSKKPPYY222"},
	}}, "")
	for _, l := range []recovery.Lead{
		{ID: "disabled", Status: recovery.StatusDisabled},
		{ID: "social", Status: recovery.StatusNoPassword},
		{ID: "unverified"},
	} {
		l.Fields = map[string]recovery.FieldValue{"EmailAddress": {Value: l.ID + "@example.com", Verified: l.ID != "unverified"}}
		leads.Add(l, "")
	}
	return leads
}

// A cheapHasher replaces argon2id, which these tests do not test.
type cheapHasher struct{ hash func() error }

func (h cheapHasher) Hash(_ context.Context, pw string) (string, error) {
	if h.hash != nil {
		if err := h.hash(); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("hash-of-%d-bytes", len(pw)), nil
}

func (cheapHasher) Verify(context.Context, password.Attempt) (password.Result, error) {
	return password.Result{}, errors.New("not used")
}

// A logBuffer keeps everything that is logged, at every level.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// A tenant holds the leads, the sent messages and the Service of one portal.
type tenant struct {
	leads  *recoverytest.Leads
	outbox *recoverytest.Outbox
	svc    *recovery.Service
}

// links returns the messages that carry a link.
func (n *tenant) links() []recovery.Message { return n.outbox.OfKind(recovery.MessageResetLink) }

// onWrite calls f before a hash is written. A nil f does nothing.
func (n *tenant) onWrite(f func() error) {
	hooks := recoverytest.LeadsHooks{}
	if f != nil {
		hooks.BeforeWrite = func(context.Context, string, string) error { return f() }
	}
	n.leads.SetHooks(hooks)
}

// relaxed returns limits that no test reaches.
func relaxed() recovery.Limits {
	much := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100_000, Window: time.Second}}}
	return recovery.Limits{
		Caller: much, ClientForgot: much, ClientReset: much, ClientCheck: much,
		Identifier: much, Lead: much, Recipient: much, Issue: much,
	}
}

func newTenant(t testing.TB, logs *logBuffer, prefix string, change func(*recovery.Options)) *tenant {
	t.Helper()
	n := &tenant{leads: newLeads(), outbox: &recoverytest.Outbox{}}
	opts := recovery.Options{
		Keys:   [][]byte{testenv.Key("k")},
		Prefix: prefix,
		// This wire never uses the link of the options. A test would fail
		// if it did.
		Link:                    recovery.Link{URL: "https://unused.example.com/"},
		DangerouslyKeepSessions: true,
		Fields:                  fields(),
		Passwords:               recovery.PasswordOptions{Hasher: cheapHasher{}},
		Limits:                  relaxed(),
		Logger:                  logs.logger(),
	}
	if change != nil {
		change(&opts)
	}
	svc, err := recovery.New(n.leads.Multi(), recovery.NewMemoryTokenStore(), n.outbox, opts)
	if err != nil {
		t.Fatal(err)
	}
	n.svc = svc
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		// Some tests leave jobs that fail.
		err := svc.Shutdown(ctx)
		if e, ok := errors.AsType[*recovery.ShutdownError](err); err != nil && (!ok || e.Cause != nil) {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return n
}
