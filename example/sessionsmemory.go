package main

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"time"
)

// maxSessions bounds the memory of a demo that is left running.
const maxSessions = 1000

// memorySessions is the [sessionStore] of a demo that needs no set-up.
type memorySessions struct {
	mu     sync.Mutex
	opened map[string]session // by digest of the cookie
	epochs map[string]string  // by lead, of those whose sessions were ended
}

var _ sessionStore = (*memorySessions)(nil)

func newMemorySessions() *memorySessions {
	return &memorySessions{opened: map[string]session{}, epochs: map[string]string{}}
}

func (s *memorySessions) epoch(_ context.Context, leadID string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epochs[leadID], nil
}

func (s *memorySessions) open(_ context.Context, leadID, epoch string) (e session, secret string, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epochs[leadID] != epoch {
		return session{}, "", false, nil
	}
	s.prune(time.Now(), maxSessions-1)
	secret = rand.Text()
	digest := digestOf(secret)
	e = newSession(leadID, digest)
	s.opened[digest] = e
	return e, secret, true, nil
}

// prune drops what is too old, and the oldest while there are more than most.
func (s *memorySessions) prune(now time.Time, most int) {
	maps.DeleteFunc(s.opened, func(_ string, e session) bool { return e.ended(now) })
	for len(s.opened) > most {
		var oldest string
		for digest, e := range s.opened {
			if o, ok := s.opened[oldest]; !ok || e.Started.Before(o.Started) {
				oldest = digest
			}
		}
		delete(s.opened, oldest)
	}
}

// EndSessions implements [recovery.SessionEnder].
func (s *memorySessions) EndSessions(_ context.Context, leadID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epochs[leadID] = rand.Text()
	maps.DeleteFunc(s.opened, func(_ string, e session) bool { return e.LeadID == leadID })
	return nil
}

func (s *memorySessions) find(_ context.Context, secret string) (session, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.opened[digestOf(secret)]
	return e, ok && !e.ended(time.Now()), nil
}

func (s *memorySessions) list(context.Context) ([]session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune(time.Now(), maxSessions)
	return oldestFirst(slices.Collect(maps.Values(s.opened))), nil
}
