package sqlstore_test

import (
	"context"
	"database/sql"
	"log"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// An application with a table users on PostgreSQL, which needs nothing else:
// its driver, for example github.com/jackc/pgx/v5/stdlib, is imported by the
// program.
func Example() {
	ctx := context.Background()
	db, err := sql.Open("pgx", "postgres://app@db.internal/app")
	if err != nil {
		log.Fatal(err)
	}
	fields := []recovery.Field{{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}}
	columns := sqlstore.Columns{
		Table: "users", ID: "id", PasswordHash: "password_hash",
		Status: "CASE WHEN blocked THEN 'disabled' ELSE 'active' END",
		Fields: map[string]sqlstore.FieldColumns{"EmailAddress": {Value: "email", Verified: "email_verified"}},
	}
	if err := sqlstore.Migrate(ctx, db, sqlstore.PostgreSQL); err != nil {
		log.Fatal(err)
	}
	leads, err := columns.Leads(ctx, db, sqlstore.PostgreSQL, fields, nil)
	if err != nil {
		log.Fatal(err)
	}
	store, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	service, err := recovery.New(leads, store, nil /* a notifier */, recovery.Options{Fields: fields, Limiter: store})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = service.Shutdown(ctx) }()
}

// Users whose addresses are in a table of their own, of one tenant.
func ExampleNewLeads() {
	var db *sql.DB // opened by the application
	fields := []recovery.Field{{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}}
	const search = `SELECT u.id, u.password_hash, u.status, e.address AS value_EmailAddress, e.verified AS verified_EmailAddress
		FROM users u JOIN addresses e ON e.user_id = u.id AND e.is_primary WHERE u.tenant = 7 AND `
	leads, err := sqlstore.NewLeads(db, sqlstore.PostgreSQL, fields, sqlstore.LeadStatements{
		Find: map[string]string{
			recovery.LeadIDField: search + "u.id = :value",
			"EmailAddress":       search + "lower(e.address) = :value",
		},
		SetPasswordHash: "UPDATE users SET password_hash = :hash WHERE id = :id",
	})
	if err != nil {
		log.Println(err)
	}
	_ = leads
}
