// Package sqlstore keeps recovery's tokens and counts its limits in the SQL
// database that an application has: PostgreSQL, MySQL, MariaDB or SQLite. Each
// token has one winner, and the windows of limits are exact, across any number
// of instances. The package imports no driver: the host opens the database.
//
// # Quick start
//
//	if err := sqlstore.Migrate(ctx, db, sqlstore.PostgreSQL); err != nil {
//		return err
//	}
//	store, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{})
//	if err != nil {
//		return err
//	}
//	service, err := recovery.New(leads, store, mailer, recovery.Options{
//		Limiter: store,
//		// ...
//	})
//
// db is a [*sql.DB] of any driver. The host closes it. Whoever uses a migration
// tool takes the tables from [Schema] and does not call [Migrate].
//
// # How it works
//
// There are two tables, recovery_limits and recovery_tokens, with one row for a
// key and one for a slot. A row holds a short text: the times of the last
// allowed calls, or the slot's tokens. An operation reads the row, decides in
// Go, and writes the row if nobody else has written it meanwhile. Otherwise it
// decides again. So no lock is held between two statements, and no statement
// that arrives late does harm. An operation that was too late twice locks the row
// in a transaction, so a far instance gets its turn beside near ones. PgBouncer may
// pool transactions, but not statements.
//
// The time is that of the server, or that of the machine for SQLite.
//
// While a statement is out, whoever else asks waits, and goes along with the
// next one. So the busier the program is, the less an operation costs.
//
// # Tables
//
// The columns of both tables are:
//
//   - name: the key of a limit, or the slot of tokens. Slots whose names begin
//     with a space are written so that a wrong guess takes as long where there
//     is no code as where there is one. They hold nothing.
//   - record: a text, which begins with the version of its format. It holds
//     keyed digests, and nothing that was sent to anybody.
//   - revision: a random number, which every write changes.
//   - previous: 0. A row with another number counts as missing.
//   - expires: when the row no longer matters, in microseconds since 1970.
//
// While it is used, a Store looks at a few hundred rows at a time, one after
// another, and deletes those that have expired.
//
// # Faults
//
// While the database is down, slow or read-only, no call is allowed and no link
// is consumed. Everything works again by itself afterwards.
//
//   - An operation takes no longer than [Options].Timeout, also while somebody
//     else locks its row, and ends when its context does.
//   - Operations that share a statement fail together.
//   - Deadlocks, serialization failures and a busy SQLite are tried again until
//     Timeout, and those of [Leads] until ctx ends. Nothing else is repeated.
//   - A failover to a replica that lags can lose the last writes. A token that
//     becomes live again this way after a reset still cannot be used, because
//     it names a version that its lead no longer has.
//
// # Operating
//
// PostgreSQL 12, MySQL 8, MariaDB 10.6 or SQLite 3.35, or later. The user needs
// SELECT, INSERT, UPDATE and DELETE on the two tables. All statements run at the
// connection's default isolation, whatever that is. SQLite serves one machine:
// use journal_mode WAL, and a busy_timeout for the host's own statements.
package sqlstore
