package sqlstore

import (
	"context"
	"database/sql"

	"github.com/seed-51359b35/recovery"
)

var (
	_ recovery.VersionedLeadStore       = (*HistoryLeads)(nil)
	_ recovery.PasswordHistoryLeadStore = (*HistoryLeads)(nil)
)

// HistoryLeads are [Leads] that remember former password hashes.
type HistoryLeads struct {
	*Leads
	former statement
}

// NewHistoryLeads is NewLeads for statements with FormerHashes.
func NewHistoryLeads(db *sql.DB, dialect Dialect, fields []recovery.Field, s LeadStatements) (*HistoryLeads, error) {
	mistakes := recovery.OptionErrors{Package: "sqlstore"}
	former, err := compileStatement(dialect, s.FormerHashes, []string{"id"})
	if err != nil {
		mistakes.Add("FormerHashes", "%v", err)
	}
	leads, err := NewLeads(db, dialect, fields, s)
	mistakes.Join(err)
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	return &HistoryLeads{leads, former}, nil
}

// PasswordHashes implements [recovery.PasswordHistoryLeadStore].
func (l *HistoryLeads) PasswordHashes(ctx context.Context, leadID string, n int) (hashes []string, err error) {
	err = untilNoConflict(ctx, func() error {
		hashes, err = l.passwordHashes(ctx, leadID, n)
		return err
	})
	return hashes, err
}

func (l *HistoryLeads) passwordHashes(ctx context.Context, leadID string, n int) ([]string, error) {
	rows, err := l.query(ctx, l.db, l.find[recovery.LeadIDField], recovery.LeadIDField, leadID)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, recovery.ErrLeadNotFound
	}
	var hashes []string
	if n > 0 && rows[0].hash.String != "" {
		hashes = append(hashes, rows[0].hash.String)
	}
	if len(hashes) >= n {
		return hashes, nil
	}
	result, err := l.db.QueryContext(ctx, l.former.text, l.former.args(map[string]string{"id": leadID})...)
	if err != nil {
		return nil, wrap(err)
	}
	defer func() { _ = result.Close() }()
	for len(hashes) < n && result.Next() {
		var hash string
		if err := result.Scan(&hash); err != nil {
			return nil, wrap(err)
		}
		hashes = append(hashes, hash)
	}
	if err := result.Err(); err != nil {
		return nil, wrap(err)
	}
	return hashes, nil
}
