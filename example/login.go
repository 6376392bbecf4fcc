package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

// errSignIn is the one answer to an unknown address, a wrong password and an
// account that may not sign in.
var errSignIn = errors.New("the e-mail address or the password is wrong")

// login signs people in. The library never does; this is what a portal has
// besides it.
type login struct {
	leads    *leads
	sessions *sessions
	hasher   password.Hasher
	// Guesses are limited like everything else (NIST SP 800-63B-4, 3.2.2), by
	// client and never by account: that would lock its owner out.
	limiter recovery.Limiter
	tier    recovery.Tier
	log     *slog.Logger
}

// signIn opens a session. The error is errSignIn, a *recovery.RateLimitError,
// or that of something that does not work.
func (l *login) signIn(ctx context.Context, client netip.Addr, email, pw string) (s session, secret string, err error) {
	if err := l.admit(ctx, client); err != nil {
		return session{}, "", err
	}
	leadID, hash := l.leads.credentials(email)
	// Before the password is compared, see [sessions.open].
	epoch := l.sessions.epoch(leadID)
	// With an empty hash this matches nothing and takes as long as with a real
	// one, so that the time does not tell who has an account.
	result, err := l.hasher.Verify(ctx, hash, pw)
	if _, ok := errors.AsType[*password.PolicyError](err); ok {
		return session{}, "", errSignIn // no such password can ever have been chosen
	}
	if err != nil {
		return session{}, "", err
	}
	if !result.Match {
		return session{}, "", errSignIn
	}
	if result.Rehash {
		if newer, err := l.hasher.Hash(ctx, pw); err != nil {
			l.log.WarnContext(ctx, "rehashing failed, the old hash stays", "error", err)
		} else {
			l.leads.rehash(leadID, hash, newer)
		}
	}
	s, secret, ok := l.sessions.open(leadID, epoch)
	if !ok {
		return session{}, "", errSignIn // the password has just been changed
	}
	return s, secret, nil
}

func (l *login) admit(ctx context.Context, client netip.Addr) error {
	bits := 32
	if client = client.Unmap(); client.Is6() {
		bits = 64 // one subscriber has them all
	}
	key := "login:unknown" // all without an address are one client
	if bucket, err := client.Prefix(bits); err == nil && bucket.IsValid() {
		key = "login:" + bucket.String()
	}
	decisions, err := l.limiter.Take(ctx, recovery.Take{Key: key, Tier: l.tier})
	if err != nil {
		return err
	}
	if d := decisions[0]; !d.Allowed {
		return &recovery.RateLimitError{Scope: recovery.ScopeClient, Limit: d.Limit, RetryAfter: d.RetryAfter}
	}
	return nil
}

// maxSessions bounds the memory of a demo that is left running.
const maxSessions = 1000

// sessionTTL is how long a session lasts without a new login.
const sessionTTL = 12 * time.Hour

// A session as it may be shown.
type session struct {
	ID      string // the start of the cookie's digest, so that it opens nothing
	LeadID  string `json:"LeadId"`
	Started time.Time
}

// sessions knows who is signed in. It is the portal's [recovery.SessionEnder].
type sessions struct {
	mu     sync.Mutex
	opened map[[sha256.Size]byte]session // by digest of the cookie
	epochs map[string]uint64             // how often a lead's sessions were ended
}

var _ recovery.SessionEnder = (*sessions)(nil)

func newSessions() *sessions {
	return &sessions{opened: map[[sha256.Size]byte]session{}, epochs: map[string]uint64{}}
}

func (s *sessions) epoch(leadID string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epochs[leadID]
}

// open opens a session under a new secret, unless the lead's sessions were
// ended since epoch was read. Without that, a login that compared the old
// password while a reset ran would open its session after the reset had ended
// all others, and whoever knew the old password would stay in (A74).
func (s *sessions) open(leadID string, epoch uint64) (e session, secret string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epochs[leadID] != epoch {
		return session{}, "", false
	}
	s.prune(time.Now(), maxSessions-1)
	secret = rand.Text()
	digest := sha256.Sum256([]byte(secret))
	e = session{ID: hex.EncodeToString(digest[:6]), LeadID: leadID, Started: time.Now().UTC().Truncate(time.Millisecond)}
	s.opened[digest] = e
	return e, secret, true
}

// prune drops what is too old, and the oldest while there are more than most.
func (s *sessions) prune(now time.Time, most int) {
	maps.DeleteFunc(s.opened, func(_ [sha256.Size]byte, e session) bool { return now.Sub(e.Started) > sessionTTL })
	for len(s.opened) > most {
		var oldest [sha256.Size]byte
		for digest, e := range s.opened {
			if o, ok := s.opened[oldest]; !ok || e.Started.Before(o.Started) {
				oldest = digest
			}
		}
		delete(s.opened, oldest)
	}
}

// EndSessions implements [recovery.SessionEnder].
func (s *sessions) EndSessions(_ context.Context, leadID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epochs[leadID]++
	maps.DeleteFunc(s.opened, func(_ [sha256.Size]byte, e session) bool { return e.LeadID == leadID })
	return nil
}

// find returns the open session of a cookie.
func (s *sessions) find(secret string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.opened[sha256.Sum256([]byte(secret))]
	return e, ok && time.Since(e.Started) <= sessionTTL
}

// list returns the open sessions, oldest first.
func (s *sessions) list() []session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune(time.Now(), maxSessions)
	return slices.SortedFunc(maps.Values(s.opened), func(a, b session) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
}
