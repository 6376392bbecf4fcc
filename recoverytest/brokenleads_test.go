package recoverytest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// users is a lead store as a team might write it over the leads of the fake. It
// is right, except for one bug that it can be given.
type users struct {
	recoverytest.FullLeadStore
	leads *recoverytest.Leads
	bug   string

	mu  sync.Mutex
	ids []string // in the order in which they were added
}

func (u *users) Add(lead recovery.Lead, hash string) string {
	if u.bug == "collation" {
		for name, v := range lead.Fields {
			v.Value = strings.ToLower(v.Value)
			lead.Fields[name] = v
		}
	}
	id := u.leads.Add(lead, hash)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ids = append(u.ids, id)
	return id
}

func (u *users) SetHooks(hooks recoverytest.LeadsHooks)          { u.leads.SetHooks(hooks) }
func (u *users) Hash(id string) string                           { return u.leads.Hash(id) }
func (u *users) SetValue(id, field, value string)                { u.leads.SetValue(id, field, value) }
func (u *users) SetStatus(id string, status recovery.LeadStatus) { u.leads.SetStatus(id, status) }
func (u *users) every(ctx context.Context) (all []recovery.Lead) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, id := range u.ids {
		if lead, err := u.FullLeadStore.FindLead(ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: id}); err == nil {
			all = append(all, lead)
		}
	}
	return all
}

// printable is printable ASCII.
var printable = func() string {
	var all strings.Builder
	for c := byte(' '); c <= '~'; c++ {
		all.WriteByte(c)
	}
	return all.String()
}()

// like is SQL's LIKE, as far as the suite needs it.
func like(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	switch pattern[0] {
	case '%':
		for i := range len(s) + 1 {
			if like(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	case '_':
		return s != "" && like(pattern[1:], s[1:])
	}
	return s != "" && pattern[0] == s[0] && like(pattern[1:], s[1:])
}

func (u *users) FindLead(ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	value := func(lead recovery.Lead) string {
		if key.Field == recovery.LeadIDField {
			return lead.ID
		}
		return lead.Fields[key.Field].Value
	}
	matches := map[string]func(stored string) bool{
		"folds unicode": func(stored string) bool { return strings.EqualFold(stored, key.Value) },
		"upper-cases": func(stored string) bool {
			upper := strings.ToUpper(key.Value) // which unites more than EqualFold does
			return strings.ToUpper(stored) == upper
		},
		"drops dots": func(stored string) bool {
			return strings.ReplaceAll(stored, ".", "") == strings.ReplaceAll(key.Value, ".", "")
		},
		"ASCII only":           func(stored string) bool { return stored == key.Value && strings.Trim(key.Value, printable) == "" },
		"pads":                 func(stored string) bool { return strings.TrimSpace(stored) == strings.TrimSpace(key.Value) },
		"wildcards":            func(stored string) bool { return like(key.Value, stored) },
		"compares as it is":    func(stored string) bool { return stored == key.Value },
		"empty finds the bare": func(stored string) bool { return stored == key.Value },
	}[u.bug]
	if u.bug == "any field" {
		for _, lead := range u.every(ctx) {
			for _, v := range lead.Fields {
				if v.Value == key.Value {
					return lead, nil
				}
			}
		}
	}
	if u.bug == "first of several" {
		for _, lead := range u.every(ctx) {
			if strings.EqualFold(value(lead), key.Value) {
				return lead, nil
			}
		}
	}
	lead, err := u.FullLeadStore.FindLead(ctx, key)
	if matches != nil && (errors.Is(err, recovery.ErrLeadNotFound) || slices.Contains([]string{"compares as it is", "ASCII only", "drops dots"}, u.bug)) && !(u.bug == "empty finds the bare" && key.Value != "") {
		err = recovery.ErrLeadNotFound
		for _, candidate := range u.every(ctx) {
			if matches(value(candidate)) {
				lead, err = candidate, nil
			}
		}
	}
	if err != nil {
		switch u.bug {
		case "nobody is an empty lead":
			return recovery.Lead{}, nil
		case "nobody is another error":
			return recovery.Lead{}, errors.New("sql: no rows in result set")
		}
		return lead, err
	}
	switch u.bug {
	case "version constant":
		lead.Version = "1"
	case "version empty":
		lead.Version = ""
	case "version of 72 bytes":
		h := u.leads.Hash(lead.ID)
		lead.Version = h[:min(72, len(h))]
	case "version of the hash alone":
		lead.Version = u.leads.Hash(lead.ID)
	case "version of the address alone":
		lead.Version = fmt.Sprint(lead.Fields["EmailAddress"], lead.Fields["Phone"], lead.Status)
	case "version of the read":
		lead.Version = random(lead.Version)
	case "always active":
		lead.Status = recovery.StatusActive
	case "status missing":
		lead.Status = ""
	case "always verified":
		for name, v := range lead.Fields {
			v.Verified = true
			lead.Fields[name] = v
		}
	case "id with the address":
		lead.ID += " " + lead.Fields["EmailAddress"].Value
	case "searched field missing":
		delete(lead.Fields, key.Field)
	}
	return lead, nil
}

// random returns a version that no read has returned.
func random(version string) string { return fmt.Sprint(version, time.Now().UnixNano()) }

func (u *users) SetPasswordHash(ctx context.Context, id, hash string) error {
	switch u.bug {
	case "truncates at 60":
		hash = hash[:min(60, len(hash))]
	case "truncates at 72":
		hash = hash[:min(72, len(hash))]
	case "lower-cases the hash":
		hash = strings.ToLower(hash)
	case "writes to everybody":
		for _, lead := range u.every(ctx) {
			if err := u.FullLeadStore.SetPasswordHash(ctx, lead.ID, hash); err != nil {
				return err
			}
		}
	case "writes nothing":
		return nil
	case "activates":
		u.leads.SetStatus(id, recovery.StatusActive)
		u.leads.Change(id, func(lead *recovery.Lead) { lead.Name = "changed" })
	case "writes and says it did not":
		_ = u.FullLeadStore.SetPasswordHash(context.WithoutCancel(ctx), id, hash)
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", recovery.ErrNotWritten, ctx.Err())
		}
		return nil
	}
	required := u.bug == "leaves it required" && u.present(id).Status == recovery.StatusResetRequired
	err := u.FullLeadStore.SetPasswordHash(ctx, id, hash)
	if err == nil && required {
		u.leads.SetStatus(id, recovery.StatusResetRequired)
	}
	if err != nil {
		switch u.bug {
		case "silent on unknown":
			return nil
		case "bare errors":
			return errors.New("no such user")
		}
	}
	return err
}

func (u *users) SetPasswordHashIf(ctx context.Context, id, version, hash string) error {
	switch u.bug {
	case "ignores the version":
		return u.FullLeadStore.SetPasswordHash(ctx, id, hash)
	case "compares, then writes":
		lead, err := u.FindLead(ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
		if err != nil || lead.Version != version {
			return fmt.Errorf("%w: %w", recovery.ErrVersionChanged, recovery.ErrNotWritten)
		}
		time.Sleep(time.Millisecond) // as long as a round trip takes
		return u.FullLeadStore.SetPasswordHash(ctx, id, hash)
	}
	err := u.FullLeadStore.SetPasswordHashIf(ctx, id, version, hash)
	if err != nil {
		switch u.bug {
		case "changed is not unwritten":
			return recovery.ErrVersionChanged
		case "unwritten is not changed":
			return recovery.ErrNotWritten
		}
	}
	return err
}

func (u *users) PasswordHashes(ctx context.Context, id string, n int) ([]string, error) {
	switch u.bug {
	case "history without the current":
		hashes, err := u.FullLeadStore.PasswordHashes(ctx, id, n+1)
		return hashes[min(1, len(hashes)):], err
	case "history unbounded":
		return u.FullLeadStore.PasswordHashes(ctx, id, 1000)
	case "history of one":
		return u.FullLeadStore.PasswordHashes(ctx, id, min(n, 1))
	}
	return u.FullLeadStore.PasswordHashes(ctx, id, n)
}

var brokenLeadStores = []seeded{
	{"folds unicode", "find-look-alikes"},
	{"upper-cases", "find-look-alikes"},
	{"upper-cases", "find-exact-case"},
	{"drops dots", "find-dots-and-letters"},
	{"drops dots", "find-look-alikes"},
	{"ASCII only", "find-dots-and-letters"},
	{"pads", "find-look-alikes"},
	{"wildcards", "find-metacharacters"},
	{"compares as it is", "find-by-canonical-form"},
	{"empty finds the bare", "find-empty"},
	{"any field", "find-other-field"},
	{"first of several", "find-ambiguous"},
	{"first of several", "find-ambiguous-case"},
	{"nobody is an empty lead", "find-nobody"},
	{"nobody is another error", "find-nobody"},
	{"version constant", "write-changes-version"},
	{"version empty", "find-by-field"},
	{"version of 72 bytes", "write-changes-version"},
	{"version of the hash alone", "version-address"},
	{"version of the hash alone", "version-status"},
	{"version of the address alone", "write-changes-version"},
	{"version of the read", "find-stable"},
	{"always active", "find-disabled"},
	{"status missing", "find-status"},
	{"always verified", "find-verified"},
	{"id with the address", "find-by-id"},
	{"searched field missing", "find-by-field"},
	{"truncates at 60", "write-changes-hash"},
	{"truncates at 72", "write-changes-hash"},
	{"lower-cases the hash", "write-changes-hash"},
	{"writes to everybody", "write-leaves-others"},
	{"writes nothing", "write-changes-hash"},
	{"writes nothing", "write-unknown"},
	{"activates", "write-leaves-fields"},
	{"writes and says it did not", "write-context-ended"},
	{"silent on unknown", "write-unknown"},
	{"bare errors", "write-unknown"},
	{"ignores the version", "versioned-refuses"},
	{"ignores the version", "versioned-address"},
	{"compares, then writes", "versioned-racing"},
	{"leaves it required", "reset-required-ends"},
	{"leaves it invited", "first-password-writes"},
	{"verifies the invited", "first-password-writes"},
	{"first, whatever the version", "first-password-refuses"},
	{"first or not", "first-password-refuses"},
	{"first for the disabled", "first-password-refuses"},
	{"first, compared before", "first-password-racing"},
	{"verifies any value", "verify-marks"},
	{"verifies every field", "verify-marks"},
	{"verifies nothing", "verify-marks"},
	{"verifies with an error", "verify-marks"},
	{"changed is not unwritten", "versioned-refuses"},
	{"unwritten is not changed", "versioned-refuses"},
	{"history without the current", "history"},
	{"history unbounded", "history"},
	{"history of one", "history"},
}

func TestBrokenLeadStores(t *testing.T) {
	catch(t, brokenLeadStores, func(t *testing.T, bug string, clauses ...string) recoverytest.Findings {
		h := leadsHarness(func(l *recoverytest.Leads) recovery.LeadStore {
			return &users{FullLeadStore: l.Full(), leads: l, bug: bug}
		})
		return recoverytest.ExamineLeadStore(t, h, clauses...)
	})
}
