package main

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"
)

// maxSessionsOfLead bounds what is kept of one lead. The oldest go first.
const maxSessionsOfLead = 100

// redisSessions is the [sessionStore] that several instances share. All
// sessions of a lead are one key, so that a reset ends them in one step.
type redisSessions struct {
	vault *vault
	// leadIDs are whose sessions are listed. A demo has few; to list those of
	// everybody takes an index.
	leadIDs []string
}

// signIns are the sessions of a lead.
type signIns struct {
	Epoch  string
	Opened []signInOf
}

// signInOf is one session, by digest of the cookie.
type signInOf struct {
	Digest  string
	Session session
}

var _ sessionStore = (*redisSessions)(nil)

func (s *redisSessions) hash(leadID string) string { return s.vault.hash("sessions", leadID) }

// load reads the sessions behind a hash, without those that have ended.
func (s *redisSessions) load(ctx context.Context, hash string) (stored string, all signIns, err error) {
	stored, err = s.vault.get(ctx, s.vault.name("sessions", hash), &all)
	if err != nil {
		return "", signIns{}, redisError(err)
	}
	now := time.Now()
	all.Opened = slices.DeleteFunc(all.Opened, func(o signInOf) bool { return o.Session.ended(now) })
	return stored, all, nil
}

// change changes the sessions behind a hash until nobody else did so in
// between, or change declines.
func (s *redisSessions) change(ctx context.Context, hash string, change func(*signIns) bool) (done bool, err error) {
	ctx, cancel := s.vault.within(ctx)
	defer cancel()
	for {
		stored, all, err := s.load(ctx, hash)
		if err != nil || !change(&all) {
			return false, err
		}
		done, err := s.vault.swap(ctx, s.vault.name("sessions", hash), stored, all)
		if err != nil {
			return false, redisError(err)
		}
		if done {
			return true, nil
		}
	}
}

func (s *redisSessions) epoch(ctx context.Context, leadID string) (string, error) {
	ctx, cancel := s.vault.within(ctx)
	defer cancel()
	_, all, err := s.load(ctx, s.hash(leadID))
	return all.Epoch, err
}

func (s *redisSessions) open(ctx context.Context, leadID, epoch string) (e session, secret string, ok bool, err error) {
	hash := s.hash(leadID)
	// The hash is where to look, and only the rest is secret.
	secret = hash + "." + rand.Text()
	digest := digestOf(secret)
	e = newSession(leadID, digest)
	ok, err = s.change(ctx, hash, func(all *signIns) bool {
		if all.Epoch != epoch {
			return false
		}
		all.Opened = append(all.Opened, signInOf{digest, e})
		all.Opened = all.Opened[max(0, len(all.Opened)-maxSessionsOfLead):]
		return true
	})
	if !ok || err != nil {
		return session{}, "", false, err
	}
	return e, secret, true, nil
}

// EndSessions implements [recovery.SessionEnder]. It leaves a new epoch behind
// where no session was, for logins that are under way.
func (s *redisSessions) EndSessions(ctx context.Context, leadID string) error {
	_, err := s.change(ctx, s.hash(leadID), func(all *signIns) bool {
		*all = signIns{Epoch: rand.Text()}
		return true
	})
	return err
}

func (s *redisSessions) find(ctx context.Context, secret string) (session, bool, error) {
	hash, _, ok := strings.Cut(secret, ".")
	if !ok || !isHash(hash) {
		return session{}, false, nil
	}
	ctx, cancel := s.vault.within(ctx)
	defer cancel()
	_, all, err := s.load(ctx, hash)
	if err != nil {
		return session{}, false, err
	}
	digest := digestOf(secret)
	i := slices.IndexFunc(all.Opened, func(o signInOf) bool { return o.Digest == digest })
	if i < 0 {
		return session{}, false, nil
	}
	return all.Opened[i].Session, true, nil
}

func (s *redisSessions) list(ctx context.Context) ([]session, error) {
	ctx, cancel := s.vault.within(ctx)
	defer cancel()
	var list []session
	for _, id := range s.leadIDs {
		_, all, err := s.load(ctx, s.hash(id))
		if err != nil {
			return nil, err
		}
		for _, o := range all.Opened {
			list = append(list, o.Session)
		}
	}
	return oldestFirst(list), nil
}
