package sqlstoretest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// users makes the table of users, and returns a store on it and one user.
func users(t testing.TB, db *sql.DB, d database) (leads *sqlstore.Leads, id string) {
	t.Helper()
	for _, statement := range usersSchema(d) {
		execute(t, db, statement)
	}
	return newLeads(t, db, d), d.person(t, db, "kim@example.com")
}

func newLeads(t testing.TB, db *sql.DB, d database) *sqlstore.Leads {
	t.Helper()
	s, err := leadColumns.Statements(d.dialect, leadFields)
	if err != nil {
		t.Fatal(err)
	}
	leads, err := sqlstore.NewLeads(db, d.dialect, leadFields, s)
	if err != nil {
		t.Fatal(err)
	}
	return leads
}

// person adds a user with an address and the hash "old".
func (d database) person(t testing.TB, db *sql.DB, email string) (id string) {
	t.Helper()
	id = d.addUser(t, db)
	d.set(t, db, id, "email", email, "email_verified", true, "password_hash", "old")
	return id
}

func hashOf(t testing.TB, db *sql.DB, id string) (hash string) {
	t.Helper()
	if err := db.QueryRow("SELECT password_hash FROM users WHERE id = " + id).Scan(&hash); err != nil {
		t.Fatal(err)
	}
	return hash
}

// wantNotWritten fails unless the error says that nothing was written, and
// nothing was.
func wantNotWritten(t *testing.T, err error, db *sql.DB, id string) {
	t.Helper()
	if !errors.Is(err, recovery.ErrNotWritten) {
		t.Errorf("the error is %v, want one that wraps ErrNotWritten", err)
	}
	if hash := hashOf(t, db, id); hash != "old" {
		t.Errorf("the hash is %q after %v, want the old one", hash, err)
	}
}

// Somebody else has locked the lead's row and does not let go.
func TestLeadsLeaveALockInTime(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		leads, id := users(t, db, d)
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec("UPDATE users SET full_name = 'x' WHERE id = " + id); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		err = leads.SetPasswordHash(ctx, id, "new")
		if took := time.Since(began); took > testenv.Patience(2*time.Second) {
			t.Errorf("it took %v, want about 300 ms", took)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		wantNotWritten(t, err, db, id)
		if err := leads.SetPasswordHash(t.Context(), id, "new"); err != nil {
			t.Errorf("without the lock: %v, want none", err)
		}
	})
}

// A server that takes no writes, as a replica does, is told as such by leads and
// by the store, and not as a token that does not exist.
func TestReadOnlyServer(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		_, id := users(t, db, d)
		ref := put(t, newStore(t, db, d))
		readOnly := open(t)
		readOnly.SetMaxOpenConns(1)
		readOnly.SetMaxIdleConns(1)
		execute(t, readOnly, map[sqlstore.Dialect]string{
			sqlstore.PostgreSQL: "SET default_transaction_read_only = on",
			sqlstore.MySQL:      "SET SESSION TRANSACTION READ ONLY",
			sqlstore.SQLite:     "PRAGMA query_only = on",
		}[d.dialect])
		wantNotWritten(t, newLeads(t, readOnly, d).SetPasswordHash(t.Context(), id, "new"), db, id)
		s := newStore(t, readOnly, d)
		if _, err := s.Claim(t.Context(), "id", ref); err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
			t.Errorf("a claim: error is %v, want another one", err)
		}
		if _, err := s.Put(t.Context(), fresh(), liveLink()); err == nil || errors.Is(err, recovery.ErrTokenSpent) {
			t.Errorf("a put: error is %v, want another one", err)
		}
		if d, err := s.Allow(t.Context(), recovery.LimitRequest{Key: fresh(), Policy: policy}); err == nil {
			t.Errorf("Allow: %v, want an error", d)
		}
	})
}

// A constraint that is checked at the end undoes the transaction for certain.
func TestConstraintAtTheEnd(t *testing.T) {
	t.Parallel()
	on(t, databases[:1], func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		leads, id := users(t, db, d)
		other := d.person(t, db, "sam@example.com")
		d.set(t, db, other, "password_hash", "new")
		execute(t, db, "ALTER TABLE users ADD CONSTRAINT one_hash UNIQUE (password_hash) DEFERRABLE INITIALLY DEFERRED")
		wantNotWritten(t, leads.SetPasswordHash(t.Context(), id, "new"), db, id)
	})
}

// The connection breaks: before COMMIT is sent nothing is written for certain,
// and after that nobody knows.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		_, id := users(t, db, d)
		lossy := &lossyConnector{db: db}
		broken := sql.OpenDB(lossy)
		t.Cleanup(func() { _ = broken.Close() })
		leads := newLeads(t, broken, d)
		lossy.loses.Store("UPDATE")
		wantNotWritten(t, leads.SetPasswordHash(t.Context(), id, "new"), db, id)
		lossy.loses.Store("COMMIT")
		if err := leads.SetPasswordHash(t.Context(), id, "new"); err == nil || errors.Is(err, recovery.ErrNotWritten) {
			t.Errorf("a lost reply to COMMIT: %v, want an error that is not ErrNotWritten", err)
		}
		if hash := hashOf(t, db, id); hash != "new" {
			t.Errorf("the hash is %q, want the new one", hash)
		}
	})
}

// lossyConnector makes connections of another pool whose replies can be lost.
type lossyConnector struct {
	db    *sql.DB
	loses atomic.Value // the beginning of the statement whose reply is lost
}

func (c *lossyConnector) lose(statement string) error {
	if word, _ := c.loses.Load().(string); word != "" && strings.HasPrefix(statement, word) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (c *lossyConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var inner driver.Conn
	err = conn.Raw(func(raw any) error { inner = raw.(driver.Conn); return nil })
	return &lossyConn{Conn: inner, pool: conn, connector: c}, err
}

func (c *lossyConnector) Driver() driver.Driver { return c.db.Driver() }

type lossyConn struct {
	driver.Conn
	pool      *sql.Conn
	connector *lossyConnector
}

func (c *lossyConn) Close() error { return c.pool.Close() }

func (c *lossyConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return lossyTx{tx, c.connector}, err
}

func (c *lossyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *lossyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	if lost := c.connector.lose(query); err == nil && lost != nil {
		return nil, lost
	}
	return result, err
}

// PrepareContext is how statements with parameters go to MariaDB.
func (c *lossyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	st, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	return lossyStmt{st, query, c.connector}, err
}

type lossyStmt struct {
	driver.Stmt
	query     string
	connector *lossyConnector
}

func (s lossyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

func (s lossyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	result, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	if lost := s.connector.lose(s.query); err == nil && lost != nil {
		return nil, lost
	}
	return result, err
}

type lossyTx struct {
	driver.Tx
	connector *lossyConnector
}

func (t lossyTx) Commit() error {
	err := t.Tx.Commit()
	if lost := t.connector.lose("COMMIT"); err == nil && lost != nil {
		return lost
	}
	return err
}

// Users whose values only look like the one that is asked for are other users,
// whatever the collation takes for equal, and they do not hide the right one
// (A10). Neither does a number that is written in another way.
func TestLookAlikeRowsAreOtherUsers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		leads, id := users(t, db, d)
		for _, email := range []string{
			"\u212aim@example.com", "k\u0131m@example.com", "k\u00edm@example.com", "\uff4bim@example.com", "kim@example.com ",
			" kim@example.com", "ki\u0307m@example.com", "ki\u200bm@example.com", "kim@ex\u00e4mple.com", "kim@example.com\u00a0",
		} {
			d.person(t, db, email)
		}
		find := func(field, value string) (recovery.Lead, error) {
			return leads.FindLead(t.Context(), recovery.LeadKey{Field: field, Value: value})
		}
		if lead, err := find("EmailAddress", "kim@example.com"); err != nil || lead.ID != id {
			t.Errorf("the right user among look-alikes: %v, %v, want lead %s", lead.ID, err, id)
		}
		for _, value := range []string{id + "\n", " " + id, "0" + id, id + ".0", "+" + id, id + " ", id + "abc", "", "\x00", id + "\x00", strings.Repeat("9", 40)} {
			if lead, err := find(recovery.LeadIDField, value); !errors.Is(err, recovery.ErrLeadNotFound) {
				t.Errorf("the ID %q: lead %q, %v, want ErrLeadNotFound", value, lead.ID, err)
			}
			if err := leads.SetPasswordHash(t.Context(), value, "new"); !errors.Is(err, recovery.ErrNotWritten) {
				t.Errorf("SetPasswordHash for the ID %q: %v, want ErrNotWritten", value, err)
			}
		}
		if hash := hashOf(t, db, id); hash != "old" {
			t.Errorf("the hash is %q, want the old one", hash)
		}
	})
}

// A10: letters outside ASCII before the '@' are compared as bytes, on every
// database, whatever its collation and its lower function take for equal. Each
// address is found, also one in capitals, and a look-alike finds nobody.
func TestLettersOutsideASCIIAreBytes_A10(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		leads, _ := users(t, db, d)
		ids := map[string]string{} // by canonical form
		for stored, form := range map[string]string{
			"m\u00fcller@example.com": "m\u00fcller@example.com", "\u00d6rjan@example.com": "\u00d6rjan@example.com", "stra\u00dfe@example.com": "stra\u00dfe@example.com",
			"muller@example.com": "muller@example.com", "strasse@example.com": "strasse@example.com", "B.\u00c5@Example.com": "b.\u00c5@example.com",
			"\u7528\u6237@example.com": "\u7528\u6237@example.com", "foo.@docomo.ne.jp": "foo.@docomo.ne.jp", "Foo..a@docomo.ne.jp": "foo..a@docomo.ne.jp", "foo@docomo.ne.jp": "foo@docomo.ne.jp",
		} {
			ids[form] = d.person(t, db, stored)
		}
		for form, id := range ids {
			lead, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: "EmailAddress", Value: form})
			if err != nil || lead.ID != id {
				t.Errorf("%q: lead %q, %v, want lead %q", form, lead.ID, err, id)
			}
		}
		for _, other := range []string{
			"m\u00dcller@example.com", "\u00f6rjan@example.com", "orjan@example.com", "mu\u0308ller@example.com", "b.\u00e5@example.com", "b.a@example.com",
			"stra\u1e9ee@example.com", "\u7528@example.com", "foo..@docomo.ne.jp", "foo.a@docomo.ne.jp", "fooa@docomo.ne.jp",
		} {
			if lead, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: "EmailAddress", Value: other}); !errors.Is(err, recovery.ErrLeadNotFound) {
				t.Errorf("%q: lead %q, %v, want ErrLeadNotFound", other, lead.ID, err)
			}
		}
	})
}

// A35: a link ends when an address of the user becomes verified, or stops to be:
// the host has learnt something about who reads the mail.
func TestVersionChangesWithVerification_A35(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		leads, id := users(t, db, d)
		d.set(t, db, id, "email_verified", true, "phone", "+1 555 0001234", "phone_canonical", "+15550001234", "phone_verified", true)
		for _, column := range []string{"email_verified", "phone_verified"} {
			for _, verified := range []bool{false, true} {
				before, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
				if err != nil {
					t.Fatal(err)
				}
				d.set(t, db, id, column, verified)
				err = leads.SetPasswordHashIf(t.Context(), id, before.Version, "new")
				if !errors.Is(err, recovery.ErrVersionChanged) || !errors.Is(err, recovery.ErrNotWritten) {
					t.Errorf("%s became %v, and SetPasswordHashIf with the version before says %v, want ErrVersionChanged and ErrNotWritten", column, verified, err)
				}
			}
		}
		if hash := hashOf(t, db, id); hash != "old" {
			t.Errorf("the hash is %q, want the old one", hash)
		}
	})
}

// Whether an address is verified may be in a column of any type that databases
// have for it. If it were not understood, nobody would get a mail, and the log
// would not say why.
func TestHowTruthIsWritten(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		kinds := map[string][2]string{"BOOLEAN": {"false", "true"}, "SMALLINT": {"0", "1"}, "VARCHAR(5)": {"'false'", "'true'"}, "CHAR(1)": {"'f'", "'t'"}}
		if d.dialect != sqlstore.SQLite {
			kinds["BIT(1)"] = [2]string{"b'0'", "b'1'"}
		}
		for kind, values := range kinds {
			table := fresh()
			execute(t, db, "CREATE TABLE "+table+" (id VARCHAR(9), email VARCHAR(99), password_hash VARCHAR(99), verified "+kind+")")
			execute(t, db, "INSERT INTO "+table+" VALUES ('no', 'no@example.com', 'hash', "+values[0]+"), ('yes', 'yes@example.com', 'hash', "+values[1]+")")
			find := "SELECT id, password_hash, email AS value_EmailAddress, verified AS verified_EmailAddress FROM " + table + " WHERE "
			leads, err := sqlstore.NewLeads(db, d.dialect, leadFields[:1], sqlstore.LeadStatements{
				Find:            map[string]string{recovery.LeadIDField: find + "id = :value", "EmailAddress": find + "email = :value"},
				SetPasswordHash: "UPDATE " + table + " SET password_hash = :hash WHERE id = :id",
			})
			if err != nil {
				t.Fatal(err)
			}
			for id, want := range map[string]bool{"no": false, "yes": true} {
				lead, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
				if err != nil || lead.Fields["EmailAddress"].Verified != want {
					t.Errorf("a truth in %s: verified is %v, %v, want %v", kind, lead.Fields["EmailAddress"].Verified, err, want)
				}
			}
		}
	})
}

// A value that a column cannot hold is that of nobody.
func TestUUIDs(t *testing.T) {
	t.Parallel()
	on(t, databases[:1], func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		const id = "c0ffee00-0000-4000-8000-00000000abcd"
		execute(t, db, "CREATE TABLE users (id uuid PRIMARY KEY, email text, password_hash text)")
		execute(t, db, "INSERT INTO users VALUES ('"+id+"', 'kim@example.com', 'old')")
		columns := sqlstore.Columns{
			Table: "users", ID: "id", PasswordHash: "password_hash",
			Fields: map[string]sqlstore.FieldColumns{"EmailAddress": {Value: "email", Verified: "true"}},
		}
		s, err := columns.Statements(d.dialect, leadFields[:1])
		if err != nil {
			t.Fatal(err)
		}
		leads, err := sqlstore.NewLeads(db, d.dialect, leadFields[:1], s)
		if err != nil {
			t.Fatal(err)
		}
		if lead, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: id}); err != nil || lead.Status != recovery.StatusActive {
			t.Errorf("the user by ID: %v, %v", lead.Status, err)
		}
		if err := leads.SetPasswordHash(t.Context(), id, "new"); err != nil {
			t.Error(err)
		}
		for _, value := range []string{"77", "", strings.ToUpper(id), strings.ReplaceAll(id, "-", ""), "{" + id + "}", id + "x"} {
			if _, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: value}); !errors.Is(err, recovery.ErrLeadNotFound) {
				t.Errorf("the ID %q: %v, want ErrLeadNotFound", value, err)
			}
		}
		if err := columns.Check(t.Context(), db, d.dialect, leadFields[:1], slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
	})
}
