package recoverytest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// An altered store is a right one, of which single methods are replaced.
type altered struct {
	*users
	find    func(a *altered, ctx context.Context, key recovery.LeadKey) (recovery.Lead, error)
	set     func(a *altered, ctx context.Context, id, hash string) error
	setIf   func(a *altered, ctx context.Context, id, version, hash string) error
	history func(a *altered, ctx context.Context, id string, n int) ([]string, error)
	shared  map[string]recovery.Lead
}

func (a *altered) FindLead(ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	if a.find != nil {
		return a.find(a, ctx, key)
	}
	return a.users.FindLead(ctx, key)
}

func (a *altered) SetPasswordHash(ctx context.Context, id, hash string) error {
	if a.set != nil {
		return a.set(a, ctx, id, hash)
	}
	return a.users.SetPasswordHash(ctx, id, hash)
}

func (a *altered) SetPasswordHashIf(ctx context.Context, id, version, hash string) error {
	if a.setIf != nil {
		return a.setIf(a, ctx, id, version, hash)
	}
	return a.users.SetPasswordHashIf(ctx, id, version, hash)
}

func (a *altered) PasswordHashes(ctx context.Context, id string, n int) ([]string, error) {
	if a.history != nil {
		return a.history(a, ctx, id, n)
	}
	return a.users.PasswordHashes(ctx, id, n)
}

// later repeats a write in the background until it succeeds, for up to a minute.
func later(write func(ctx context.Context) error) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for ctx.Err() == nil {
			attempt, end := context.WithTimeout(ctx, 10*time.Millisecond)
			err := write(attempt)
			end()
			if err == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
}

// seen returns a find that changes each lead that was found.
func seen(change func(lead *recovery.Lead, key recovery.LeadKey)) func(*altered, context.Context, recovery.LeadKey) (recovery.Lead, error) {
	return func(a *altered, ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
		lead, err := a.users.FindLead(ctx, key)
		if err == nil {
			change(&lead, key)
		}
		return lead, err
	}
}

// cut returns a write that cuts hashes.
func cut(n int) func(*altered, context.Context, string, string) error {
	return func(a *altered, ctx context.Context, id, hash string) error {
		return a.users.SetPasswordHash(ctx, id, hash[:min(n, len(hash))])
	}
}

// asked returns a find that asks with another ID.
func asked(change func(id string) string) func(*altered, context.Context, recovery.LeadKey) (recovery.Lead, error) {
	return func(a *altered, ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
		if key.Field == recovery.LeadIDField {
			key.Value = change(key.Value)
		}
		return a.users.FindLead(ctx, key)
	}
}

// written returns a write with another ID.
func written(change func(id string) string) func(*altered, context.Context, string, string) error {
	return func(a *altered, ctx context.Context, id, hash string) error {
		return a.users.SetPasswordHash(ctx, change(id), hash)
	}
}

// failed returns a find that reports every failure as another one.
func failed(err error) func(*altered, context.Context, recovery.LeadKey) (recovery.Lead, error) {
	return func(a *altered, ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
		if ctx.Err() != nil {
			return recovery.Lead{}, err
		}
		lead, found := a.users.FindLead(ctx, key)
		if found != nil && !errors.Is(found, recovery.ErrLeadNotFound) {
			return recovery.Lead{}, err
		}
		return lead, found
	}
}

func activates(a *altered, ctx context.Context, id, hash string) error {
	a.leads.SetStatus(id, recovery.StatusActive)
	return a.users.SetPasswordHash(ctx, id, hash)
}

func verifies(a *altered, ctx context.Context, id, hash string) error {
	a.leads.Change(id, func(lead *recovery.Lead) {
		for name, v := range lead.Fields {
			v.Verified = true
			lead.Fields[name] = v
		}
	})
	return a.users.SetPasswordHash(ctx, id, hash)
}

// activeOnly finds the active one of several leads.
func activeOnly(good func(lead recovery.Lead, field string) bool) func(*altered, context.Context, recovery.LeadKey) (recovery.Lead, error) {
	return func(a *altered, ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
		lead, err := a.users.FindLead(ctx, key)
		if err == nil || key.Field == recovery.LeadIDField {
			return lead, err
		}
		for _, candidate := range a.every(ctx) {
			if strings.EqualFold(candidate.Fields[key.Field].Value, key.Value) && good(candidate, key.Field) {
				return candidate, nil
			}
		}
		return lead, err
	}
}

// ignoringVersion writes whatever the version is, if the lead may be written.
func ignoringVersion(may func(a *altered, id, version string) bool) func(*altered, context.Context, string, string, string) error {
	return func(a *altered, ctx context.Context, id, version, hash string) error {
		err := a.users.SetPasswordHashIf(ctx, id, version, hash)
		if errors.Is(err, recovery.ErrVersionChanged) && may(a, id, version) {
			return a.users.SetPasswordHash(ctx, id, hash)
		}
		return err
	}
}

func alteredLeads() map[string]*altered {
	return map[string]*altered{
		"verified of the first field find-verified-apart": {find: seen(func(lead *recovery.Lead, _ recovery.LeadKey) {
			for name, v := range lead.Fields {
				v.Verified = lead.Fields["EmailAddress"].Verified
				lead.Fields[name] = v
			}
		})},
		"verified if any is find-verified-apart": {find: seen(func(lead *recovery.Lead, _ recovery.LeadKey) {
			for name, v := range lead.Fields {
				v.Verified = lead.Fields["EmailAddress"].Verified || lead.Fields["Phone"].Verified
				lead.Fields[name] = v
			}
		})},
		"no_password is active find-no-password": {find: seen(func(lead *recovery.Lead, _ recovery.LeadKey) {
			if lead.Status == recovery.StatusNoPassword {
				lead.Status = recovery.StatusActive
			}
		})},
		"no_password is disabled find-no-password": {find: seen(func(lead *recovery.Lead, _ recovery.LeadKey) {
			if lead.Status == recovery.StatusNoPassword {
				lead.Status = recovery.StatusDisabled
			}
		})},
		"only the searched field find-whole-lead": {find: seen(func(lead *recovery.Lead, key recovery.LeadKey) {
			for name := range lead.Fields {
				if key.Field != recovery.LeadIDField && name != key.Field {
					delete(lead.Fields, name)
				}
			}
		})},
		"status by ID only find-whole-lead": {find: seen(func(lead *recovery.Lead, key recovery.LeadKey) {
			if key.Field == "Phone" {
				lead.Status = recovery.StatusDisabled
			}
		})},
		"shares its map find-copies": {find: func(a *altered, ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
			lead, err := a.users.FindLead(ctx, key)
			if err != nil {
				return lead, err
			}
			a.mu.Lock()
			defer a.mu.Unlock()
			if held, ok := a.shared[lead.ID]; ok {
				return held, nil
			}
			a.shared[lead.ID] = lead
			return lead, nil
		}},
		"the active of two find-ambiguous-status":   {find: activeOnly(func(lead recovery.Lead, _ string) bool { return lead.Status == recovery.StatusActive })},
		"the verified of two find-ambiguous-status": {find: activeOnly(func(lead recovery.Lead, field string) bool { return lead.Fields[field].Verified })},
		"IDs in any case find-exact-id":             {find: asked(strings.ToLower)},
		"IDs trimmed find-exact-id":                 {find: asked(strings.TrimSpace)},
		"IDs cut find-exact-id":                     {find: asked(func(id string) string { return id[:min(len(id), len("lead-1"))] })},
		"IDs without signs find-exact-id":           {find: asked(func(id string) string { return strings.Trim(id, "+{}") })},
		"writes to an ID in any case write-unknown": {set: written(strings.ToLower)},
		"writes to a trimmed ID write-unknown":      {set: written(strings.TrimSpace)},
		"writes to a cut ID write-unknown":          {set: written(func(id string) string { return id[:min(len(id), len("lead-1"))] })},
		"cuts at 60 write-any-hash":                 {set: cut(60)},
		"cuts at 72 write-any-hash":                 {set: cut(72)},
		"cuts at 128 write-any-hash":                {set: cut(128)},
		"cuts at 255 write-any-hash":                {set: cut(255)},
		"escapes hashes write-any-hash": {set: func(a *altered, ctx context.Context, id, hash string) error {
			return a.users.SetPasswordHash(ctx, id, strings.ReplaceAll(hash, "'", "''"))
		}},
		"version of 128 bytes of the hash write-any-hash": {find: func(a *altered, ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
			lead, err := a.users.FindLead(ctx, key)
			if err == nil {
				h := a.leads.Hash(lead.ID)
				lead.Version = h[:min(128, len(h))]
			}
			return lead, err
		}},
		"a write activates write-leaves-status": {set: activates},
		"a write verifies write-leaves-status":  {set: verifies},
		"a conditional write verifies write-leaves-status": {setIf: func(a *altered, ctx context.Context, id, version, hash string) error {
			err := a.users.SetPasswordHashIf(ctx, id, version, hash)
			if err == nil {
				_ = verifies(a, ctx, id, hash)
			}
			return err
		}},
		"blind to the status versioned-status": {setIf: ignoringVersion(func(a *altered, id, _ string) bool {
			lead, _ := a.users.FindLead(context.Background(), recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
			return lead.Status == recovery.StatusDisabled
		})},
		"any lead's version versioned-of-another": {setIf: ignoringVersion(func(a *altered, _, version string) bool {
			for _, lead := range a.every(context.Background()) {
				if lead.Version == version {
					return true
				}
			}
			return false
		})},
		"conditional writes cut versioned-writes": {setIf: func(a *altered, ctx context.Context, id, version, hash string) error {
			return a.users.SetPasswordHashIf(ctx, id, version, hash[:min(72, len(hash))])
		}},
		"silent on unknown versioned-unknown": {setIf: func(a *altered, ctx context.Context, id, version, hash string) error {
			if _, err := a.users.FindLead(ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: id}); err != nil {
				return nil
			}
			return a.users.SetPasswordHashIf(ctx, id, version, hash)
		}},
		"mixes writes write-racing": {set: func(a *altered, ctx context.Context, id, hash string) error {
			a.mu.Lock()
			other := a.shared["hash"].Name
			a.shared["hash"] = recovery.Lead{Name: hash}
			a.mu.Unlock()
			if len(other) == len(hash) {
				hash = hash[:len(hash)-10] + other[len(other)-10:]
			}
			return a.users.SetPasswordHash(ctx, id, hash)
		}},
		"shares its row find-racing": {find: func(a *altered, ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
			lead, err := a.users.FindLead(ctx, key)
			a.mu.Lock()
			a.shared["row"] = lead
			a.mu.Unlock()
			time.Sleep(10 * time.Microsecond)
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.shared["row"], err
		}},
		"folds what is stored find-stored-look-alikes": {find: func(a *altered, ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
			n := 0
			for _, lead := range a.every(ctx) {
				if strings.EqualFold(lead.Fields[key.Field].Value, key.Value) {
					n++
				}
			}
			if n > 1 {
				return recovery.Lead{}, recovery.ErrLeadNotFound
			}
			return a.users.FindLead(ctx, key)
		}},
		"values cut find-long-values": {find: func(a *altered, ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
			for _, lead := range a.every(ctx) {
				if stored := strings.ToLower(lead.Fields[key.Field].Value); len(key.Value) > 60 && strings.HasPrefix(stored, strings.ToLower(key.Value[:60])) {
					return lead, nil
				}
			}
			return a.users.FindLead(ctx, key)
		}},
		"versions in any case versioned-refuses": {setIf: func(a *altered, ctx context.Context, id, version, hash string) error {
			return a.users.SetPasswordHashIf(ctx, id, strings.ToLower(version), hash)
		}},
		"every failure is nobody find-context-ended": {find: failed(recovery.ErrLeadNotFound)},
		"every failure is nobody find-broken":        {find: failed(recovery.ErrLeadNotFound)},
		"every failure is nobody find-stalled":       {find: failed(recovery.ErrLeadNotFound)},
		"failures are empty leads find-broken":       {find: failed(nil)},
		"find ignores ctx find-stalled": {find: func(a *altered, _ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
			return a.users.FindLead(context.Background(), key)
		}},
		"write ignores ctx write-stalled": {set: func(a *altered, _ context.Context, id, hash string) error {
			return a.users.SetPasswordHash(context.Background(), id, hash)
		}},
		"conditional write ignores ctx write-stalled": {setIf: func(a *altered, _ context.Context, id, version, hash string) error {
			return a.users.SetPasswordHashIf(context.Background(), id, version, hash)
		}},
		"a bare error for an ended ctx write-context-ended": {set: func(a *altered, ctx context.Context, id, hash string) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return a.users.SetPasswordHash(ctx, id, hash)
		}},
		"a bare error for an ended ctx in a conditional write write-context-ended": {setIf: func(a *altered, ctx context.Context, id, version, hash string) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return a.users.SetPasswordHashIf(ctx, id, version, hash)
		}},
		"success for an ended ctx write-context-ended": {set: func(a *altered, ctx context.Context, id, hash string) error {
			if ctx.Err() != nil {
				return nil
			}
			return a.users.SetPasswordHash(ctx, id, hash)
		}},
		"writes later write-stalled": {set: func(a *altered, ctx context.Context, id, hash string) error {
			err := a.users.SetPasswordHash(ctx, id, hash)
			if err != nil {
				later(func(ctx context.Context) error { return a.users.SetPasswordHash(ctx, id, hash) })
			}
			return err
		}},
		"writes later write-broken": {setIf: func(a *altered, ctx context.Context, id, version, hash string) error {
			err := a.users.SetPasswordHashIf(ctx, id, version, hash)
			if err != nil && !errors.Is(err, recovery.ErrVersionChanged) {
				later(func(ctx context.Context) error { return a.users.SetPasswordHashIf(ctx, id, version, hash) })
			}
			return err
		}},
		"NULL is an error find-one-value": {find: func(a *altered, ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
			lead, err := a.users.FindLead(ctx, key)
			if err == nil && len(lead.Fields) < len(allFields) {
				return recovery.Lead{}, errors.New("sql: Scan error: converting NULL to string is unsupported")
			}
			return lead, err
		}},
		"remembers nobody find-new": {find: func(a *altered, ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
			a.mu.Lock()
			_, nobody := a.shared[key.Value]
			a.mu.Unlock()
			if nobody {
				return recovery.Lead{}, recovery.ErrLeadNotFound
			}
			lead, err := a.users.FindLead(ctx, key)
			if err != nil {
				a.mu.Lock()
				defer a.mu.Unlock()
				a.shared[key.Value] = lead
			}
			return lead, err
		}},
		"writes to all that begin so write-leaves-neighbours": {set: func(a *altered, ctx context.Context, id, hash string) error {
			for _, lead := range a.every(ctx) {
				if strings.HasPrefix(lead.ID, id) {
					_ = a.users.SetPasswordHash(ctx, lead.ID, hash)
				}
			}
			return a.users.SetPasswordHash(ctx, id, hash)
		}},
		"a history of five history-long": {history: func(a *altered, ctx context.Context, id string, n int) ([]string, error) {
			return a.users.PasswordHashes(ctx, id, min(n, 5))
		}},
		"a history of 20 history-long": {history: func(a *altered, ctx context.Context, id string, n int) ([]string, error) {
			return a.users.PasswordHashes(ctx, id, min(n, 20))
		}},
		"one history for all history-of-one-lead": {history: func(a *altered, ctx context.Context, id string, n int) ([]string, error) {
			all, err := a.users.PasswordHashes(ctx, id, n)
			for _, lead := range a.every(ctx) {
				others, _ := a.users.PasswordHashes(ctx, lead.ID, n)
				all = append(all, others...)
			}
			return all[:min(n, len(all))], err
		}},
		"a bare error while down write-broken": {set: func(a *altered, ctx context.Context, id, hash string) error {
			if err := a.users.SetPasswordHash(ctx, id, hash); err != nil {
				return errors.New("dial tcp: connection refused")
			}
			return nil
		}},
		"success while down write-broken": {set: func(a *altered, ctx context.Context, id, hash string) error {
			_ = a.users.SetPasswordHash(ctx, id, hash)
			return nil
		}},
		"every failure is not written write-reply-lost": {set: func(a *altered, ctx context.Context, id, hash string) error {
			if err := a.users.SetPasswordHash(ctx, id, hash); err != nil {
				return fmt.Errorf("%w: %w", recovery.ErrNotWritten, err)
			}
			return nil
		}},
		"every failure is a change write-reply-lost": {setIf: func(a *altered, ctx context.Context, id, version, hash string) error {
			if err := a.users.SetPasswordHashIf(ctx, id, version, hash); err != nil {
				return fmt.Errorf("%w: %w", recovery.ErrVersionChanged, recovery.ErrNotWritten)
			}
			return nil
		}},
		"no history while down history-broken": {history: func(a *altered, ctx context.Context, id string, n int) ([]string, error) {
			hashes, _ := a.users.PasswordHashes(ctx, id, n)
			return hashes, nil
		}},
		"shares its slice history": {history: func(a *altered, ctx context.Context, id string, n int) ([]string, error) {
			all, err := a.users.PasswordHashes(ctx, id, 100)
			if err != nil {
				return nil, err
			}
			a.mu.Lock()
			defer a.mu.Unlock()
			if held, ok := a.shared[all[0]]; ok {
				all = held.IdentityProviders
			}
			a.shared[a.leads.Hash(id)] = recovery.Lead{IdentityProviders: all}
			return all[:min(n, len(all))], nil
		}},
		"history cut at 255 history": {history: func(a *altered, ctx context.Context, id string, n int) ([]string, error) {
			hashes, err := a.users.PasswordHashes(ctx, id, n)
			for i, h := range hashes {
				hashes[i] = h[:min(255, len(h))]
			}
			return hashes, err
		}},
	}
}

// TestAlteredLeadStores shows that the suite finds one wrong method in a store
// that is right otherwise. The last word of a name is the clause.
func TestAlteredLeadStores(t *testing.T) {
	var all []seeded
	for name := range alteredLeads() {
		i := strings.LastIndex(name, " ")
		all = append(all, seeded{name[:i], name[i+1:]})
	}
	catch(t, all, func(t *testing.T, bug string, clauses ...string) recoverytest.Findings {
		var one altered
		if len(clauses) > 0 {
			one = *alteredLeads()[bug+" "+clauses[0]]
		}
		h := leadsHarness(func(l *recoverytest.Leads) recovery.LeadStore {
			a := one
			a.users, a.shared = &users{FullLeadStore: l.Full(), leads: l}, map[string]recovery.Lead{}
			return &a
		})
		h.Bubble = synctest.Test
		return recoverytest.ExamineLeadStore(t, h, clauses...)
	})
}
