package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/seed-51359b35/recovery"
)

// sessionTTL is how long a session lasts without a new login.
const sessionTTL = 12 * time.Hour

// A session as it may be shown.
type session struct {
	ID      string // the start of the cookie's digest, so that it opens nothing
	LeadID  string `json:"LeadId"`
	Started time.Time
}

// digestOf is by what sessions are kept: the cookie itself is stored nowhere.
func digestOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func newSession(leadID, digest string) session {
	return session{ID: digest[:12], LeadID: leadID, Started: time.Now().UTC().Truncate(time.Millisecond)}
}

func (s session) ended(now time.Time) bool { return now.Sub(s.Started) > sessionTTL }

// A sessionStore knows who is signed in.
type sessionStore interface {
	recovery.SessionEnder
	// epoch names the time between two ends of a lead's sessions.
	epoch(ctx context.Context, leadID string) (string, error)
	// open opens a session under a new secret, unless the lead's sessions were
	// ended since epoch was read. Without that, a login that compared the old
	// password while a reset ran would open its session after the reset had
	// ended all others, and whoever knew the old password would stay in (A74).
	open(ctx context.Context, leadID, epoch string) (e session, secret string, ok bool, err error)
	// find returns the open session of a cookie.
	find(ctx context.Context, secret string) (session, bool, error)
	// list returns the open sessions, oldest first.
	list(ctx context.Context) ([]session, error)
}

// oldestFirst sorts sessions, always in the same way.
func oldestFirst(all []session) []session {
	slices.SortFunc(all, func(a, b session) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	return all
}
