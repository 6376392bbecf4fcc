package main

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// sqlLeads is the [leadStore] in a table. What the library asks of it is
// sqlstore's; what a log-in does is below.
type sqlLeads struct {
	*sqlstore.Leads
	db *sql.DB
}

var _ leadStore = (*sqlLeads)(nil)

// leadColumns says which column is what. The columns whose names end in _key
// hold canonical values, so their unique indices compare byte by byte.
func leadColumns() sqlstore.Columns {
	return sqlstore.Columns{
		Table: "recovery_example_leads", ID: "id", PasswordHash: "password_hash",
		Status: "status", Activate: "status = 'active'", Name: "name", Locale: "locale", IdentityProviders: "identity_providers",
		Fields: map[string]sqlstore.FieldColumns{
			fieldEmail:     {Value: "email", Canonical: "email_key", Verified: "email_verified", MarkVerified: "email_verified = TRUE"},
			fieldPhone:     {Value: "phone", Canonical: "phone_key", Verified: "phone_verified", MarkVerified: "phone_verified = TRUE"},
			fieldAlternate: {Value: "alternate", Verified: "alternate_verified", MarkVerified: "alternate_verified = TRUE"},
			fieldPAN:       {Value: "pan"},
			fieldUsername:  {Value: "username", Canonical: "username_key"},
		},
	}
}

func newSQLLeads(ctx context.Context, db *sql.DB, dialect sqlstore.Dialect, log *slog.Logger) (*sqlLeads, error) {
	leads, err := leadColumns().Leads(ctx, db, dialect, fields(), log)
	if err != nil {
		return nil, err
	}
	return &sqlLeads{leads, db}, nil
}

// A querier is a database or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// addSQLLead adds a lead unless it is there.
func addSQLLead(ctx context.Context, q querier, e seed) error {
	value := func(field string) any {
		if v, ok := e.lead.Fields[field]; ok {
			return v.Value
		}
		return nil
	}
	key := map[string]any{} // no entry is NULL
	for _, k := range indexKeys(e.lead) {
		key[k.Field] = k.Value
	}
	result, err := q.ExecContext(ctx, `INSERT INTO recovery_example_leads (id, password_hash, status, name, locale, identity_providers,
			email, email_key, email_verified, phone, phone_key, phone_verified, alternate, alternate_verified, pan, username, username_key)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
		ON CONFLICT DO NOTHING`,
		e.lead.ID, e.hash, string(e.lead.Status), e.lead.Name, e.lead.Locale, strings.Join(e.lead.IdentityProviders, ","),
		value(fieldEmail), key[fieldEmail], e.lead.Fields[fieldEmail].Verified,
		value(fieldPhone), key[fieldPhone], e.lead.Fields[fieldPhone].Verified,
		value(fieldAlternate), e.lead.Fields[fieldAlternate].Verified,
		key[fieldPAN], value(fieldUsername), key[fieldUsername])
	if err != nil {
		return err
	}
	if added, err := result.RowsAffected(); added > 0 || err != nil {
		return err
	}
	var id string
	err = q.QueryRowContext(ctx, "SELECT id FROM recovery_example_leads WHERE id = $1", e.lead.ID).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return errNotUnique // another lead has one of the values
	}
	return err
}

// credentials asks for a hash also where there is no lead: the time that an
// answer takes must not tell who has an account.
func (s *sqlLeads) credentials(ctx context.Context, email string) (leadID, hash string, err error) {
	lead, err := s.FindLead(ctx, emailKey(email))
	if err != nil && !errors.Is(err, recovery.ErrLeadNotFound) {
		return "", "", err
	}
	var stored sql.NullString
	err = s.db.QueryRowContext(ctx, "SELECT password_hash FROM recovery_example_leads WHERE id = $1", lead.ID).Scan(&stored)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !hasPassword(lead.Status) {
		return "", "", nil
	}
	return lead.ID, stored.String, err
}

// rehash also gives the lead a new version, because the hash is part of it: a
// link that was mailed before is dead once its owner has signed in this way.
func (s *sqlLeads) rehash(ctx context.Context, leadID, old, hash string) error {
	_, err := s.db.ExecContext(ctx, "UPDATE recovery_example_leads SET password_hash = $1 WHERE id = $2 AND password_hash = $3", hash, leadID, old)
	return err
}
