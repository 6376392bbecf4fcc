package sqlstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-51359b35/recovery"
)

var (
	_ recovery.VersionedLeadStore     = (*Leads)(nil)
	_ recovery.FirstPasswordLeadStore = (*Leads)(nil)
	_ recovery.VerifyingLeadStore     = (*Leads)(nil)
	_ recovery.MultiLeadStore         = (*Leads)(nil)
)

// Leads is a [recovery.VersionedLeadStore], a [recovery.MultiLeadStore], a
// [recovery.FirstPasswordLeadStore] and a [recovery.VerifyingLeadStore] over the
// host's own table of users. It is safe for concurrent use. What the database gives
// up in favour of others is repeated until ctx ends.
type Leads struct {
	db      *sql.DB
	dialect Dialect
	fields  map[string]recovery.Field
	find    map[string]statement // by field
	lock    statement            // finds by ID and locks
	before  []statement
	set     statement
	active  statement            // without text if there is none
	verify  map[string]statement // by field
	turn    chan struct{}        // see write
}

// NewLeads returns a store on the statements, for the fields that
// [recovery.Options].Fields declares. It asks the database nothing: [Columns.Check]
// does. It reports all mistakes at once, as joined [*recovery.OptionError]s.
func NewLeads(db *sql.DB, dialect Dialect, fields []recovery.Field, s LeadStatements) (*Leads, error) {
	mistakes := recovery.OptionErrors{Package: "sqlstore"}
	if db == nil {
		mistakes.Add("db", "is required")
	}
	if dialect != PostgreSQL && dialect != MySQL && dialect != SQLite {
		mistakes.Add("dialect", "is %q, must be %q, %q or %q", string(dialect), PostgreSQL, MySQL, SQLite)
	}
	l := &Leads{
		db: db, dialect: dialect, fields: make(map[string]recovery.Field), find: make(map[string]statement),
		verify: make(map[string]statement), turn: make(chan struct{}, 1),
	}
	compile := func(option, text string, parameters ...string) statement {
		st, err := compileStatement(dialect, text, parameters)
		if err != nil {
			mistakes.Add(option, "%v", err)
		}
		return st
	}
	names := make(map[string]bool)
	for _, f := range fields {
		if names[strings.ToLower(f.Name)] {
			mistakes.Add("fields", "has two fields %s, whose columns would have one name", f.Name)
		}
		names[strings.ToLower(f.Name)] = true
		l.fields[f.Name] = f
		if f.Search {
			l.find[f.Name] = compile("Find["+f.Name+"]", s.Find[f.Name], "value")
		}
	}
	byID := s.Find[recovery.LeadIDField]
	l.find[recovery.LeadIDField] = compile("Find["+recovery.LeadIDField+"]", byID, "value")
	if s.Lock == "" {
		s.Lock = byID
		if dialect != SQLite {
			s.Lock += " FOR UPDATE"
		}
	}
	l.lock = compile("Lock", s.Lock, "value")
	for _, text := range s.BeforeSet {
		l.before = append(l.before, compile("BeforeSet", text, "id", "hash"))
	}
	l.set = compile("SetPasswordHash", s.SetPasswordHash, "id", "hash")
	if s.Activate != "" {
		l.active = compile("Activate", s.Activate, "id")
	}
	for field, text := range s.MarkVerified {
		l.verify[field] = compile("MarkVerified["+field+"]", text, "id")
	}
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	return l, nil
}

// Check implements [recovery.Checker]: it asks whether the database answers.
func (l *Leads) Check(ctx context.Context) error {
	if err := l.db.PingContext(ctx); err != nil {
		return wrap(err)
	}
	return nil
}

// mostFound is how many rows a search reads. There is more than one only where
// a column treats more values as equal than FindLead does.
const mostFound = 1000

// FindLead implements [recovery.LeadStore]. Values are compared again in Go,
// byte by byte. So a collation that ignores case, accents or white space finds
// no other lead (A10). A field that was not declared with Search is a mistake of
// the program and not "no such lead", which would be silent: nobody gets a mail,
// and the log does not say why.
func (l *Leads) FindLead(ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	rows, err := l.search(ctx, key)
	if err != nil {
		return recovery.Lead{}, err
	}
	if brand := recovery.BrandOf(ctx); len(rows) > 1 && brand != "" {
		rows = ofBrand(rows, brand)
	}
	switch len(rows) {
	case 0:
		return recovery.Lead{}, recovery.ErrLeadNotFound
	case 1:
		return rows[0].lead(l.fields), nil
	}
	return recovery.Lead{}, recovery.ErrLeadAmbiguous
}

// ofBrand returns the leads of a brand or, if there is none, those without a brand,
// for which the brand of the request decides.
func ofBrand(rows []leadRow, brand string) []leadRow {
	if !slices.ContainsFunc(rows, func(r leadRow) bool { return r.brand == brand }) {
		brand = ""
	}
	return slices.DeleteFunc(rows, func(r leadRow) bool { return r.brand != brand })
}

// FindLeads implements [recovery.MultiLeadStore]. It compares values as FindLead
// does, and returns the leads in the order of their IDs as text, those of the
// request's brand first, and then those of none. It uses the same statements.
func (l *Leads) FindLeads(ctx context.Context, key recovery.LeadKey, max int) ([]recovery.Lead, error) {
	rows, err := l.search(ctx, key)
	if err != nil {
		return nil, err
	}
	// Leads of other brands must not take the places of those that get the message.
	place := map[string]int{"": -1, recovery.BrandOf(ctx): -2}
	slices.SortFunc(rows, func(a, b leadRow) int {
		return cmp.Or(cmp.Compare(place[a.brand], place[b.brand]), strings.Compare(a.id, b.id))
	})
	var leads []recovery.Lead
	for _, row := range rows[:min(len(rows), max)] {
		leads = append(leads, row.lead(l.fields))
	}
	return leads, nil
}

// search returns the leads with a key.
func (l *Leads) search(ctx context.Context, key recovery.LeadKey) (rows []leadRow, err error) {
	st, ok := l.find[key.Field]
	if !ok {
		return nil, fmt.Errorf("sqlstore: the field %q has no search: give NewLeads the fields of recovery.Options.Fields", key.Field)
	}
	err = untilNoConflict(ctx, func() (err error) {
		rows, err = l.query(ctx, l.db, st, key.Field, key.Value)
		return err
	})
	return rows, err
}

// query returns the leads whose field has exactly the value.
func (l *Leads) query(ctx context.Context, q querier, st statement, field, value string) ([]leadRow, error) {
	if strings.ContainsRune(value, 0) {
		return nil, nil // no database holds one in a text
	}
	result, err := q.QueryContext(ctx, st.text, st.args(map[string]string{"value": value})...)
	if err != nil {
		return nil, refused(err)
	}
	defer func() { _ = result.Close() }()
	columns, err := result.Columns()
	if err != nil {
		return nil, wrap(err)
	}
	reader, err := newLeadReader(columns, l.fields)
	if err != nil {
		return nil, err
	}
	var rows []leadRow
	for n := 0; n < mostFound && result.Next(); n++ {
		row, err := reader.read(result)
		if err != nil {
			return nil, wrap(err)
		}
		if row.has(field, value, l.fields[field]) {
			rows = append(rows, row)
		}
	}
	if err := result.Err(); err != nil {
		return nil, refused(err)
	}
	return rows, nil
}

// refused returns nil for an error that says that a column cannot hold the value
// that was asked for: a text that is no UUID, or no number. Nobody has it.
func refused(err error) error {
	switch sqlState(err) {
	case "22P02", "22003", "22007", "22008", "22021", "22P05":
		return nil
	}
	return wrap(err)
}

// SetPasswordHash implements [recovery.LeadStore].
func (l *Leads) SetPasswordHash(ctx context.Context, leadID, hash string) error {
	return l.write(ctx, leadID, l.setHash(hash, false, func(leadRow) error { return nil }))
}

// SetPasswordHashIf implements [recovery.VersionedLeadStore]. The lead's row is
// locked from the comparison until the write.
func (l *Leads) SetPasswordHashIf(ctx context.Context, leadID, version, hash string) error {
	return l.write(ctx, leadID, l.setHash(hash, false, func(row leadRow) error {
		if row.version(l.fields) != version {
			return errVersionChanged
		}
		return nil
	}))
}

// SetFirstPasswordHashIf implements [recovery.FirstPasswordLeadStore]. If the lead
// is not active after it, because [LeadStatements].Activate is missing or does
// something else, nothing is written.
func (l *Leads) SetFirstPasswordHashIf(ctx context.Context, leadID, version, hash string) error {
	return l.write(ctx, leadID, l.setHash(hash, true, func(row leadRow) error {
		status := row.lead(l.fields).Status
		if row.version(l.fields) != version || status != recovery.StatusInvited && status != recovery.StatusNoPassword {
			return errVersionChanged
		}
		return nil
	}))
}

// MarkVerified implements [recovery.VerifyingLeadStore]. It does nothing for a
// field without a statement in [LeadStatements].MarkVerified.
func (l *Leads) MarkVerified(ctx context.Context, leadID, field, value string) error {
	st := l.verify[field]
	if st.text == "" {
		return nil
	}
	err := l.write(ctx, leadID, func(ctx context.Context, tx transaction, row leadRow) error {
		if stored := row.values[field]; !stored.Valid || stored.String != value {
			return nil
		}
		_, err := tx.ExecContext(ctx, st.text, st.args(map[string]string{"id": leadID})...)
		return err
	})
	if errors.Is(err, recovery.ErrLeadNotFound) {
		return nil
	}
	return err
}

var errVersionChanged = fmt.Errorf("%w: %w", recovery.ErrVersionChanged, recovery.ErrNotWritten)

// A change of one lead, whose row is locked.
type change func(ctx context.Context, tx transaction, row leadRow) error

// write makes a change in a transaction, which it repeats where the database
// gave it up in favour of another one. Transactions that were given up take
// turns. If they were repeated side by side, they would go on to give way to one
// another, and the slower the machine, the longer. SQLite lets one transaction
// write at a time, and gives the others up, so there all take turns.
func (l *Leads) write(ctx context.Context, leadID string, f change) error {
	once := func() error { return l.writeOnce(ctx, leadID, f) }
	if l.dialect != SQLite {
		if err := once(); !isConflict(err) {
			return err
		}
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return notWritten(ctx.Err())
	}
	return untilNoConflict(ctx, once)
}

// A transaction is a *sql.Tx or a *sqliteTx.
type transaction interface {
	querier
	Commit() error
	Rollback() error
}

func (l *Leads) begin(ctx context.Context) (transaction, error) {
	if l.dialect == SQLite {
		return beginSQLite(ctx, l.db)
	}
	return l.db.BeginTx(ctx, nil)
}

func (l *Leads) writeOnce(ctx context.Context, leadID string, f change) error {
	tx, err := l.begin(ctx)
	if err != nil {
		return notWritten(err)
	}
	// Until Commit is sent, every error leaves the old hash in place: the
	// database undoes a transaction whose connection it has lost.
	defer func() { _ = tx.Rollback() }() // without effect after Commit
	rows, err := l.query(ctx, tx, l.lock, recovery.LeadIDField, leadID)
	if err != nil {
		return notWritten(err)
	}
	if len(rows) != 1 {
		return fmt.Errorf("sqlstore: %w: %w", recovery.ErrLeadNotFound, recovery.ErrNotWritten)
	}
	if err := f(ctx, tx, rows[0]); err != nil {
		if errors.Is(err, recovery.ErrNotWritten) {
			return err
		}
		return notWritten(err)
	}
	if err := ctx.Err(); err != nil {
		return notWritten(err)
	}
	if err := tx.Commit(); err != nil {
		if rolledBack(err) {
			return notWritten(err)
		}
		return wrap(err) // nobody knows
	}
	return nil
}

// setHash returns the change that writes a hash. It makes the lead active if the
// hash is its first one, or if the lead had to replace its password.
func (l *Leads) setHash(hash string, first bool, check func(leadRow) error) change {
	return func(ctx context.Context, tx transaction, row leadRow) error {
		if err := check(row); err != nil {
			return err
		}
		values := map[string]string{"id": row.id, "hash": hash}
		statements := append(slices.Clip(l.before), l.set)
		if l.active.text != "" && (first || row.status.String == string(recovery.StatusResetRequired)) {
			statements = append(statements, l.active)
		}
		for _, st := range statements {
			if _, err := tx.ExecContext(ctx, st.text, st.args(values)...); err != nil {
				return err
			}
		}
		after, err := l.query(ctx, tx, l.lock, recovery.LeadIDField, row.id)
		switch {
		case err != nil:
			return err
		case len(after) != 1 || after[0].hash.String != hash:
			// A column that is too short, or that pads what it holds.
			return fmt.Errorf("sqlstore: the database does not hold the hash as it was written: %w", recovery.ErrNotWritten)
		case first && after[0].lead(l.fields).Status != recovery.StatusActive:
			return fmt.Errorf("sqlstore: a lead is not active after its first password was written: set option Activate: %w", recovery.ErrNotWritten)
		}
		return nil
	}
}

func notWritten(err error) error { return fmt.Errorf("%w: %w", wrap(err), recovery.ErrNotWritten) }

// rolledBack reports whether an error of COMMIT says that the transaction was
// undone. Errors about the connection do not.
func rolledBack(err error) bool {
	if isConflict(err) {
		return true
	}
	// A constraint that is checked at the end.
	return strings.HasPrefix(sqlState(err), "23")
}

// A leadRow is what a search returns about one lead.
type leadRow struct {
	id, name, locale, brand, providers string

	hash, status sql.NullString
	values       map[string]sql.NullString
	canonical    map[string]string
	verified     map[string]bool
}

// has reports whether the lead has the value in the field. A search for an
// e-mail address, or for a text with IgnoreCase, may find it in another case.
func (r leadRow) has(field, value string, f recovery.Field) bool {
	if field == recovery.LeadIDField {
		return r.id == value
	}
	if c, ok := r.canonical[field]; ok {
		return c == value
	}
	stored := r.values[field]
	if !stored.Valid {
		return false
	}
	if f.Type == recovery.FieldTypeEmail || f.IgnoreCase {
		return lowerASCII(stored.String) == value
	}
	return stored.String == value
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

func (r leadRow) lead(fields map[string]recovery.Field) recovery.Lead {
	lead := recovery.Lead{
		ID: r.id, Version: r.version(fields), Status: recovery.LeadStatus(r.status.String),
		Name: r.name, Locale: r.locale, Brand: r.brand, Fields: make(map[string]recovery.FieldValue, len(fields)),
	}
	if !r.status.Valid {
		lead.Status = recovery.StatusActive
	}
	if lead.Status == recovery.StatusActive && r.hash.String == "" {
		lead.Status = recovery.StatusNoPassword
	}
	for name := range fields {
		if v, ok := r.values[name]; ok {
			lead.Fields[name] = recovery.FieldValue{Value: v.String, Verified: r.verified[name]}
		}
	}
	if r.providers != "" {
		lead.IdentityProviders = strings.Split(r.providers, ",")
	}
	return lead
}

// version is a digest over what ends a lead's links when it changes: the hash,
// the status, and the addresses that messages go to. Not over what every login
// changes, as the row's own version is.
func (r leadRow) version(fields map[string]recovery.Field) string {
	h := sha256.New()
	add := func(s sql.NullString, verified bool) {
		b := make([]byte, 0, 10+len(s.String))
		b = append(b, flag(s.Valid), flag(verified))
		b = binary.BigEndian.AppendUint64(b, uint64(len(s.String)))
		h.Write(append(b, s.String...))
	}
	add(r.hash, false)
	add(r.status, false)
	names := make([]string, 0, len(fields))
	for name, f := range fields {
		if f.Receive {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		add(sql.NullString{String: name, Valid: true}, false)
		add(r.values[name], r.verified[name])
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}
