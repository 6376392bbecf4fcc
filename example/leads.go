package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
		{Name: fieldEmail, Type: recovery.FieldTypeEmail, Search: true, Receive: true},
		{Name: fieldPhone, Type: recovery.FieldTypePhone, Search: true, Receive: true},
		{Name: fieldAlternate, Type: recovery.FieldTypeEmail, Receive: true},
		{Name: fieldPAN, Type: recovery.FieldTypeText, Search: true},
		{Name: fieldUsername, Type: recovery.FieldTypeText, Search: true, IgnoreCase: true},
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

// The people that -invite writes to.
const (
	invitedLeadID  = "7f0c4b7a-3a55-4a0c-8d7e-2f6f0f1f9a01"
	requiredLeadID = "e9a3d1c2-5b1f-4e7c-9a44-1c0f6f2b8d02"
)

// demoLeads are the people of the portal: one who can do everything, one who
// is disabled, one who has no password, one who was invited, and one who has to
// replace the password.
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
		{
			ID: invitedLeadID, Status: recovery.StatusInvited, Name: "Marcus Cole", Locale: "en",
			Fields: map[string]recovery.FieldValue{fieldEmail: {Value: "invited@example.com"}},
		},
		{
			ID: requiredLeadID, Status: recovery.StatusResetRequired, Name: "Winston Scott", Locale: "en",
			Fields: map[string]recovery.FieldValue{fieldEmail: verified("required@example.com")},
		},
	}
}

// A leadStore is the user store: what the library asks of it, and what a login
// does. Every real one is a database; these two show what its statements have
// to do.
type leadStore interface {
	recovery.VersionedLeadStore
	recovery.FirstPasswordLeadStore
	recovery.VerifyingLeadStore
	// credentials returns what a login compares. Both are empty for a person
	// who does not exist or has no password to sign in with.
	credentials(ctx context.Context, email string) (leadID, hash string, err error)
	// rehash replaces a hash by another of the same password. The password did
	// not change, so the version stays and links go on working; if it did
	// change in the meantime, the newer hash stays.
	rehash(ctx context.Context, leadID, old, hash string) error
}

// A seed is a lead with its first password.
type seed struct {
	lead recovery.Lead // without Version
	hash string        // empty: no password
}

// demoSeeds hashes the first passwords, so that none is ever kept, not even of
// a demo.
func demoSeeds(ctx context.Context, hasher password.Hasher) ([]seed, error) {
	var all []seed
	for _, lead := range demoLeads() {
		hash := ""
		if lead.Status != recovery.StatusNoPassword && lead.Status != recovery.StatusInvited {
			var err error
			if hash, err = hasher.Hash(ctx, demoPassword); err != nil {
				return nil, fmt.Errorf("hashing the first passwords: %w", err)
			}
		}
		all = append(all, seed{lead, hash})
	}
	return all, nil
}

// hasPassword reports whether people in this state may be asked for their password
// at a login. One that has to be replaced is refused only once it was found right.
func hasPassword(status recovery.LeadStatus) bool {
	return status == recovery.StatusActive || status == recovery.StatusResetRequired
}

// mayChooseFirst reports whether people in this state may choose a first password.
func mayChooseFirst(status recovery.LeadStatus) bool {
	return status == recovery.StatusInvited || status == recovery.StatusNoPassword
}

// errNotUnique is a lead that has a value of another lead's in a field that is
// searched: the unique index refuses it.
var errNotUnique = errors.New("another lead has the same value in a field that is searched")

// indexKeys are a lead's entries in the unique indices.
func indexKeys(lead recovery.Lead) []recovery.LeadKey {
	var keys []recovery.LeadKey
	for _, f := range fields() {
		if v, ok := lead.Fields[f.Name]; ok && f.Search {
			keys = append(keys, recovery.LeadKey{Field: f.Name, Value: canonical(f, v.Value)})
		}
	}
	return keys
}

// emailKey is the key of an address as a person typed it at a login.
func emailKey(email string) recovery.LeadKey {
	return recovery.LeadKey{Field: fieldEmail, Value: foldASCII(strings.Trim(email, " \t"))}
}

// canonical is the form in which a Service asks for a value, for the values
// that stand in this file; see [recovery.LeadKey].
func canonical(f recovery.Field, value string) string {
	switch {
	case f.Type == recovery.FieldTypePhone:
		return strings.Map(func(r rune) rune {
			if r == '+' || '0' <= r && r <= '9' {
				return r
			}
			return -1
		}, value)
	case f.Type == recovery.FieldTypeEmail || f.IgnoreCase:
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
