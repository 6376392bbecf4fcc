package sqlstore

import (
	"context"
	"database/sql"

	"github.com/seed-51359b35/recovery"
)

// EndSessions returns a [recovery.SessionEnder] that runs one statement of the
// host's. The parameter :id is the ID of the lead, as text:
//
//	DELETE FROM sessions WHERE user_id = :id
//	UPDATE users SET session_stamp = session_stamp + 1 WHERE id = :id
//
// It asks the database once whether it can run the statement, and changes nothing
// then. The error says what is wrong, such as a table that is not there. A log-in
// that compared the old password just before a reset can make a session just after
// it, which the first statement does not end. So make a session only where the hash
// is still the one that was compared, by INSERT ... SELECT ... WHERE password_hash =
// ..., on PostgreSQL with FOR SHARE; or use a stamp, as the second statement does.
func EndSessions(ctx context.Context, db *sql.DB, dialect Dialect, statement string) (recovery.SessionEnder, error) {
	mistakes := recovery.OptionErrors{Package: "sqlstore"}
	if db == nil {
		mistakes.Add("db", "is required")
	}
	if dialect != PostgreSQL && dialect != MySQL && dialect != SQLite {
		mistakes.Add("dialect", "is %q, must be %q, %q or %q", string(dialect), PostgreSQL, MySQL, SQLite)
	}
	st, err := compileStatement(dialect, statement, []string{"id"})
	if err != nil {
		mistakes.Add("statement", "%v", err)
	}
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	if err := prepares(ctx, db, st); err != nil {
		return nil, err
	}
	return recovery.SessionEnderFunc(func(ctx context.Context, leadID string) error {
		err := untilNoConflict(ctx, func() error {
			_, err := db.ExecContext(ctx, st.text, st.args(map[string]string{"id": leadID})...)
			return err
		})
		if err != nil {
			return wrap(err)
		}
		return nil
	}), nil
}

// prepares reports what the database says of a statement without running it. A
// transaction, because PgBouncer may pool transactions.
func prepares(ctx context.Context, db *sql.DB, st statement) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return wrap(err)
	}
	defer func() { _ = tx.Rollback() }()
	prepared, err := tx.PrepareContext(ctx, st.text)
	if err != nil {
		return wrap(err)
	}
	if err := prepared.Close(); err != nil {
		return wrap(err)
	}
	return nil
}
