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
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.byID[leadID]
	if !ok {
		return fmt.Errorf("%w: %w", recovery.ErrNotWritten, recovery.ErrLeadNotFound)
	}
	a.hash = hash
	a.version++
	return nil
}

// SetPasswordHashIf implements [recovery.VersionedLeadStore]: in SQL, an UPDATE
// with the version in its WHERE clause.
func (s *memoryLeads) SetPasswordHashIf(_ context.Context, leadID, version, hash string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.byID[leadID]
	if !ok {
		return fmt.Errorf("%w: %w", recovery.ErrNotWritten, recovery.ErrLeadNotFound)
	}
	if strconv.Itoa(a.version) != version {
		return fmt.Errorf("%w: %w", recovery.ErrNotWritten, recovery.ErrVersionChanged)
	}
	a.hash = hash
	a.version++
	return nil
}

func (s *memoryLeads) credentials(_ context.Context, email string) (leadID, hash string, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a := s.find(emailKey(email))
	if a == nil || a.lead.Status != recovery.StatusActive {
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
