package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"

	"github.com/seed-51359b35/recovery"
)

// LeadStatements are the host's own statements about its users. For a single
// table, [Columns] writes them. Parameters are written as :value, :id and :hash.
//
// A search returns columns with these names, in any order. Unknown names are
// ignored.
//
//   - id: [recovery.Lead].ID, required.
//   - password_hash: required. Without one, the lead has no password.
//   - status: "active", "disabled", "no_password", "reset_required" or "invited".
//     Default: active.
//   - value_NAME: what the lead holds in the field NAME, for every field.
//   - verified_NAME: whether it is verified, for every field that receives: a
//     boolean, a bit, the number 1, or the text "t" or "true".
//   - canonical_NAME: its canonical form, where the host stores one. It is what
//     a search compares.
//   - name, locale, brand: optional.
//   - identity_providers: optional, with commas between them.
type LeadStatements struct {
	// Find are the searches by field, and that by ID under
	// [recovery.LeadIDField]. Each finds the leads whose canonical value is
	// :value. It may find more: values are compared again.
	Find map[string]string
	// Lock is a search by ID that locks the lead's password hash, status and
	// addresses until the transaction ends. Default: the search by ID with FOR
	// UPDATE, and without it on SQLite.
	Lock string
	// BeforeSet are statements in the transaction of SetPasswordHash, before
	// it. They may use :id and :hash. Optional, for example for a history.
	BeforeSet []string
	// SetPasswordHash writes :hash for the lead with :id.
	SetPasswordHash string
	// Activate makes the lead with :id active. It is run in the transaction of
	// SetPasswordHash, after it, if the status is "reset_required", or if the hash
	// is the first one of a lead that is invited. Optional, and needed where a
	// status of the two can come.
	Activate string
	// MarkVerified marks what the lead with :id holds in a field as verified, by
	// field. Optional: see [recovery.VerifyingLeadStore].
	MarkVerified map[string]string
	// FormerHashes returns one column with the former password hashes of the
	// lead with :id, newest first, without the present one. For
	// [NewHistoryLeads].
	FormerHashes string
}

// Columns names the columns of one table of users. Table and PasswordHash are
// names, and ID is the name of a column with a unique index. The others are
// expressions of SQL, of which a name is the usual one. All are the programmer's
// own words: they become part of statements as they are.
type Columns struct {
	Table, ID, PasswordHash string
	// HashWidth is how many characters the column PasswordHash must have room
	// for, for [Columns.Check]. Default 97, for a hash of package password.
	HashWidth int
	// Status is an expression whose value is a [recovery.LeadStatus], such as
	// CASE WHEN blocked THEN 'disabled' ELSE 'active' END. Default: every lead
	// with a password is active.
	Status string
	// Activate are the assignments that make a lead active that is invited or has
	// to reset its password, such as must_reset = FALSE. Needed if the value of
	// Status can be one of these two. See [LeadStatements].Activate.
	Activate string
	// Name, Locale and Brand are as in [recovery.Lead]. Optional. With Brand, several
	// leads may have one value, each at another brand: FindLead finds that of the
	// request's brand ([recovery.BrandOf]) or, if there is none, that without a brand.
	Name, Locale, Brand string
	// IdentityProviders is a text with commas between the names, as in
	// [recovery.Lead]. Optional.
	IdentityProviders string
	// Fields are the columns of each field of [recovery.Options].Fields.
	Fields map[string]FieldColumns
	// History is a table of former password hashes, for [NewHistoryLeads].
	// SetPasswordHash adds the hash that it replaces. Optional.
	History HistoryColumns
}

// HistoryColumns names the columns of a table of former password hashes. Order
// is a column that grows with each row by itself, such as a serial number.
type HistoryColumns struct {
	Table, LeadID, PasswordHash, Order string
}

// FieldColumns are the columns of one field.
type FieldColumns struct {
	// Value is the column with the value, as the person typed it.
	Value string
	// Verified is an expression that is true if the value is verified. Required
	// for a field that receives; "true" if the host stores verified values
	// alone.
	Verified string
	// MarkVerified are the assignments after which the value is verified, such as
	// email_verified_at = now(). Optional: see [recovery.VerifyingLeadStore].
	MarkVerified string
	// Canonical is a column with the value in canonical form, as
	// [recovery.LeadKey] describes it. Default: Value, whose ASCII letters are
	// taken as small ones where the field ignores case. A host needs it for
	// phone numbers that are stored with separators, for addresses with
	// international domains, and on MySQL for a column whose collation heeds
	// case in a field that does not.
	Canonical string
}

// Statements returns the statements for a dialect.
func (c Columns) Statements(dialect Dialect, fields []recovery.Field) (LeadStatements, error) {
	mistakes := recovery.OptionErrors{Package: "sqlstore"}
	for option, name := range map[string]string{"Table": c.Table, "ID": c.ID, "PasswordHash": c.PasswordHash} {
		if name == "" {
			mistakes.Add(option, "is required")
		}
	}
	columns := []string{c.ID + " AS id", c.PasswordHash + " AS password_hash"}
	for _, column := range [][2]string{
		{c.Status, "status"}, {c.Name, "name"}, {c.Locale, "locale"}, {c.Brand, "brand"}, {c.IdentityProviders, "identity_providers"},
	} {
		if column[0] != "" {
			columns = append(columns, column[0]+" AS "+column[1])
		}
	}
	s := LeadStatements{Find: make(map[string]string)}
	for _, f := range fields {
		fc := c.Fields[f.Name]
		if fc.Value == "" {
			mistakes.Add("Fields["+f.Name+"].Value", "is required")
		}
		if f.Receive && fc.Verified == "" {
			mistakes.Add("Fields["+f.Name+"].Verified", "is required for a field that receives")
		}
		columns = append(columns, fc.Value+" AS "+quoteName(dialect, "value_"+f.Name))
		if fc.Verified != "" {
			columns = append(columns, "CASE WHEN "+fc.Verified+" THEN 1 ELSE 0 END AS "+quoteName(dialect, "verified_"+f.Name))
		}
		if fc.Canonical != "" {
			columns = append(columns, fc.Canonical+" AS "+quoteName(dialect, "canonical_"+f.Name))
		}
	}
	if err := mistakes.Err(); err != nil {
		return LeadStatements{}, err
	}
	from := "SELECT " + strings.Join(columns, ", ") + " FROM " + c.Table + " WHERE "
	s.Find[recovery.LeadIDField] = from + exactly(dialect, c.ID)
	for _, f := range fields {
		if f.Search {
			s.Find[f.Name] = from + condition(dialect, f, c.Fields[f.Name])
		}
	}
	update := func(assignments string) string {
		return "UPDATE " + c.Table + " SET " + assignments + " WHERE " + strings.ReplaceAll(exactly(dialect, c.ID), ":value", ":id")
	}
	s.SetPasswordHash = update(c.PasswordHash + " = :hash")
	if c.Activate != "" {
		s.Activate = update(c.Activate)
	}
	for name, fc := range c.Fields {
		if fc.MarkVerified != "" {
			if s.MarkVerified == nil {
				s.MarkVerified = make(map[string]string)
			}
			s.MarkVerified[name] = update(fc.MarkVerified)
		}
	}
	if h := c.History; h != (HistoryColumns{}) {
		s.BeforeSet = []string{"INSERT INTO " + h.Table + " (" + h.LeadID + ", " + h.PasswordHash + ") SELECT " + c.ID + ", " + c.PasswordHash +
			" FROM " + c.Table + " WHERE " + c.PasswordHash + " IS NOT NULL AND " + strings.ReplaceAll(exactly(dialect, c.ID), ":value", ":id")}
		s.FormerHashes = "SELECT " + h.PasswordHash + " FROM " + h.Table + " WHERE " + h.LeadID + " = :id ORDER BY " + h.Order + " DESC"
	}
	return s, nil
}

// Leads checks the columns and returns a store over them: it calls [Columns.Check],
// [Columns.Statements] and [NewLeads]. The fields are those of
// [recovery.Options].Fields. Without any they are its default, one field
// EmailAddress. logger may be nil, for [slog.Default].
func (c Columns) Leads(ctx context.Context, db *sql.DB, dialect Dialect, fields []recovery.Field, logger *slog.Logger) (*Leads, error) {
	if len(fields) == 0 {
		fields = []recovery.Field{{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}}
	}
	statements, err := c.Statements(dialect, fields)
	if err != nil {
		return nil, err
	}
	leads, err := NewLeads(db, dialect, fields, statements)
	if err != nil {
		return nil, err
	}
	if err := c.Check(ctx, db, dialect, fields, logger); err != nil {
		return nil, err
	}
	return leads, nil
}

// exactly compares a column with :value in the way that an index serves. MySQL
// and SQLite would take many values for the same, so they compare the text too.
// FindLead compares once more.
func exactly(dialect Dialect, column string) string {
	switch dialect {
	case MySQL:
		return column + " = :value AND CAST(" + column + " AS BINARY) = :value"
	case SQLite:
		return column + " = :value AND CAST(" + column + " AS TEXT) = :value"
	}
	return column + " = :value"
}

func condition(dialect Dialect, f recovery.Field, fc FieldColumns) string {
	switch {
	case fc.Canonical != "":
		return exactly(dialect, fc.Canonical)
	case f.Type != recovery.FieldTypeEmail && !f.IgnoreCase:
		return exactly(dialect, fc.Value)
	case dialect == MySQL:
		// LOWER alone would use no index. A column may have another character set.
		return fc.Value + " = :value AND CAST(CONVERT(LOWER(" + fc.Value + ") USING utf8mb4) AS BINARY) = CAST(LOWER(CONVERT(:value USING utf8mb4)) AS BINARY)"
	}
	// The value is in lower case, but only from A to Z. Most databases fold other
	// letters too, so both sides must be folded alike.
	return "lower(" + fc.Value + ") = lower(:value)"
}

// quoteName quotes a name in which a field may have any printable character.
func quoteName(dialect Dialect, name string) string {
	if dialect == MySQL {
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// A statement is a text with the parameters of its dialect.
type statement struct {
	text       string
	parameters []string // in the order in which the driver wants their values
}

// parameterName matches a parameter and, so that it is left alone, a cast of
// PostgreSQL or a text in quotes.
var parameterName = regexp.MustCompile(`'[^']*'|"[^"]*"|` + "`[^`]*`" + `|::|:[a-z]+\b`)

// compileStatement replaces the names of parameters by what drivers know.
func compileStatement(dialect Dialect, text string, allowed []string) (statement, error) {
	if strings.TrimSpace(text) == "" {
		return statement{}, errors.New("is required")
	}
	var s statement
	var mistake error
	numbers := make(map[string]int)
	s.text = parameterName.ReplaceAllStringFunc(text, func(found string) string {
		name, ok := strings.CutPrefix(found, ":")
		if !ok || name == ":" {
			return found
		}
		if !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+name+" ") {
			mistake = fmt.Errorf("has the parameter :%s, must have :%s", name, strings.Join(allowed, " or :"))
			return found
		}
		if dialect != PostgreSQL {
			s.parameters = append(s.parameters, name)
			return "?"
		}
		if numbers[name] == 0 {
			s.parameters = append(s.parameters, name)
			numbers[name] = len(s.parameters)
		}
		return "$" + strconv.Itoa(numbers[name])
	})
	if mistake == nil && len(s.parameters) == 0 {
		mistake = fmt.Errorf("has no parameter :%s", strings.Join(allowed, " or :"))
	}
	return s, mistake
}

func (s statement) args(values map[string]string) []any {
	args := make([]any, len(s.parameters))
	for i, name := range s.parameters {
		args[i] = values[name]
	}
	return args
}

// A leadReader reads rows whose columns have agreed names.
type leadReader struct {
	columns []string
	fields  map[string]string // names of fields in lower case
}

func newLeadReader(columns []string, fields map[string]recovery.Field) (*leadReader, error) {
	r := &leadReader{fields: make(map[string]string, len(fields))}
	for name := range fields {
		r.fields[strings.ToLower(name)] = name
	}
	has := make(map[string]bool)
	for _, column := range columns {
		column = strings.ToLower(column) // as databases do with names that are not quoted
		has[column] = true
		r.columns = append(r.columns, column)
	}
	for _, column := range []string{"id", "password_hash"} {
		if !has[column] {
			return nil, fmt.Errorf("sqlstore: a search for a lead returns no column %s", column)
		}
	}
	return r, nil
}

func (r *leadReader) read(rows *sql.Rows) (leadRow, error) {
	values := make([]sql.NullString, len(r.columns))
	into := make([]any, len(r.columns))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		return leadRow{}, err
	}
	row := leadRow{
		values: make(map[string]sql.NullString), canonical: make(map[string]string), verified: make(map[string]bool),
	}
	for i, column := range r.columns {
		v := values[i]
		switch column {
		case "id":
			row.id = v.String
		case "password_hash":
			row.hash = v
		case "status":
			row.status = v
		case "name":
			row.name = v.String
		case "locale":
			row.locale = v.String
		case "brand":
			row.brand = v.String
		case "identity_providers":
			row.providers = v.String
		default:
			kind, field, _ := strings.Cut(column, "_")
			name, ok := r.fields[field]
			switch {
			case !ok:
			case kind == "value":
				row.values[name] = v
			case kind == "verified":
				row.verified[name] = isTrue(v.String)
			case kind == "canonical" && v.Valid:
				row.canonical[name] = v.String
			}
		}
	}
	return row, nil
}

// isTrue knows how drivers write a truth. The byte 1 is that of MySQL's BIT(1).
func isTrue(s string) bool {
	switch strings.ToLower(s) {
	case "1", "t", "true", "\x01":
		return true
	}
	return false
}
