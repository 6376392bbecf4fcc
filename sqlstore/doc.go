// Package sqlstore keeps recovery's tokens and counts its limits in the SQL
// database that an application has: PostgreSQL, MySQL, MariaDB or SQLite. Each
// token has one winner, and the windows of limits are exact, across any number
// of instances. In SQLite it also keeps the jobs that wait, see [Queue]. The
// package imports no driver: the host opens the database.
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
// A [Store] has two tables, recovery_limits and recovery_tokens, with one row for
// a key and one for a slot. A row holds a short text: the times of the last
// allowed calls, or the slot's tokens. An operation reads the row, decides in
// Go, and writes the row if nobody else has written it meanwhile. So no lock is held
// between two statements, and no statement that arrives late does harm. An operation
// that came too late decides again, and locks the row in a transaction, so a far
// instance gets its turn beside near ones. PgBouncer may pool transactions, but not
// statements.
//
// The time is that of the server, or that of the machine for SQLite.
//
// While a statement is out, whoever else asks waits, and goes along with the
// next one. So the busier the program is, the less an operation costs.
//
// # Tables
//
// The columns of recovery_limits and recovery_tokens are:
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
// another, and deletes those that have expired. Their space is used again by later
// rows, so the tables stop growing. After a million takes of as many keys and 100,000
// tokens, which expired at the end of each minute, two rows were left:
//
//   - PostgreSQL: the tables with their indexes began empty, took 29 MB at most, with
//     91,000 rows, and 14 MB at the end. Autovacuum gives back what is free at the end
//     of a table. For the rest there is REINDEX CONCURRENTLY.
//   - SQLite: 20 MB at most, with 170,000 rows, and as much at the end, all of it free.
//     VACUUM gives it back.
//   - MariaDB, after 600,000 takes: 27 MB at most, with 56,000 rows. Half of it was
//     free each time that rows had been deleted. OPTIMIZE TABLE gives it back.
//
// # The queue
//
// A [Queue] keeps jobs in a file of SQLite, in the table recovery_jobs. A Service
// needs two, with two names:
//
//	queue, err := sqlstore.NewQueue(db, sqlstore.SQLite, sqlstore.QueueOptions{})
//	if err != nil {
//		return err
//	}
//	deliveries, err := sqlstore.NewQueue(db, sqlstore.SQLite, sqlstore.QueueOptions{Name: "recovery-deliveries"})
//	if err != nil {
//		return err
//	}
//	// recovery.Options{Queue: queue, DeliveryQueue: deliveries, ...}
//
// What it does:
//
//   - Enqueue returns nil once the file has the job. Requests of many callers
//     share a transaction. The process begins with the job at its NotBefore, and
//     another process that shares the file within half a second.
//   - A job belongs to the process that performs it for 20 seconds at a time,
//     and is renewed every 5. So a long wait for a mail server is no problem, and
//     the jobs of a process that died are performed again within 21 seconds, by
//     whichever process runs then.
//   - An attempt that fails is repeated with growing pauses until NotAfter. A job
//     that is done or given up is deleted at once. SQLite may leave the bytes of
//     its sealed payload in the file until it reuses them, unless the host sets
//     the pragma secure_delete.
//   - A job is performed at least once, and more than once only if the process or
//     the machine fails between the work and the end of its transaction, if others
//     lock the file for 15 seconds during an attempt, or if the clock is set
//     forward while another process shares the file. If it is set back, jobs that
//     wait come later by as much.
//   - With synchronous FULL, SQLite's default, what was accepted outlives a power
//     failure. With NORMAL it outlives the end of the process.
//
// The columns of the table are:
//
//   - number: of the row. queue: the queue's name. id: of the job.
//   - job: a version, NotBefore, NotAfter and the payload, which the Service
//     sealed.
//   - due: when the job may be taken, in microseconds since 1970: at its
//     NotBefore, when a pause ends, or when the lease of its worker ends.
//   - attempts: how many have begun.
//   - lease: a random number for each attempt, or 0 while the job waits. A
//     worker whose lease was taken over can no longer write to the row.
//
// On PostgreSQL, package riverqueue is the durable queue. For SQLite three
// libraries were considered, and none keeps the contract of [recovery.Queue]:
//
//   - maragu.dev/goqite v0.4.0 chooses IDs itself, so the same job can be in the
//     queue twice. It deletes and renews a message by that ID alone, also for a
//     worker that has lost it to another one. It does not tell how often a
//     message was received, so pauses cannot grow, and keeps a message for ever
//     that was received too often.
//   - github.com/mikestefanello/backlite v0.6.0 takes tasks with a SELECT and an
//     UPDATE that does not look whether another process was first. A claim lasts
//     a fixed time, which nobody renews. The pause is always the same, the
//     attempts are counted, and a shutdown hands nothing back.
//   - River's driver riversqlite v0.51.2 is in early testing, as it says, and
//     asks for a pool of one connection. River notices a dead worker by a fixed
//     time and renews nothing, so all that package riverqueue adds would have to
//     be written once more, for SQLite.
//
// # Faults
//
// While the database is down, slow or read-only, no call is allowed and no link
// is consumed. Everything works again by itself afterwards.
//
//   - An operation takes no longer than [Options].Timeout, and ends when its
//     context does.
//   - Statements wait for no row that somebody else has locked. An operation on
//     such a row is tried again until Timeout, and those on other rows go on.
//     There are two exceptions: a row that somebody else's open transaction has
//     inserted, and a lock on a whole table. SQLite locks the whole file, so
//     whoever writes to it in a long transaction keeps every operation waiting.
//   - After five calls in succession that could not reach the database, or two
//     that it did not answer within Timeout, every operation returns [ErrDown] at
//     once. One call at a time tries whether the database answers again, and it is
//     used again within a quarter of a second.
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
// SELECT, INSERT, UPDATE and DELETE on the tables. All statements run at the
// connection's default isolation, whatever that is. SQLite serves one machine:
// use journal_mode WAL, and a busy_timeout for the host's own statements.
package sqlstore
