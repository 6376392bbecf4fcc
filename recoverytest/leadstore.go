package recoverytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A LeadStoreHarness is what [TestLeadStore] needs to know of a user store. New
// and Add are required. The hooks do not use the contract: as the host
// application does, they write to its tables. Any of them may call t.Skip for a
// lead that the host cannot have (two leads with one address, an address that
// is not verified). The clause is then skipped.
type LeadStoreHarness struct {
	// New returns a store for one clause. It registers with t.Cleanup how to
	// close what it opens. The store may hold other leads, because the suite
	// draws its values at random.
	New func(t *testing.T) recovery.LeadStore

	// Another returns a second instance on the same leads. Optional.
	Another func(t *testing.T, first recovery.LeadStore) recovery.LeadStore

	// Fields are those of [recovery.Options].Fields. Default: EmailAddress, an
	// e-mail address that is searched and receives.
	Fields []recovery.Field

	// Add adds a lead with the given Status, Fields and password hash, and
	// returns its ID. ID and Version of the given lead are empty, and the hash
	// is empty if the Status is [recovery.StatusNoPassword] or
	// [recovery.StatusInvited]. A value is as a
	// person may have typed it, with capitals or, in a phone number, with
	// separators. A field that the map does not contain is empty.
	Add func(t *testing.T, s recovery.LeadStore, lead recovery.Lead, hash string) (leadID string)

	// ReadHash returns the lead's password hash, as the host's own login reads
	// it. Optional for a [recovery.PasswordHistoryLeadStore] alone.
	ReadHash func(t *testing.T, s recovery.LeadStore, leadID string) string

	// SetValue changes the lead's value of a field, and SetStatus changes its
	// status, as other parts of the host do. Optional.
	SetValue  func(t *testing.T, s recovery.LeadStore, leadID, field, value string)
	SetStatus func(t *testing.T, s recovery.LeadStore, leadID string, status recovery.LeadStatus)

	// Statuses are those that the store can return besides active, disabled and
	// no_password: [recovery.StatusResetRequired], [recovery.StatusInvited] or
	// both. Add must know them. Default none.
	Statuses []recovery.LeadStatus

	// History is how many hashes a [recovery.PasswordHistoryLeadStore] keeps of
	// each lead, which is at least the host's [recovery.PasswordOptions].History.
	// Default 24, the most that it can be.
	History int

	// Value returns a canonical value of a field, another one for each name. A
	// name is a few letters and digits. Optional; by default values are
	// addresses at example.com, phone numbers in +1 555 and plain text.
	Value func(field recovery.Field, name string) string

	// Stall, Break and LoseReply make what the store depends on fail, and Mend
	// ends that. ReadHash is called after Mend. All are optional, but Mend is
	// required with any of the others. They get the instance that New returned.
	//
	// Stall makes it not answer: the rows are locked, or the network is gone.
	// Break makes it refuse every call before it has done anything, as one that
	// is down. LoseReply makes it perform every write, and then fail the call as
	// if the connection had broken.
	Stall, Break, LoseReply, Mend func(t *testing.T, s recovery.LeadStore)

	// Patience is how long a call may go on after its ctx has ended. Default
	// 2 s.
	Patience time.Duration

	// Bubble is synctest.Test for a store that lives in this process. Calls must
	// take no time in it. Optional.
	Bubble func(t *testing.T, f func(t *testing.T))
}

// TestLeadStore tests a [recovery.LeadStore], with one subtest for each clause
// of its contract. It also tests the contracts of [recovery.VersionedLeadStore],
// [recovery.PasswordHistoryLeadStore], [recovery.FirstPasswordLeadStore] and
// [recovery.VerifyingLeadStore], if the store implements them.
func TestLeadStore(t *testing.T, h LeadStoreHarness) {
	t.Helper()
	leadStoreSuite(h).test(t)
}

func leadStoreSuite(h LeadStoreHarness) suite[*leads] {
	if len(h.Fields) == 0 {
		h.Fields = []recovery.Field{{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}}
	}
	if h.History <= 0 {
		h.History = 24
	}
	if h.Patience <= 0 {
		h.Patience = 2 * time.Second
	}
	return suite[*leads]{
		timing: newTiming(h.Bubble, nil, 0),
		setup: func(p *probe) *leads {
			first := h.New(p.t)
			return &leads{
				probe: p, alternate: instances(p.t, first, h.Another),
				h: h, first: first, ctx: p.t.Context(),
			}
		},
		ask: func(e *leads) {
			_, _ = e.first.FindLead(e.ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: random()})
		},
		clauses: slices.Concat(
			leadFindClauses, leadFreshClauses, leadRecordClauses, leadWriteClauses, leadHistoryClauses,
			leadVersionedClauses, leadFirstClauses, leadFaultClauses,
		),
	}
}

// leads is what the clauses of the lead store suite work with.
type leads struct {
	*probe
	*alternate[recovery.LeadStore]
	h     LeadStoreHarness
	first recovery.LeadStore
	ctx   context.Context
}

// newHash returns a new password hash as argon2id makes them: 97 bytes, with
// every kind of character that such hashes have.
func newHash() string {
	return "$argon2id$v=19$m=19456,t=2,p=1$" + random()[:20] + "+/$" + (random() + random())[:41] + "+/"
}

// newLongHash returns a new hash of a more expensive configuration. It differs
// from others in its last bytes only.
func newLongHash() string {
	return "$argon2id$v=19$m=1048576,t=12,p=16$" + strings.Repeat("aB+/", 16) + "$" + random() + "x"
}

func (e *leads) searchFields() (fields []recovery.Field) {
	for _, f := range e.h.Fields {
		if f.Search {
			fields = append(fields, f)
		}
	}
	return fields
}

// value returns a canonical value of the field.
func (e *leads) value(f recovery.Field, name string) string {
	if e.h.Value != nil {
		return e.h.Value(f, name)
	}
	switch f.Type {
	case recovery.FieldTypeEmail:
		return strings.ToLower(name) + "@example.com"
	case recovery.FieldTypePhone:
		n := 0
		for _, c := range []byte(name) {
			n = (n*31 + int(c)) % 10_000_000
		}
		return fmt.Sprintf("+1555%07d", n)
	}
	if f.IgnoreCase {
		name = strings.ToLower(name)
	}
	return name
}

// asTyped returns a value as a person may have typed it. Its canonical form is
// v.
func asTyped(f recovery.Field, v string) string {
	switch {
	case f.Type == recovery.FieldTypePhone && len(v) > 6:
		return v[:2] + "-" + v[2:5] + " " + v[5:]
	case f.Type == recovery.FieldTypeEmail || f.Type == recovery.FieldTypeText && f.IgnoreCase:
		b := []byte(v)
		for i := 0; i < len(b); i += 2 {
			if 'a' <= b[i] && b[i] <= 'z' {
				b[i] -= 'a' - 'A'
			}
		}
		return string(b)
	}
	return v
}

// canonical returns what the Service compares. It is right for the values that
// the suite makes, and not for all.
func canonical(f recovery.Field, v string) string {
	switch {
	case f.Type == recovery.FieldTypePhone:
		return strings.Map(func(r rune) rune {
			if r == '+' || '0' <= r && r <= '9' {
				return r
			}
			return -1
		}, v)
	case f.Type == recovery.FieldTypeEmail || f.IgnoreCase:
		return strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}, strings.Trim(v, " "))
	}
	return v
}

// activeLead returns a lead that has a value in every field. The value is
// verified if the field receives.
func (e *leads) activeLead(name string) recovery.Lead {
	lead := recovery.Lead{Status: recovery.StatusActive, Fields: map[string]recovery.FieldValue{}}
	for _, f := range e.h.Fields {
		lead.Fields[f.Name] = recovery.FieldValue{Value: e.value(f, name), Verified: f.Receive}
	}
	return lead
}

// hashOf returns a hash of n bytes. Two of the same length differ in their last
// bytes only, and all of them together have every printable character of ASCII
// but the space.
func hashOf(n int) string {
	end := random()[:min(n, 12)]
	return printable(n, n-len(end)) + end
}

func (e *leads) add(lead recovery.Lead) (id string) {
	hash := newHash()
	if lead.Status == recovery.StatusNoPassword || lead.Status == recovery.StatusInvited {
		hash = ""
	}
	return e.h.Add(e.t, e.first, lead, hash)
}

func (e *leads) addActive() (id string, lead recovery.Lead) {
	lead = e.activeLead(random())
	return e.add(lead), lead
}

func (e *leads) find(field, value string) recovery.Lead {
	lead, err := e.pick().FindLead(e.ctx, recovery.LeadKey{Field: field, Value: value})
	if err != nil {
		e.fatalf("FindLead by %s %q: it returned %s, want the lead", field, value, outcomeOf(err))
	}
	if lead.ID == "" || len(lead.ID) > 256 || strings.ContainsFunc(lead.ID, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		e.errorf("FindLead by %s %q: it returned the ID %q, want 1 to 256 bytes of printable ASCII without spaces", field, value, lead.ID)
	}
	if lead.Version == "" {
		e.errorf("FindLead by %s %q: it returned an empty Version, want one", field, value)
	}
	return lead
}

func (e *leads) findByID(id string) recovery.Lead {
	lead := e.find(recovery.LeadIDField, id)
	if lead.ID != id {
		e.errorf("FindLead by ID %[1]q: it returned the lead with the ID %[2]q, want %[1]q", id, lead.ID)
	}
	return lead
}

// wantNobody fails if a search finds a lead.
func (e *leads) wantNobody(what, field, value string) {
	lead, err := e.pick().FindLead(e.ctx, recovery.LeadKey{Field: field, Value: value})
	if err == nil {
		e.errorf("FindLead by %s %q (%s): it returned the lead %q and no error, want an error that wraps recovery.ErrLeadNotFound", field, value, what, lead.ID)
	} else if !errors.Is(err, recovery.ErrLeadNotFound) {
		e.errorf("FindLead by %s %q (%s): it returned %s, want an error that wraps recovery.ErrLeadNotFound", field, value, what, outcomeOf(err))
	}
}

func (e *leads) storedHash(id string) string {
	if e.h.ReadHash != nil {
		return e.h.ReadHash(e.t, e.first, id)
	}
	history, ok := e.first.(recovery.PasswordHistoryLeadStore)
	if !ok {
		e.skip("needs LeadStoreHarness.ReadHash")
	}
	hashes, err := history.PasswordHashes(e.ctx, id, 1)
	if err != nil || len(hashes) != 1 {
		e.fatalf("PasswordHashes with n 1: it returned %d hashes and %s, want 1 and no error", len(hashes), outcomeOf(err))
	}
	return hashes[0]
}

func (e *leads) setHash(id, hash string) {
	if err := e.pick().SetPasswordHash(e.ctx, id, hash); err != nil {
		e.fatalf("SetPasswordHash of a lead that is there: it returned %s, want none", outcomeOf(err))
	}
}

// wantHash fails if the lead's hash is not want, byte for byte.
func (e *leads) wantHash(what, id, want string) {
	if got := e.storedHash(id); got != want {
		e.errorf("%s: the stored hash is\n\t\t%q (%d bytes), want\n\t\t%q (%d bytes)", what, got, len(got), want, len(want))
	}
}
