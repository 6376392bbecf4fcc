package routers

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync"

	"github.com/seed-51359b35/recovery"
)

// A user is a row of the host's table of users.
type user struct {
	id, email, hash string
	version         int
	// stamp stands in every session of the user. Whoever has another one is
	// signed out. Only Gorilla uses it.
	stamp string
}

// lead returns what the library has to know of the row.
func (u user) lead() recovery.Lead {
	return recovery.Lead{
		ID: u.id, Version: strconv.Itoa(u.version), Status: recovery.StatusActive,
		Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: u.email, Verified: true}},
	}
}

// users is the host's table of users, here in memory. It is a
// [recovery.LeadStore].
type users struct {
	mu   sync.Mutex
	rows []*user
}

// find returns a copy of the row that a condition holds for: one SELECT.
func (t *users) find(matches func(u *user) bool) (user, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, u := range t.rows {
		if matches(u) {
			return *u, true
		}
	}
	return user{}, false
}

func (t *users) byEmail(email string) (user, bool) {
	return t.find(func(u *user) bool { return u.email == email })
}

func (t *users) byID(id string) (user, bool) {
	return t.find(func(u *user) bool { return u.id == id })
}

// update changes the row of a user: one UPDATE.
func (t *users) update(id string, change func(u *user)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, u := range t.rows {
		if u.id == id {
			change(u)
			return true
		}
	}
	return false
}

// FindLead implements [recovery.LeadStore].
func (t *users) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	u, ok := t.byID(key.Value)
	if key.Field == "EmailAddress" {
		u, ok = t.byEmail(key.Value)
	}
	if !ok {
		return recovery.Lead{}, recovery.ErrLeadNotFound
	}
	return u.lead(), nil
}

// SetPasswordHashIf implements [recovery.VersionedLeadStore]: one UPDATE with the
// version in its WHERE.
func (t *users) SetPasswordHashIf(_ context.Context, leadID, version, hash string) error {
	same := false
	found := t.update(leadID, func(u *user) {
		if same = strconv.Itoa(u.version) == version; same {
			u.hash = hash
			u.version++
		}
	})
	if !found || !same {
		return fmt.Errorf("user %s: %w: %w", leadID, recovery.ErrVersionChanged, recovery.ErrNotWritten)
	}
	return nil
}

// SetPasswordHash implements [recovery.LeadStore].
func (t *users) SetPasswordHash(_ context.Context, leadID, hash string) error {
	if !t.update(leadID, func(u *user) { u.hash = hash; u.version++ }) {
		return fmt.Errorf("no user %s: %w", leadID, recovery.ErrNotWritten)
	}
	return nil
}

// EndSessions implements [recovery.SessionEnder] for [Gorilla]: it changes the
// stamp of the user.
func (t *users) EndSessions(_ context.Context, leadID string) error {
	t.update(leadID, func(u *user) { u.stamp = rand.Text() })
	return nil
}
