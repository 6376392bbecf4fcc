package recoverytest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/seed-51359b35/recovery"
)

// Leads is a [recovery.LeadStore] in memory, for tests of what uses one. It
// keeps to the contract, counts what it is asked, and fails on demand.
//
// Leads itself has no upgrade, so a Service on it works as on the simplest of
// stores; Versioned, History and Full show the same leads with more.
//
// Its methods are safe for concurrent use. Leads are given and returned as
// copies.
type Leads struct {
	fields map[string]recovery.Field

	mu     sync.Mutex
	leads  map[string]*heldLead
	hooks  LeadsHooks
	last   int
	finds  int
	writes int
}

type heldLead struct {
	recovery.Lead          // Version is empty here: it is derived
	hashes        []string // the current one first
	changes       int      // so that the same hash again is another version
}

// LeadsHooks let a test take part in what [Leads] does. They are called outside
// its lock, so they may block, panic, or call Leads themselves. Nil fields do
// nothing.
type LeadsHooks struct {
	// Find is called before a lead is looked up; its error is returned.
	Find func(ctx context.Context, key recovery.LeadKey) error
	// AfterFind is called with the lead that was found; what it returns is
	// returned: for a store that shows something else than it holds.
	AfterFind func(ctx context.Context, key recovery.LeadKey, lead recovery.Lead) (recovery.Lead, error)
	// BeforeWrite is called before a hash is written; its error is returned
	// and nothing written. Wrap [recovery.ErrNotWritten] for a definite
	// failure, and do not for an ambiguous one.
	BeforeWrite func(ctx context.Context, leadID, hash string) error
	// AfterWrite is called after a hash was written; its error is returned:
	// a reply that was lost.
	AfterWrite func(ctx context.Context, leadID, hash string) error
	// History is called before former hashes are read; its error is returned.
	History func(ctx context.Context, leadID string) error
}

// NewLeads returns an empty store whose leads are searched by the fields given.
// Without any it is EmailAddress, as in the zero [recovery.Options].
func NewLeads(fields ...recovery.Field) *Leads {
	if len(fields) == 0 {
		fields = []recovery.Field{{Name: "EmailAddress", Type: recovery.FieldEmail, Search: true, Receive: true}}
	}
	l := &Leads{fields: make(map[string]recovery.Field), leads: make(map[string]*heldLead)}
	for _, f := range fields {
		l.fields[f.Name] = f
	}
	return l
}

// Add adds a lead with a password hash and returns its ID. An empty ID is
// replaced by a new one, an empty Status by active; Version is derived and not
// taken. A lead with an ID that is there already is replaced.
func (l *Leads) Add(lead recovery.Lead, hash string) (leadID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lead.ID == "" {
		l.last++
		lead.ID = "lead-" + strconv.Itoa(l.last)
	}
	if lead.Status == "" {
		lead.Status = recovery.StatusActive
	}
	l.leads[lead.ID] = &heldLead{Lead: copyLead(lead), hashes: []string{hash}}
	return lead.ID
}

// AddEmail adds an active lead with a verified EmailAddress and returns its ID.
func (l *Leads) AddEmail(address, hash string) (leadID string) {
	return l.Add(recovery.Lead{Fields: map[string]recovery.FieldValue{
		"EmailAddress": {Value: address, Verified: true},
	}}, hash)
}

// Change has f edit a lead. A change of its Status or Fields changes its
// Version; f cannot set ID or Version. It panics if there is no such lead, and
// f must not call Leads.
func (l *Leads) Change(leadID string, f func(lead *recovery.Lead)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := l.must(leadID)
	lead := copyLead(held.Lead)
	f(&lead)
	lead.ID, lead.Version = leadID, ""
	held.Lead = copyLead(lead)
}

// SetStatus changes a lead's status. It panics if there is no such lead.
func (l *Leads) SetStatus(leadID string, status recovery.LeadStatus) {
	l.Change(leadID, func(lead *recovery.Lead) { lead.Status = status })
}

// SetValue changes a lead's value of a field, verified. It panics if there is
// no such lead.
func (l *Leads) SetValue(leadID, field, value string) {
	l.Change(leadID, func(lead *recovery.Lead) {
		if lead.Fields == nil {
			lead.Fields = make(map[string]recovery.FieldValue)
		}
		lead.Fields[field] = recovery.FieldValue{Value: value, Verified: true}
	})
}

// Touch gives a lead another Version and changes nothing that can be seen. It
// panics if there is no such lead.
func (l *Leads) Touch(leadID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.must(leadID).changes++
}

// Remove removes a lead, if it is there.
func (l *Leads) Remove(leadID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.leads, leadID)
}

// Hash returns a lead's password hash. It panics if there is no such lead.
func (l *Leads) Hash(leadID string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.must(leadID).hashes[0]
}

// Finds is how often a lead was looked up.
func (l *Leads) Finds() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.finds
}

// Writes is how many hashes were written, whatever was then reported.
func (l *Leads) Writes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

// SetHooks replaces the hooks.
func (l *Leads) SetHooks(hooks LeadsHooks) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hooks = hooks
}

// FindLead implements [recovery.LeadStore].
func (l *Leads) FindLead(ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	l.mu.Lock()
	l.finds++
	hooks := l.hooks
	l.mu.Unlock()
	if hooks.Find != nil {
		if err := hooks.Find(ctx, key); err != nil {
			return recovery.Lead{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return recovery.Lead{}, err
	}
	lead, err := l.find(key)
	if err != nil || hooks.AfterFind == nil {
		return lead, err
	}
	return hooks.AfterFind(ctx, key, lead)
}

func (l *Leads) find(key recovery.LeadKey) (recovery.Lead, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found *heldLead
	for _, held := range l.leads {
		if !l.matches(held, key) {
			continue
		}
		if found != nil {
			return recovery.Lead{}, fmt.Errorf("%w: more than one has this %s", recovery.ErrLeadNotFound, key.Field)
		}
		found = held
	}
	if found == nil {
		return recovery.Lead{}, recovery.ErrLeadNotFound
	}
	lead := copyLead(found.Lead)
	lead.Version = found.version()
	return lead, nil
}

func (l *Leads) matches(held *heldLead, key recovery.LeadKey) bool {
	if key.Field == recovery.LeadIDField {
		return held.ID == key.Value
	}
	f, ok := l.fields[key.Field]
	v := held.Fields[key.Field].Value
	return ok && v != "" && canonical(f, v) == key.Value
}

// SetPasswordHash implements [recovery.LeadStore].
func (l *Leads) SetPasswordHash(ctx context.Context, leadID, hash string) error {
	return l.write(ctx, leadID, hash, func(*heldLead) error { return nil })
}

// write writes a hash if the lead passes the check.
func (l *Leads) write(ctx context.Context, leadID, hash string, check func(*heldLead) error) error {
	l.mu.Lock()
	hooks := l.hooks
	l.mu.Unlock()
	if hooks.BeforeWrite != nil {
		if err := hooks.BeforeWrite(ctx, leadID, hash); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", recovery.ErrNotWritten, err)
	}
	if err := l.replace(leadID, hash, check); err != nil {
		return err
	}
	if hooks.AfterWrite != nil {
		return hooks.AfterWrite(ctx, leadID, hash)
	}
	return nil
}

func (l *Leads) replace(leadID, hash string, check func(*heldLead) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := l.leads[leadID]
	if held == nil {
		return fmt.Errorf("%w: no such lead", recovery.ErrNotWritten)
	}
	if err := check(held); err != nil {
		return err
	}
	held.hashes = slices.Insert(held.hashes, 0, hash)
	held.changes++
	l.writes++
	return nil
}

// Versioned shows the leads as a [recovery.VersionedLeadStore].
func (l *Leads) Versioned() recovery.VersionedLeadStore { return versionedLeads{l} }

// History shows the leads as a [recovery.HistoryLeadStore].
func (l *Leads) History() recovery.HistoryLeadStore { return historyLeads{l} }

// Full shows the leads with every upgrade.
func (l *Leads) Full() FullLeadStore {
	return struct {
		versionedLeads
		history
	}{versionedLeads{l}, history{l}}
}

// FullLeadStore is a LeadStore with every upgrade.
type FullLeadStore interface {
	recovery.VersionedLeadStore
	recovery.HistoryLeadStore
}

type versionedLeads struct{ *Leads }

func (v versionedLeads) SetPasswordHashIf(ctx context.Context, leadID, version, hash string) error {
	return v.write(ctx, leadID, hash, func(held *heldLead) error {
		if held.version() != version {
			return fmt.Errorf("%w: %w", recovery.ErrVersionChanged, recovery.ErrNotWritten)
		}
		return nil
	})
}

type historyLeads struct{ *Leads }

func (h historyLeads) PasswordHashes(ctx context.Context, leadID string, n int) ([]string, error) {
	return history{h.Leads}.PasswordHashes(ctx, leadID, n)
}

// history is the upgrade alone, so that it can stand beside another.
type history struct{ leads *Leads }

func (h history) PasswordHashes(ctx context.Context, leadID string, n int) ([]string, error) {
	h.leads.mu.Lock()
	hook := h.leads.hooks.History
	h.leads.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, leadID); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h.leads.mu.Lock()
	defer h.leads.mu.Unlock()
	held := h.leads.leads[leadID]
	if held == nil {
		return nil, recovery.ErrLeadNotFound
	}
	return slices.Clone(held.hashes[:min(max(n, 0), len(held.hashes))]), nil
}

// must returns a lead that the test says is there.
func (l *Leads) must(leadID string) *heldLead {
	held := l.leads[leadID]
	if held == nil {
		panic("recoverytest: no lead " + strconv.Quote(leadID))
	}
	return held
}

// version is a digest of what a token depends on, as a host without a row
// version would make one.
func (h *heldLead) version() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %d %q", h.hashes[0], h.changes, h.Status)
	for _, name := range slices.Sorted(maps.Keys(h.Fields)) {
		fmt.Fprintf(&b, " %q %q %t", name, h.Fields[name].Value, h.Fields[name].Verified)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:16])
}

func copyLead(lead recovery.Lead) recovery.Lead {
	lead.Version = ""
	lead.Fields = maps.Clone(lead.Fields)
	lead.IdentityProviders = slices.Clone(lead.IdentityProviders)
	return lead
}
