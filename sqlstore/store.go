package sqlstore

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/breaker"
	"github.com/seed-51359b35/recovery/denials"
)

var (
	_ recovery.TokenLister = (*Store)(nil)
	_ recovery.Limiter     = (*Store)(nil)
)

// Options configure a [Store]. The zero value of every field is its default.
type Options struct {
	_ [0]func()

	// Timeout is how long one operation may take, also while a row is locked:
	// 10 ms to 1 min. Default 2 s.
	Timeout time.Duration
	// DenialCache is how many keys may be remembered as denied, so that a
	// flood of refused calls costs the database nothing. Default 65,536;
	// negative means none.
	DenialCache int
	// Logger receives warnings. Default: [slog.Default].
	Logger *slog.Logger
}

// Store is a [recovery.TokenLister] and a [recovery.Limiter] on an SQL database.
// It is safe for concurrent use, and any number of instances can share the
// tables. It has no goroutine that lives on.
type Store struct {
	denials *denials.Cache
	limits  *group[recovery.LimitRequest, recovery.Decision]
	tokens  *group[tokenJob, tokenAnswer]
}

// New returns a Store on a database that has the tables of [Schema]. The caller
// closes the database. The Store uses at most six connections of its pool at once,
// and mostly one or two; while the database is down, ten for a moment. New asks the database once whether it answers, for up
// to Timeout. If it does not, New warns with what the driver says, and returns a
// Store all the same: the database may come later. New reports all mistakes in its
// arguments at once, as joined [*recovery.OptionError]s.
func New(db *sql.DB, dialect Dialect, opts Options) (*Store, error) {
	if opts.Timeout == 0 {
		opts.Timeout = 2 * time.Second
	}
	if opts.DenialCache == 0 {
		opts.DenialCache = 1 << 16
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	mistakes := recovery.OptionErrors{Package: "sqlstore"}
	if db == nil {
		mistakes.Add("db", "is required")
	}
	limits, err := dialect.statementsFor(limitsTable)
	if err != nil {
		mistakes.Add("dialect", "is %q, must be %q, %q or %q", string(dialect), PostgreSQL, MySQL, SQLite)
	}
	mistakes.CheckDuration("Timeout", opts.Timeout, 10*time.Millisecond, time.Minute)
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	tokens, err := dialect.statementsFor(tokensTable)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), opts.Timeout)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		opts.Logger.Warn("sqlstore: the database does not answer. The program starts all the same, and every call fails until it does", "error", err)
	}
	return newStore(db, limits, tokens, opts), nil
}

func newStore(db *sql.DB, limits, tokens statements, opts Options) *Store {
	guard := breaker.New(breaker.Options{
		Down: ErrDown, Logger: opts.Logger, Failed: isSilence, MaxTimeouts: 2,
		WhenDown: "sqlstore: the database does not answer, so every call is refused until it does",
		WhenUp:   "sqlstore: the database answers again",
	})
	return &Store{
		denials: denials.New(opts.DenialCache),
		limits: newGroup(records[recovery.LimitRequest, recovery.Decision]{
			db: db, statements: limits, timeout: opts.Timeout, guard: guard, parse: parseLimitLog,
			nameOf: func(r recovery.LimitRequest) string { return r.Key },
		}, opts.Logger),
		tokens: newGroup(records[tokenJob, tokenAnswer]{
			db: db, statements: tokens, timeout: opts.Timeout, guard: guard, parse: parseSlot,
			nameOf: func(j tokenJob) string { return j.ref.Slot },
		}, opts.Logger),
	}
}
