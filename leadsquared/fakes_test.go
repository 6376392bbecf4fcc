package leadsquared_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

// A leadStore is the user store of one portal.
type leadStore struct {
	mu     sync.Mutex
	leads  map[string]recovery.Lead
	hashes map[string]string

	// write, if set, runs instead of SetPasswordHash.
	write func() error
}

func newLeadStore() *leadStore {
	s := &leadStore{leads: map[string]recovery.Lead{}, hashes: map[string]string{}}
	s.add(johnID, recovery.StatusActive, map[string]recovery.FieldValue{
		"EmailAddress": {Value: johnMail, Verified: true},
		"Phone":        {Value: "+14157415569", Verified: true},
		"mx_Other":     {Value: "john.other@example.com", Verified: true},
		"mx_PAN":       {Value: "SSKKPPYY222"},
	})
	s.add("disabled", recovery.StatusDisabled, mailOf("disabled"))
	s.add("social", recovery.StatusNoPassword, mailOf("social"))
	s.add("unverified", recovery.StatusActive, map[string]recovery.FieldValue{"EmailAddress": {Value: "unverified@example.com"}})
	return s
}

func mailOf(name string) map[string]recovery.FieldValue {
	return map[string]recovery.FieldValue{"EmailAddress": {Value: name + "@example.com", Verified: true}}
}

func (s *leadStore) add(id string, status recovery.LeadStatus, fields map[string]recovery.FieldValue) {
	s.leads[id] = recovery.Lead{ID: id, Version: "1", Status: status, Fields: fields}
}

func (s *leadStore) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, l := range s.leads {
		if key.Field == recovery.LeadIDField && id == key.Value || l.Fields[key.Field].Value == key.Value {
			l.Fields = maps.Clone(l.Fields)
			return l, nil
		}
	}
	return recovery.Lead{}, recovery.ErrLeadNotFound
}

func (s *leadStore) SetPasswordHash(_ context.Context, id, hash string) error {
	if s.write != nil {
		return s.write()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leads[id]
	n, _ := strconv.Atoi(l.Version)
	l.Version = strconv.Itoa(n + 1)
	s.leads[id], s.hashes[id] = l, hash
	return nil
}

// written returns every hash that was written, by lead.
func (s *leadStore) written() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.hashes)
}

// An outbox is a Notifier that keeps what it is given.
type outbox struct {
	mu       sync.Mutex
	messages []recovery.Message
	fail     func() error
}

func (o *outbox) Notify(_ context.Context, m recovery.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail()
	}
	o.messages = append(o.messages, m)
	return nil
}

func (o *outbox) all() []recovery.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.messages)
}

func (o *outbox) links() []recovery.Message {
	return slices.DeleteFunc(o.all(), func(m recovery.Message) bool { return m.Kind != recovery.MessageResetLink })
}

// cheapHasher stands for argon2id, which is not what these tests are about.
type cheapHasher struct{ hash func() error }

func (h cheapHasher) Hash(_ context.Context, pw string) (string, error) {
	if h.hash != nil {
		if err := h.hash(); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("hash-of-%d-bytes", len(pw)), nil
}

func (cheapHasher) Verify(context.Context, string, string) (password.Result, error) {
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

// A tenant is what stands behind one portal.
type tenant struct {
	leads  *leadStore
	outbox *outbox
	svc    *recovery.Service
}

// relaxed leaves nothing limited that a test does.
func relaxed() recovery.Limits {
	much := recovery.Tier{Limits: []recovery.Limit{{N: 100_000, Window: time.Second}}}
	return recovery.Limits{
		Caller: much, ClientForgot: much, ClientReset: much, ClientCheck: much,
		Identifier: much, Lead: much, Recipient: much, Issue: much,
	}
}

func newTenant(t testing.TB, logs *logBuffer, prefix string, change func(*recovery.Options)) *tenant {
	t.Helper()
	n := &tenant{leads: newLeadStore(), outbox: &outbox{}}
	opts := recovery.Options{
		Keys:   [][]byte{bytes.Repeat([]byte("k"), 32)},
		Prefix: prefix,
		// Never used by this wire; it would show if it were.
		Link:                    recovery.Link{URL: "https://unused.example.com/"},
		DangerouslyKeepSessions: true,
		Fields: []recovery.Field{
			{Name: "EmailAddress", Type: recovery.FieldEmail, Search: true, Receive: true},
			{Name: "Phone", Type: recovery.FieldPhone, Search: true, Receive: true},
			{Name: "mx_Other", Type: recovery.FieldEmail, Receive: true},
			{Name: "mx_Secret_Mail", Type: recovery.FieldEmail},
			{Name: "mx_PAN", Type: recovery.FieldText, Search: true},
			{Name: "mx_City", Type: recovery.FieldText},
		},
		Hasher: cheapHasher{},
		Limits: relaxed(),
		Logger: logs.logger(),
	}
	if change != nil {
		change(&opts)
	}
	svc, err := recovery.New(n.leads, recovery.NewMemoryTokenStore(), n.outbox, opts)
	if err != nil {
		t.Fatal(err)
	}
	n.svc = svc
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := svc.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return n
}
