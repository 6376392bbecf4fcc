package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/seed-51359b35/recovery"
)

// memoryLeads is the [leadStore] of a demo that needs no set-up.
type memoryLeads struct {
	mu    sync.RWMutex
	byID  map[string]*account
	index map[recovery.LeadKey]string // the unique indices: canonical value to ID
}

// account is one row.
type account struct {
	seed
	// version counts the changes of password, address and status, so that a
	// link made before one of them is dead after it.
	version int
}

var _ leadStore = (*memoryLeads)(nil)

func newMemoryLeads() *memoryLeads {
	return &memoryLeads{byID: map[string]*account{}, index: map[recovery.LeadKey]string{}}
}

func (s *memoryLeads) add(e seed) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := indexKeys(e.lead)
	for _, key := range keys {
		if _, taken := s.index[key]; taken {
			return errNotUnique
		}
	}
	for _, key := range keys {
		s.index[key] = e.lead.ID
	}
	s.byID[e.lead.ID] = &account{seed: e, version: 1}
	return nil
}

// FindLead implements [recovery.LeadStore].
func (s *memoryLeads) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a := s.find(key)
	if a == nil {
		return recovery.Lead{}, recovery.ErrLeadNotFound
	}
	lead := a.lead
	lead.Version = strconv.Itoa(a.version)
	lead.Fields = maps.Clone(lead.Fields)
	lead.IdentityProviders = slices.Clone(lead.IdentityProviders)
	return lead, nil
}

func (s *memoryLeads) find(key recovery.LeadKey) *account {
	if key.Field == recovery.LeadIDField {
		return s.byID[key.Value]
	}
	return s.byID[s.index[key]] // no lead has the empty ID
}

// SetPasswordHash implements [recovery.LeadStore]. It either writes or does
// not, so every error of it is a definite one.
func (s *memoryLeads) SetPasswordHash(_ context.Context, leadID, hash string) error {
	return s.write(leadID, hash, func(*account) error { return nil })
}

// SetPasswordHashIf implements [recovery.VersionedLeadStore]: in SQL, an UPDATE
// with the version in its WHERE clause.
func (s *memoryLeads) SetPasswordHashIf(_ context.Context, leadID, version, hash string) error {
	return s.write(leadID, hash, func(a *account) error {
		if strconv.Itoa(a.version) != version {
			return recovery.ErrVersionChanged
		}
		return nil
	})
}

// SetFirstPasswordHashIf implements [recovery.FirstPasswordLeadStore].
func (s *memoryLeads) SetFirstPasswordHashIf(_ context.Context, leadID, version, hash string) error {
	return s.write(leadID, hash, func(a *account) error {
		if strconv.Itoa(a.version) != version || !mayChooseFirst(a.lead.Status) {
			return recovery.ErrVersionChanged
		}
		a.lead.Status = recovery.StatusActive
		return nil
	})
}

// write sets a hash, if the account as it is allows that.
func (s *memoryLeads) write(leadID, hash string, allowed func(*account) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.byID[leadID]
	if !ok {
		return fmt.Errorf("%w: %w", recovery.ErrNotWritten, recovery.ErrLeadNotFound)
	}
	if err := allowed(a); err != nil {
		return fmt.Errorf("%w: %w", recovery.ErrNotWritten, err)
	}
	if a.lead.Status == recovery.StatusResetRequired {
		a.lead.Status = recovery.StatusActive
	}
	a.hash = hash
	a.version++
	return nil
}

// MarkVerified implements [recovery.VerifyingLeadStore].
func (s *memoryLeads) MarkVerified(_ context.Context, leadID, field, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.byID[leadID]; ok && a.lead.Fields[field].Value == value && value != "" {
		a.lead.Fields = maps.Clone(a.lead.Fields)
		a.lead.Fields[field] = recovery.FieldValue{Value: value, Verified: true}
		a.version++
	}
	return nil
}

func (s *memoryLeads) credentials(_ context.Context, email string) (leadID, hash string, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a := s.find(emailKey(email))
	if a == nil || !hasPassword(a.lead.Status) {
		return "", "", nil
	}
	return a.lead.ID, a.hash, nil
}

func (s *memoryLeads) rehash(_ context.Context, leadID, old, hash string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.byID[leadID]; ok && a.hash == old {
		a.hash = hash
	}
	return nil
}
