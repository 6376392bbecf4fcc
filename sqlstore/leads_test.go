package sqlstore_test

import (
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// All mistakes are reported at once.
func TestMistakesOfTheHost(t *testing.T) {
	t.Parallel()
	fields := []recovery.Field{
		{Name: "Email", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
		{Name: "EMAIL", Type: recovery.FieldTypeText, Search: true},
	}
	want := func(err error, parts ...string) {
		t.Helper()
		if err == nil {
			t.Fatalf("no error, want one with %q", parts)
		}
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error is\n%v\nand does not say %q", err, part)
			}
		}
	}
	_, err := sqlstore.NewLeads(nil, "oracle", fields, sqlstore.LeadStatements{
		Find:            map[string]string{"Email": "SELECT 1", "EMAIL": "SELECT ':value' WHERE :hash"},
		SetPasswordHash: "UPDATE users SET hash = :hash::text WHERE id = :who",
	})
	want(err, "option db", "option dialect", "two fields EMAIL", "option Find[Email]: has no parameter", "option Find[EMAIL]: has the parameter :hash",
		"option Find[LeadId]: is required", "option SetPasswordHash: has the parameter :who")
	_, err = sqlstore.NewHistoryLeads(nil, sqlstore.SQLite, nil, sqlstore.LeadStatements{})
	want(err, "option FormerHashes: is required", "option db", "option SetPasswordHash: is required")
	_, err = sqlstore.Columns{}.Statements(sqlstore.SQLite, fields)
	want(err, "option Table", "option ID", "option PasswordHash", "option Fields[Email].Value", "option Fields[Email].Verified", "option Fields[EMAIL].Value")
	_, err = sqlstore.Columns{}.Leads(t.Context(), nil, sqlstore.SQLite, fields, nil)
	want(err, "option Table", "option Fields[Email].Value")
	columns := sqlstore.Columns{Table: "users", ID: "id", PasswordHash: "hash"}
	_, err = columns.Leads(t.Context(), nil, sqlstore.SQLite, nil, nil)
	want(err, "option Fields[EmailAddress].Value: is required") // the field that there is by default
	columns.Fields = map[string]sqlstore.FieldColumns{"EmailAddress": {Value: "email", Verified: "true"}}
	_, err = columns.Leads(t.Context(), nil, sqlstore.SQLite, nil, nil)
	want(err, "option db")
	_, err = sqlstore.New(nil, "oracle", sqlstore.Options{Timeout: 1})
	want(err, "option db", `is "oracle"`, "option Timeout")
	if err := sqlstore.Migrate(t.Context(), &sql.DB{}, "oracle"); err == nil {
		t.Error("Migrate of a dialect that does not exist: no error, want one")
	}
}

// What is asked for besides the password comes from the columns that the host
// named.
func TestColumnsOfWhatIsOptional(t *testing.T) {
	t.Parallel()
	statements, err := sqlstore.Columns{
		Table: "users", ID: "id", PasswordHash: "hash", Status: "state", Name: "full_name", Locale: "lang", Brand: "shop", IdentityProviders: "providers",
	}.Statements(sqlstore.PostgreSQL, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "SELECT id AS id, hash AS password_hash, state AS status, full_name AS name, lang AS locale, shop AS brand, providers AS identity_providers FROM users WHERE id = :value"
	if got := statements.Find[recovery.LeadIDField]; got != want {
		t.Errorf("the search is\n%s\nwant\n%s", got, want)
	}
}

// A Service whose fields are not those of the store would find nobody, and say
// nothing.
func TestFieldWithoutASearchIsAnError(t *testing.T) {
	t.Parallel()
	fields := []recovery.Field{{Name: "Email", Type: recovery.FieldTypeEmail, Search: true}, {Name: "Alternate", Type: recovery.FieldTypeEmail}}
	columns := sqlstore.Columns{Table: "users", ID: "id", PasswordHash: "hash", Fields: map[string]sqlstore.FieldColumns{
		"Email": {Value: "email"}, "Alternate": {Value: "alternate"},
	}}
	statements, err := columns.Statements(sqlstore.SQLite, fields)
	if err != nil {
		t.Fatal(err)
	}
	leads, err := sqlstore.NewLeads(&sql.DB{}, sqlstore.SQLite, fields, statements)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"EmailAddress", "Alternate", ""} {
		_, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: field, Value: "ada@example.com"})
		if err == nil || errors.Is(err, recovery.ErrLeadNotFound) || !strings.Contains(err.Error(), strconv.Quote(field)) {
			t.Errorf("a search by %q: %v, want an error that names it", field, err)
		}
	}
}
