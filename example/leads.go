package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

// The fields of the demo's leads.
const (
	fieldEmail     = "EmailAddress"
	fieldPhone     = "Phone"
	fieldAlternate = "mx_Alternate_Email"
	fieldPAN       = "mx_PAN_Number"
	fieldUsername  = "Username"
)

// fields says which of them requests may name. The alternative address
// receives and is not searched: it need not be unique.
func fields() []recovery.Field {
	return []recovery.Field{
		{Name: fieldEmail, Type: recovery.FieldEmail, Search: true, Receive: true},
		{Name: fieldPhone, Type: recovery.FieldPhone, Search: true, Receive: true},
		{Name: fieldAlternate, Type: recovery.FieldEmail, Receive: true},
		{Name: fieldPAN, Type: recovery.FieldText, Search: true},
		{Name: fieldUsername, Type: recovery.FieldText, Search: true, IgnoreCase: true},
	}
}

// The demo lead and the first password.
const (
	demoLeadID   = "a822e018-80a4-4a86-bd9d-9855710109ff"
	demoEmail    = "johnwick@example.com"
	demoPhone    = "+14-157415569"
	demoPAN      = "SSKKPPYY222"
	demoUsername = "john_doe"
	demoPassword = "Babayaga-has-a-dog-1964"
)

// demoLeads are the people of the portal: one who can do everything, one who
// is disabled, and one who has no password.
func demoLeads() []recovery.Lead {
	verified := func(value string) recovery.FieldValue {
		return recovery.FieldValue{Value: value, Verified: true}
	}
	return []recovery.Lead{
		{
			ID: demoLeadID, Status: recovery.StatusActive, Name: "John Wick", Locale: "en",
			Fields: map[string]recovery.FieldValue{
				fieldEmail:     verified(demoEmail),
				fieldPhone:     verified(demoPhone),
				fieldAlternate: verified("john.alt@example.com"),
				fieldPAN:       {Value: demoPAN},
				fieldUsername:  {Value: demoUsername},
			},
			IdentityProviders: []string{"google", "facebook"},
		},
		{
			ID: "5d1f7c0e-2b64-4a0f-9d0f-6d2c7d3a9b11", Status: recovery.StatusDisabled, Name: "Iosef Tarasov",
			Fields: map[string]recovery.FieldValue{fieldEmail: verified("disabled@example.com")},
		},
		{
			ID: "c3b7e2a4-91d8-4c55-8f3e-0a6b1f4d7e22", Status: recovery.StatusNoPassword, Name: "Sofia Al-Azwar",
			Fields:            map[string]recovery.FieldValue{fieldEmail: verified("social@example.com")},
			IdentityProviders: []string{"google"},
		},
	}
}

// leads is the user store. Every real one is a database; this one shows what
// its statements have to do.
type leads struct {
	mu    sync.RWMutex
	byID  map[string]*account
	index map[recovery.LeadKey]string // the unique indices: canonical value to ID
}

// account is one row.
type account struct {
	lead recovery.Lead // without Version
	hash string        // empty: no password
	// version counts the changes of password, address and status, so that a
	// link made before one of them is dead after it.
	version int
}

var _ recovery.VersionedLeadStore = (*leads)(nil)

func newLeads() *leads {
	return &leads{byID: map[string]*account{}, index: map[recovery.LeadKey]string{}}
}

// newDemoLeads hashes the first passwords, so that none is ever kept, not even
// of a demo.
func newDemoLeads(ctx context.Context, hasher password.Hasher) (*leads, error) {
	s := newLeads()
	for _, lead := range demoLeads() {
		hash := ""
		if lead.Status != recovery.StatusNoPassword {
			var err error
			if hash, err = hasher.Hash(ctx, demoPassword); err != nil {
				return nil, fmt.Errorf("hashing the first passwords: %w", err)
			}
		}
		if err := s.add(lead, hash); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// errNotUnique is a lead that has a value of another lead's in a field that is
// searched: the unique index refuses it.
var errNotUnique = errors.New("another lead has the same value in a field that is searched")

func (s *leads) add(lead recovery.Lead, hash string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []recovery.LeadKey
	for _, f := range fields() {
		if v, ok := lead.Fields[f.Name]; ok && f.Search {
			key := recovery.LeadKey{Field: f.Name, Value: canonical(f, v.Value)}
			if _, taken := s.index[key]; taken {
				return errNotUnique
			}
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		s.index[key] = lead.ID
	}
	s.byID[lead.ID] = &account{lead: lead, hash: hash, version: 1}
	return nil
}

// canonical is the form in which a Service asks for a value, for the values
// that stand in this file; see [recovery.LeadKey].
func canonical(f recovery.Field, value string) string {
	switch {
	case f.Type == recovery.FieldPhone:
		return strings.Map(func(r rune) rune {
			if r == '+' || '0' <= r && r <= '9' {
				return r
			}
			return -1
		}, value)
	case f.Type == recovery.FieldEmail || f.IgnoreCase:
		return foldASCII(value)
	}
	return value
}

// foldASCII is strings.ToLower for ASCII alone: that takes a Kelvin sign for a
// k, and so one person's address for another's.
func foldASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// FindLead implements [recovery.LeadStore].
func (s *leads) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
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

func (s *leads) find(key recovery.LeadKey) *account {
	if key.Field == recovery.LeadIDField {
		return s.byID[key.Value]
	}
	return s.byID[s.index[key]] // no lead has the empty ID
}

// SetPasswordHash implements [recovery.LeadStore]. It either writes or does
// not, so every error of it is a definite one.
func (s *leads) SetPasswordHash(_ context.Context, leadID, hash string) error {
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
func (s *leads) SetPasswordHashIf(_ context.Context, leadID, version, hash string) error {
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

// credentials returns what a login compares. Both are empty for a person who
// does not exist or may not sign in with a password.
func (s *leads) credentials(email string) (leadID, hash string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a := s.find(recovery.LeadKey{Field: fieldEmail, Value: foldASCII(strings.Trim(email, " \t"))})
	if a == nil || a.lead.Status != recovery.StatusActive {
		return "", ""
	}
	return a.lead.ID, a.hash
}

// rehash replaces a hash by another of the same password. The password did not
// change, so the version stays and links go on working; if it did change in the
// meantime, the newer hash stays.
func (s *leads) rehash(leadID, old, hash string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.byID[leadID]; ok && a.hash == old {
		a.hash = hash
	}
}
