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

// Leads is a [recovery.LeadStore] in memory, for tests of programs that use
// one. It keeps the contract, counts calls, and fails on demand.
//
// Leads implements LeadStore and no more, so a Service on it works as on the
// simplest of stores. Versioned, History, Multi and Full return the same leads as
// stores that implement more.
//
// Its methods are safe for concurrent use. They copy the leads that they get
// and return.
type Leads struct {
	fields map[string]recovery.Field

	mu     sync.Mutex
	leads  map[string]*storedLead
	hooks  LeadsHooks
	last   int
	finds  int
	writes int
}

type storedLead struct {
	recovery.Lead          // Version is empty here: version computes it
	hashes        []string // the current one first
	changes       int      // makes another version even if the same hash is written again
}

// LeadsHooks are functions of a test that [Leads] calls. They are called
// without its lock, so they may block, panic, or call methods of Leads. Nil
// fields are not called.
type LeadsHooks struct {
	// Find is called before FindLead or FindLeads looks up leads. It returns the
	// error of the hook.
	Find func(ctx context.Context, key recovery.LeadKey) error
	// AfterFind is called with each lead that was found. FindLead returns what
	// it returns, for example another lead, as a broken store would.
	AfterFind func(ctx context.Context, key recovery.LeadKey, lead recovery.Lead) (recovery.Lead, error)
	// BeforeWrite is called before a hash is written. If it returns an error,
	// the write returns that error and writes nothing. Wrap
	// [recovery.ErrNotWritten] to simulate a failure that certainly wrote
	// nothing. Do not wrap it to simulate an unknown outcome.
	BeforeWrite func(ctx context.Context, leadID, hash string) error
	// AfterWrite is called after a hash was written. The write returns its
	// error, as if the reply had been lost.
	AfterWrite func(ctx context.Context, leadID, hash string) error
	// History is called before PasswordHashes reads hashes. PasswordHashes
	// returns its error.
	History func(ctx context.Context, leadID string) error
	// Verify is called before MarkVerified marks a value. MarkVerified returns its
	// error.
	Verify func(ctx context.Context, leadID, field string) error
}

// NewLeads returns an empty store that searches leads by the given fields.
// Without fields it searches by EmailAddress, as the zero [recovery.Options]
// do.
func NewLeads(fields ...recovery.Field) *Leads {
	if len(fields) == 0 {
		fields = []recovery.Field{{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}}
	}
	l := &Leads{fields: make(map[string]recovery.Field), leads: make(map[string]*storedLead)}
	for _, f := range fields {
		l.fields[f.Name] = f
	}
	return l
}

// Add adds a lead with a password hash and returns its ID. It replaces an empty
// ID by a new one and an empty Status by active. It ignores Version, which
// Leads computes. A lead with the same ID is replaced.
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
	l.leads[lead.ID] = &storedLead{Lead: copyLead(lead), hashes: []string{hash}}
	return lead.ID
}

// AddEmail adds an active lead with a verified EmailAddress and returns its ID.
func (l *Leads) AddEmail(address, hash string) (leadID string) {
	return l.Add(recovery.Lead{Fields: map[string]recovery.FieldValue{
		"EmailAddress": {Value: address, Verified: true},
	}}, hash)
}

// Change calls f to edit a lead. A change of its Status or Fields changes its
// Version. f cannot change ID or Version, and must not call methods of Leads.
// Change panics if there is no such lead.
func (l *Leads) Change(leadID string, f func(lead *recovery.Lead)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := l.mustLead(leadID)
	lead := copyLead(held.Lead)
	f(&lead)
	lead.ID, lead.Version = leadID, ""
	held.Lead = copyLead(lead)
}

// SetStatus changes a lead's status. It panics if there is no such lead.
func (l *Leads) SetStatus(leadID string, status recovery.LeadStatus) {
	l.Change(leadID, func(lead *recovery.Lead) { lead.Status = status })
}

// SetValue changes a lead's value of a field. The new value is verified.
// SetValue panics if there is no such lead.
func (l *Leads) SetValue(leadID, field, value string) {
	l.Change(leadID, func(lead *recovery.Lead) {
		if lead.Fields == nil {
			lead.Fields = make(map[string]recovery.FieldValue)
		}
		lead.Fields[field] = recovery.FieldValue{Value: value, Verified: true}
	})
}

// Touch gives a lead another Version and changes nothing else. It panics if
// there is no such lead.
func (l *Leads) Touch(leadID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mustLead(leadID).changes++
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
	return l.mustLead(leadID).hashes[0]
}

// Finds returns how often FindLead and FindLeads were called.
func (l *Leads) Finds() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.finds
}

// Writes returns how many hashes were written, also if the call returned an
// error afterwards.
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
	var found *storedLead
	for _, held := range l.leads {
		if !l.matches(held, key) {
			continue
		}
		if found != nil {
			return recovery.Lead{}, recovery.ErrLeadAmbiguous
		}
		found = held
	}
	if found == nil {
		return recovery.Lead{}, recovery.ErrLeadNotFound
	}
	return found.copy(), nil
}

func (h *storedLead) copy() recovery.Lead {
	lead := copyLead(h.Lead)
	lead.Version = h.version()
	return lead
}

// findAll returns all leads with the value, in the order of their IDs.
func (l *Leads) findAll(ctx context.Context, key recovery.LeadKey, most int) ([]recovery.Lead, error) {
	l.mu.Lock()
	l.finds++
	hooks := l.hooks
	l.mu.Unlock()
	if hooks.Find != nil {
		if err := hooks.Find(ctx, key); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	var found []recovery.Lead
	for _, id := range slices.Sorted(maps.Keys(l.leads)) {
		if held := l.leads[id]; l.matches(held, key) && len(found) < most {
			found = append(found, held.copy())
		}
	}
	l.mu.Unlock()
	if hooks.AfterFind == nil {
		return found, nil
	}
	for i := range found {
		var err error
		if found[i], err = hooks.AfterFind(ctx, key, found[i]); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (l *Leads) matches(held *storedLead, key recovery.LeadKey) bool {
	if key.Field == recovery.LeadIDField {
		return held.ID == key.Value
	}
	f, ok := l.fields[key.Field]
	v := held.Fields[key.Field].Value
	return ok && v != "" && canonical(f, v) == key.Value
}

// SetPasswordHash implements [recovery.LeadStore].
func (l *Leads) SetPasswordHash(ctx context.Context, leadID, hash string) error {
	return l.write(ctx, leadID, hash, func(*storedLead) error { return nil })
}

// write writes a hash if the lead passes the check.
func (l *Leads) write(ctx context.Context, leadID, hash string, check func(*storedLead) error) error {
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

func (l *Leads) replace(leadID, hash string, check func(*storedLead) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := l.leads[leadID]
	if held == nil {
		return fmt.Errorf("%w: no such lead", recovery.ErrNotWritten)
	}
	if err := check(held); err != nil {
		return err
	}
	if held.Status == recovery.StatusResetRequired {
		held.Status = recovery.StatusActive
	}
	held.hashes = slices.Insert(held.hashes, 0, hash)
	held.changes++
	l.writes++
	return nil
}

// Versioned returns the same leads as a [recovery.VersionedLeadStore].
func (l *Leads) Versioned() recovery.VersionedLeadStore { return versionedLeads{l} }

// History returns the same leads as a [recovery.PasswordHistoryLeadStore].
func (l *Leads) History() recovery.PasswordHistoryLeadStore { return historyLeads{l} }

// Full returns the same leads as a [FullLeadStore].
func (l *Leads) Full() FullLeadStore {
	return struct {
		versionedLeads
		history
		firstPassword
		multi
	}{versionedLeads{l}, history{l}, firstPassword{l}, multi{l}}
}

// Multi returns the same leads as a [recovery.MultiLeadStore].
func (l *Leads) Multi() recovery.MultiLeadStore {
	return struct {
		*Leads
		multi
	}{l, multi{l}}
}

// multi has FindLeads only.
type multi struct{ leads *Leads }

func (m multi) FindLeads(ctx context.Context, key recovery.LeadKey, most int) ([]recovery.Lead, error) {
	return m.leads.findAll(ctx, key, most)
}

// FullLeadStore is a LeadStore that implements the optional interfaces too.
type FullLeadStore interface {
	recovery.VersionedLeadStore
	recovery.PasswordHistoryLeadStore
	recovery.FirstPasswordLeadStore
	recovery.VerifyingLeadStore
	recovery.MultiLeadStore
}

type versionedLeads struct{ *Leads }

func (v versionedLeads) SetPasswordHashIf(ctx context.Context, leadID, version, hash string) error {
	return v.write(ctx, leadID, hash, func(held *storedLead) error {
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

// firstPassword has SetFirstPasswordHashIf and MarkVerified only, so that Full can
// embed it.
type firstPassword struct{ leads *Leads }

func (f firstPassword) SetFirstPasswordHashIf(ctx context.Context, leadID, version, hash string) error {
	return f.leads.write(ctx, leadID, hash, func(held *storedLead) error {
		if held.version() != version || held.Status != recovery.StatusInvited && held.Status != recovery.StatusNoPassword {
			return fmt.Errorf("%w: %w", recovery.ErrVersionChanged, recovery.ErrNotWritten)
		}
		held.Status = recovery.StatusActive
		return nil
	})
}

func (f firstPassword) MarkVerified(ctx context.Context, leadID, field, value string) error {
	f.leads.mu.Lock()
	hook := f.leads.hooks.Verify
	f.leads.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, leadID, field); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f.leads.mu.Lock()
	defer f.leads.mu.Unlock()
	if held := f.leads.leads[leadID]; held != nil && held.Fields[field].Value == value && value != "" {
		held.Fields[field] = recovery.FieldValue{Value: value, Verified: true}
	}
	return nil
}

// history has PasswordHashes only, so that Full can embed it beside
// versionedLeads.
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

// mustLead returns a lead, and panics if there is no such lead. The caller
// holds mu.
func (l *Leads) mustLead(leadID string) *storedLead {
	held := l.leads[leadID]
	if held == nil {
		panic("recoverytest: Leads has no lead with the ID " + strconv.Quote(leadID))
	}
	return held
}

// version returns a digest of everything that a token depends on. A host
// without row versions would compute it so.
func (h *storedLead) version() string {
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
	lead.Data = maps.Clone(lead.Data)
	return lead
}
