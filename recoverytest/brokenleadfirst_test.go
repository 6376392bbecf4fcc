package recoverytest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-51359b35/recovery"
)

func (u *users) present(id string) recovery.Lead {
	lead, _ := u.FullLeadStore.FindLead(context.Background(), recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
	return lead
}

func (u *users) verify(id string, fields ...string) {
	u.leads.Change(id, func(lead *recovery.Lead) {
		for _, field := range fields {
			lead.Fields[field] = recovery.FieldValue{Value: lead.Fields[field].Value, Verified: true}
		}
	})
}

func (u *users) SetFirstPasswordHashIf(ctx context.Context, id, version, hash string) error {
	before := u.present(id)
	refused := fmt.Errorf("%w: %w", recovery.ErrVersionChanged, recovery.ErrNotWritten)
	switch u.bug {
	case "first, whatever the version":
		version = before.Version
	case "first or not":
		if before.Status == recovery.StatusActive && before.Version == version {
			return u.FullLeadStore.SetPasswordHash(ctx, id, hash)
		}
	case "first for the disabled":
		if before.Status == recovery.StatusDisabled && before.Version == version {
			u.leads.SetStatus(id, recovery.StatusActive)
			return u.FullLeadStore.SetPasswordHash(ctx, id, hash)
		}
	case "first, compared before":
		if before.Version != version || before.Status != recovery.StatusInvited {
			return refused
		}
		time.Sleep(time.Millisecond) // as long as a round trip takes
		if err := u.FullLeadStore.SetPasswordHash(ctx, id, hash); err != nil {
			return err
		}
		u.leads.SetStatus(id, recovery.StatusActive)
		return nil
	}
	err := u.FullLeadStore.SetFirstPasswordHashIf(ctx, id, version, hash)
	if err == nil {
		switch u.bug {
		case "leaves it invited":
			u.leads.SetStatus(id, recovery.StatusInvited)
		case "verifies the invited":
			u.verify(id, "EmailAddress")
		}
	}
	return err
}

func (u *users) MarkVerified(ctx context.Context, id, field, value string) error {
	lead := u.present(id)
	switch u.bug {
	case "verifies nothing":
		return nil
	case "verifies any value":
		value = lead.Fields[field].Value
	case "verifies every field":
		if lead.ID != "" && lead.Fields[field].Value == value {
			u.verify(id, "EmailAddress", "Phone")
		}
	case "verifies with an error":
		if lead.Fields[field].Value != value {
			return errors.New("another value")
		}
	}
	return u.FullLeadStore.MarkVerified(ctx, id, field, value)
}
