package sqlexample

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/seed-51359b35/recovery"
)

// Schema is a table as an application has it. The trigger gives every change
// that matters a new version, whoever makes it.
const Schema = `
CREATE TABLE users (
	id            INTEGER PRIMARY KEY,
	email         TEXT,
	verified      INTEGER NOT NULL DEFAULT 0,
	status        TEXT NOT NULL DEFAULT 'active',
	password_hash TEXT,
	version       INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX users_email ON users (lower(email));
CREATE TRIGGER users_version AFTER UPDATE OF email, verified, status, password_hash ON users
BEGIN
	UPDATE users SET version = version + 1 WHERE id = NEW.id;
END`

// Leads is a [recovery.LeadStore] over the table users.
type Leads struct{ DB *sql.DB }

// FindLead implements [recovery.LeadStore].
func (s Leads) FindLead(ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	where, ok := map[string]string{
		"EmailAddress":       "lower(email) = ?", // folds A to Z only in SQLite
		recovery.LeadIDField: "CAST(id AS TEXT) = ?",
	}[key.Field]
	if !ok {
		return recovery.Lead{}, fmt.Errorf("no search by %s", key.Field)
	}
	rows, err := s.DB.QueryContext(ctx,
		"SELECT id, email, verified, status, version FROM users WHERE "+where+" LIMIT 2", key.Value)
	if err != nil {
		return recovery.Lead{}, err
	}
	defer func() { _ = rows.Close() }()
	var found []recovery.Lead
	for rows.Next() {
		var lead recovery.Lead
		var email recovery.FieldValue
		if err := rows.Scan(&lead.ID, &email.Value, &email.Verified, &lead.Status, &lead.Version); err != nil {
			return recovery.Lead{}, err
		}
		lead.Fields = map[string]recovery.FieldValue{"EmailAddress": email}
		found = append(found, lead)
	}
	if err := rows.Err(); err != nil {
		return recovery.Lead{}, err
	}
	switch len(found) {
	case 0:
		return recovery.Lead{}, recovery.ErrLeadNotFound
	case 1:
		return found[0], nil
	}
	return recovery.Lead{}, recovery.ErrLeadAmbiguous
}

// SetPasswordHash implements [recovery.LeadStore].
func (s Leads) SetPasswordHash(ctx context.Context, leadID, hash string) error {
	return s.write(ctx, recovery.ErrNotWritten,
		"UPDATE users SET password_hash = ? WHERE CAST(id AS TEXT) = ?", hash, leadID)
}

// SetPasswordHashIf implements [recovery.VersionedLeadStore].
func (s Leads) SetPasswordHashIf(ctx context.Context, leadID, version, hash string) error {
	return s.write(ctx, errors.Join(recovery.ErrVersionChanged, recovery.ErrNotWritten),
		"UPDATE users SET password_hash = ? WHERE CAST(id AS TEXT) = ? AND CAST(version AS TEXT) = ?", hash, leadID, version)
}

// write updates one row. If the statement finds none, the error wraps noRow.
func (s Leads) write(ctx context.Context, noRow error, statement string, args ...any) error {
	tx, err := s.DB.BeginTx(ctx, nil)
	if err != nil {
		return errors.Join(recovery.ErrNotWritten, err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	result, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return errors.Join(recovery.ErrNotWritten, err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("%w: %d users were found (%v)", noRow, n, err)
	}
	// Whether a Commit that failed has written is not known.
	return tx.Commit()
}

// A Draft is Leads as one might write it at first.
type Draft struct{ Leads }

// SetPasswordHash has three faults.
func (s Draft) SetPasswordHash(ctx context.Context, leadID, hash string) error {
	_, err := s.DB.ExecContext(ctx, "UPDATE users SET password_hash = ? WHERE id = ?", hash, leadID)
	return err
}
