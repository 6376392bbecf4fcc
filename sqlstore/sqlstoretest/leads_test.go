package sqlstoretest

import (
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

var leadFields = []recovery.Field{
	{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
	{Name: "Phone", Type: recovery.FieldTypePhone, Search: true, Receive: true},
	{Name: "UserName", Type: recovery.FieldTypeText, Search: true},
	{Name: "Nick", Type: recovery.FieldTypeText, Search: true, IgnoreCase: true},
}

var leadColumns = sqlstore.Columns{
	Table: "users", ID: "id", PasswordHash: "password_hash",
	Status:   "CASE WHEN blocked THEN 'disabled' WHEN invited THEN 'invited' WHEN must_reset THEN 'reset_required' ELSE 'active' END",
	Activate: "invited = false, must_reset = false", Name: "full_name",
	Fields: map[string]sqlstore.FieldColumns{
		"EmailAddress": {Value: "email", Verified: "email_verified", MarkVerified: "email_verified = true"},
		"Phone":        {Value: "phone", Verified: "phone_verified", Canonical: "phone_canonical", MarkVerified: "phone_verified = true"},
		"UserName":     {Value: "user_name"},
		"Nick":         {Value: "nick"},
	},
	History: sqlstore.HistoryColumns{Table: "former_passwords", LeadID: "user_id", PasswordHash: "password_hash", Order: "id"},
}

// usersSchema is a table as applications have them, with the collations that
// their databases have by default.
func usersSchema(d database) []string {
	serial := map[sqlstore.Dialect]string{
		sqlstore.PostgreSQL: "bigserial PRIMARY KEY",
		sqlstore.MySQL:      "BIGINT AUTO_INCREMENT PRIMARY KEY",
		sqlstore.SQLite:     "INTEGER PRIMARY KEY",
	}[d.dialect]
	lower := func(column string) string {
		if d.dialect == sqlstore.MySQL {
			return column
		}
		return "lower(" + column + ")"
	}
	return []string{
		"CREATE TABLE users (id " + serial + ", email VARCHAR(254), email_verified BOOLEAN, phone VARCHAR(40), phone_canonical VARCHAR(40)," +
			" phone_verified BOOLEAN, user_name VARCHAR(100), nick VARCHAR(100), password_hash VARCHAR(256), blocked BOOLEAN," +
			" invited BOOLEAN, must_reset BOOLEAN, full_name VARCHAR(100))",
		"CREATE INDEX users_email ON users (" + lower("email") + ")",
		"CREATE INDEX users_phone ON users (phone_canonical)",
		"CREATE INDEX users_user_name ON users (user_name)",
		"CREATE INDEX users_nick ON users (" + lower("nick") + ")",
		"CREATE TABLE former_passwords (id " + serial + ", user_id BIGINT NOT NULL, password_hash VARCHAR(256) NOT NULL)",
		"CREATE INDEX former_passwords_user ON former_passwords (user_id)",
	}
}

// digits is the canonical form of the phone numbers that the suite makes.
func digits(phone string) string {
	return strings.Map(func(r rune) rune {
		if r == '+' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, phone)
}

// set sets columns of the user with an ID, as the host's own code does.
func (d database) set(t testing.TB, db *sql.DB, id string, pairs ...any) {
	t.Helper()
	var columns []string
	var args []any
	for i := 0; i < len(pairs); i += 2 {
		columns, args = append(columns, pairs[i].(string)+" = "+d.parameter(len(args)+1)), append(args, pairs[i+1])
	}
	execute(t, db, "UPDATE users SET "+strings.Join(columns, ", ")+" WHERE id = "+id, args...)
}

func (d database) parameter(n int) string {
	if d.dialect == sqlstore.PostgreSQL {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}

// addUser adds an empty user and returns the ID.
func (d database) addUser(t testing.TB, db *sql.DB) string {
	t.Helper()
	var id int64
	if d.dialect != sqlstore.MySQL {
		if err := db.QueryRow("INSERT INTO users (blocked) VALUES (false) RETURNING id").Scan(&id); err != nil {
			t.Fatal(err)
		}
		return itoa(id)
	}
	result, err := db.Exec("INSERT INTO users (blocked) VALUES (false)")
	if err != nil {
		t.Fatal(err)
	}
	if id, err = result.LastInsertId(); err != nil {
		t.Fatal(err)
	}
	return itoa(id)
}

func TestLeadsKeepTheContract(t *testing.T) {
	t.Parallel()
	on(t, append(slices.Clone(databases), pgBouncer, strict, plain), func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		for _, statement := range usersSchema(d) {
			execute(t, db, statement)
		}
		h := leadsHarness(t, d, db, db)
		h.Another = func(t *testing.T, _ recovery.LeadStore) recovery.LeadStore { return historyLeads(t, d, open(t)) }
		recoverytest.TestLeadStore(t, h)
	})
}

// historyLeads returns a store of the leads on a connection.
func historyLeads(t *testing.T, d database, db *sql.DB) recovery.LeadStore {
	statements, err := leadColumns.Statements(d.dialect, leadFields)
	if err != nil {
		t.Fatal(err)
	}
	leads, err := sqlstore.NewHistoryLeads(db, d.dialect, leadFields, statements)
	if err != nil {
		t.Fatal(err)
	}
	return leads
}

// leadsHarness returns the harness of a store whose connection is of. The host
// writes its users, and makes faults, over db.
func leadsHarness(t *testing.T, d database, db, of *sql.DB) recoverytest.LeadStoreHarness {
	column := map[string]string{"EmailAddress": "email", "Phone": "phone", "UserName": "user_name", "Nick": "nick"}
	setValue := func(t *testing.T, id, field, value string) {
		d.set(t, db, id, column[field], value)
		if field == "Phone" {
			d.set(t, db, id, "phone_canonical", digits(value))
		}
	}
	h := recoverytest.LeadStoreHarness{
		Fields:   leadFields,
		Statuses: []recovery.LeadStatus{recovery.StatusInvited, recovery.StatusResetRequired},
		Patience: testenv.Patience(2 * time.Second),
		New:      func(t *testing.T) recovery.LeadStore { return historyLeads(t, d, of) },
		Add: func(t *testing.T, _ recovery.LeadStore, lead recovery.Lead, hash string) string {
			id := d.addUser(t, db)
			d.set(t, db, id, "password_hash", hash, "blocked", lead.Status == recovery.StatusDisabled,
				"invited", lead.Status == recovery.StatusInvited, "must_reset", lead.Status == recovery.StatusResetRequired,
				"email_verified", lead.Fields["EmailAddress"].Verified, "phone_verified", lead.Fields["Phone"].Verified)
			for field, v := range lead.Fields {
				setValue(t, id, field, v.Value)
			}
			return id
		},
		ReadHash: func(t *testing.T, _ recovery.LeadStore, id string) string {
			var hash string
			if err := db.QueryRow("SELECT password_hash FROM users WHERE id = " + id).Scan(&hash); err != nil {
				t.Fatal(err)
			}
			return hash
		},
		SetValue: func(t *testing.T, _ recovery.LeadStore, id, field, value string) { setValue(t, id, field, value) },
		SetStatus: func(t *testing.T, _ recovery.LeadStore, id string, status recovery.LeadStatus) {
			d.set(t, db, id, "blocked", status == recovery.StatusDisabled)
		},
	}
	h.Stall, h.Break, h.Mend = faults[recovery.LeadStore](db, d, "users")
	return h
}
