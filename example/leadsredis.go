package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/seed-51359b35/recovery"
)

// redisLeads is the [leadStore] that several instances share. A lead is one
// key, and an entry of a unique index another.
type redisLeads struct {
	vault *vault
	// The demo's own leads are planted whenever they are not there: at the
	// first start, after a day without use, and on a Redis that lost its
	// memory.
	seeds map[string]seed             // by ID
	index map[recovery.LeadKey]string // canonical value to ID
}

// A row is what is kept of a lead.
type row struct {
	// Lead.Version is drawn anew with every change. A counter would begin
	// again with a lead that is planted again, and links of its former life
	// would fit.
	Lead recovery.Lead
	Hash string // empty: no password
}

var _ leadStore = (*redisLeads)(nil)

func newRedisLeads(v *vault, seeds []seed) *redisLeads {
	s := &redisLeads{vault: v, seeds: map[string]seed{}, index: map[recovery.LeadKey]string{}}
	for _, e := range seeds {
		s.seeds[e.lead.ID] = e
		for _, key := range indexKeys(e.lead) {
			s.index[key] = e.lead.ID
		}
	}
	return s
}

func (s *redisLeads) leadName(id string) string {
	return s.vault.name("lead", s.vault.hash("lead", id))
}

func (s *redisLeads) indexName(key recovery.LeadKey) string {
	return s.vault.name("index", s.vault.hash("index", key.Field, key.Value))
}

// plant adds what is missing of the demo's leads. Another instance, or a run
// before this one, may have planted them; what happened to them since stays.
func (s *redisLeads) plant(ctx context.Context) error {
	for _, e := range s.seeds {
		if err := s.add(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// add adds a lead unless it is there. The index comes first: it says whether a
// lead may be added at all.
func (s *redisLeads) add(ctx context.Context, e seed) error {
	for _, key := range indexKeys(e.lead) {
		name := s.indexName(key)
		done, err := s.vault.swap(ctx, name, "", e.lead.ID)
		if err != nil {
			return redisError(err)
		}
		var owner string
		if done {
			continue
		}
		if _, err := s.vault.get(ctx, name, &owner); err != nil {
			return redisError(err)
		}
		if owner != e.lead.ID {
			return errNotUnique
		}
	}
	r := row{e.lead, e.hash}
	r.Lead.Version = rand.Text()
	if _, err := s.vault.swap(ctx, s.leadName(e.lead.ID), "", r); err != nil {
		return redisError(err)
	}
	return nil
}

// FindLead implements [recovery.LeadStore].
func (s *redisLeads) FindLead(ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	ctx, cancel := s.vault.within(ctx)
	defer cancel()
	r, err := s.find(ctx, key)
	return r.Lead, err
}

func (s *redisLeads) find(ctx context.Context, key recovery.LeadKey) (row, error) {
	id := key.Value
	if key.Field != recovery.LeadIDField {
		id = ""
		if _, err := s.vault.get(ctx, s.indexName(key), &id); err != nil {
			return row{}, redisError(err)
		}
		if id == "" {
			id = s.index[key]
		}
	}
	// Nobody has the empty ID, and it is looked up like any other: the time
	// that an answer takes must not tell who has an account.
	_, r, err := s.load(ctx, id)
	return r, err
}

// load reads a lead, and what is stored, for swap.
func (s *redisLeads) load(ctx context.Context, id string) (stored string, r row, err error) {
	stored, err = s.vault.get(ctx, s.leadName(id), &r)
	if e, ok := s.seeds[id]; ok && err == nil && stored == "" {
		if err := s.add(ctx, e); err != nil {
			return "", row{}, err
		}
		stored, err = s.vault.get(ctx, s.leadName(id), &r)
	}
	if err != nil {
		return "", row{}, redisError(err)
	}
	if stored == "" {
		return "", row{}, recovery.ErrLeadNotFound
	}
	return stored, r, nil
}

// SetPasswordHash implements [recovery.LeadStore].
func (s *redisLeads) SetPasswordHash(ctx context.Context, leadID, hash string) error {
	return s.write(ctx, leadID, setHash(hash, func(*recovery.Lead) error { return nil }))
}

// SetPasswordHashIf implements [recovery.VersionedLeadStore].
func (s *redisLeads) SetPasswordHashIf(ctx context.Context, leadID, version, hash string) error {
	return s.write(ctx, leadID, setHash(hash, func(lead *recovery.Lead) error {
		if lead.Version != version {
			return recovery.ErrVersionChanged
		}
		return nil
	}))
}

// SetFirstPasswordHashIf implements [recovery.FirstPasswordLeadStore].
func (s *redisLeads) SetFirstPasswordHashIf(ctx context.Context, leadID, version, hash string) error {
	return s.write(ctx, leadID, setHash(hash, func(lead *recovery.Lead) error {
		if lead.Version != version || !mayChooseFirst(lead.Status) {
			return recovery.ErrVersionChanged
		}
		lead.Status = recovery.StatusActive
		return nil
	}))
}

// setHash returns a change that sets a hash, if the lead as it is allows that.
func setHash(hash string, allowed func(*recovery.Lead) error) func(*row) error {
	return func(r *row) error {
		if err := allowed(&r.Lead); err != nil {
			return err
		}
		if r.Hash = hash; r.Lead.Status == recovery.StatusResetRequired {
			r.Lead.Status = recovery.StatusActive
		}
		return nil
	}
}

var errOtherValue = errors.New("the lead has another value now")

// MarkVerified implements [recovery.VerifyingLeadStore].
func (s *redisLeads) MarkVerified(ctx context.Context, leadID, field, value string) error {
	err := s.write(ctx, leadID, func(r *row) error {
		if v := r.Lead.Fields[field]; v.Value != value || value == "" {
			return errOtherValue
		}
		r.Lead.Fields[field] = recovery.FieldValue{Value: value, Verified: true}
		return nil
	})
	if errors.Is(err, errOtherValue) || errors.Is(err, recovery.ErrLeadNotFound) {
		return nil
	}
	return err
}

// write changes a row and gives the lead a new version, if the row as it is allows
// that.
func (s *redisLeads) write(ctx context.Context, leadID string, change func(*row) error) error {
	ctx, cancel := s.vault.within(ctx)
	defer cancel()
	for {
		stored, r, err := s.load(ctx, leadID)
		if err == nil {
			err = change(&r)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", recovery.ErrNotWritten, err)
		}
		r.Lead.Version = rand.Text()
		done, err := s.vault.swap(ctx, s.leadName(leadID), stored, r)
		switch {
		case err != nil && notDone(err):
			return fmt.Errorf("%w: %w", recovery.ErrNotWritten, redisError(err))
		case err != nil:
			return redisError(err)
		case done:
			return nil
		}
		// Somebody else wrote; whether this one still may is a new question.
	}
}

func (s *redisLeads) credentials(ctx context.Context, email string) (leadID, hash string, err error) {
	ctx, cancel := s.vault.within(ctx)
	defer cancel()
	r, err := s.find(ctx, emailKey(email))
	if errors.Is(err, recovery.ErrLeadNotFound) || err == nil && !hasPassword(r.Lead.Status) {
		return "", "", nil
	}
	return r.Lead.ID, r.Hash, err
}

func (s *redisLeads) rehash(ctx context.Context, leadID, old, hash string) error {
	ctx, cancel := s.vault.within(ctx)
	defer cancel()
	for {
		stored, r, err := s.load(ctx, leadID)
		if err != nil || r.Hash != old {
			return err
		}
		r.Hash = hash
		if done, err := s.vault.swap(ctx, s.leadName(leadID), stored, r); done || err != nil {
			return err
		}
	}
}
