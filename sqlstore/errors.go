package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// ErrDown is returned without a question to the database while the database does
// not answer.
var ErrDown = errors.New("sqlstore: the database is down")

var (
	// errTimeout is what became of an operation that was not answered within
	// Options.Timeout.
	errTimeout = fmt.Errorf("sqlstore: the database did not answer in time: %w", context.DeadlineExceeded)
	// errLate is the answer to a job that somebody else came before. See
	// records.decide.
	errLate  = errors.New("sqlstore: somebody else came first")
	errNewer = errors.New("sqlstore: the record was written by a newer version of this library; bring all instances to the same version")
	// errUnreadable: somebody else writes to the same tables.
	errUnreadable = errors.New("sqlstore: a row holds something that this library did not write; delete the row")
)

// wrap says whose error it is, once.
func wrap(err error) error {
	if strings.HasPrefix(err.Error(), "sqlstore: ") {
		return err
	}
	return fmt.Errorf("sqlstore: %w", err)
}

// isConflict reports whether the database gave a statement or a transaction up
// in favour of another one: a deadlock, a serialization failure, a lock that it
// did not wait for. Nothing was written then, and another try may succeed. It
// knows the errors of drivers by what they have in common, because this package
// imports none. The text of an error counts only where there is no code: it may
// quote what somebody typed.
func isConflict(err error) bool {
	if state := sqlState(err); state != "" {
		return state == "40001" || state == "40P01" || state == "55P03"
	}
	if number := mysqlNumber(err); number != "" {
		return number == "1205" || number == "1213"
	}
	code := sqliteCode(err) & 0xff
	return code == sqliteBusy || code == sqliteLocked
}

// isSilence reports whether an error is none with which the database answered, but
// one of the connection or of time.
func isSilence(err error) bool {
	return err != nil && sqlState(err) == "" && mysqlNumber(err) == "" && sqliteCode(err) == 0
}

// isDenied reports whether the user may not run a statement.
func isDenied(err error) bool { return sqlState(err) == "42501" || mysqlNumber(err) == "1142" }

// untilNoConflict repeats f while the database gives it up in favour of others,
// until ctx ends. How long that is worth is for the caller to say: on a busy
// machine many others may come first.
func untilNoConflict(ctx context.Context, f func() error) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := f()
		if !isConflict(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// sqlState returns the code of an error of PostgreSQL. pgx and lib/pq have the
// method.
func sqlState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// The codes of SQLite.
const (
	sqliteBusy   = 5
	sqliteLocked = 6
)

// sqliteCode returns the code of an error of SQLite, or 0. modernc.org/sqlite
// and zombiezen's have a method. Those of mattn's driver and of ncruces' are known
// by their text, which this package or the driver may have put words before.
func sqliteCode(err error) int {
	var e interface{ Code() int }
	switch {
	case errors.As(err, &e):
		return e.Code()
	case err == nil:
		return 0
	case strings.Contains(err.Error(), "database is locked"):
		return sqliteBusy
	case strings.Contains(err.Error(), "database table is locked"):
		return sqliteLocked
	}
	return 0
}

// mysqlError matches how go-sql-driver writes an error: it has no method that
// returns the number.
var mysqlError = regexp.MustCompile(`\bError (\d{4})(?: \(\w{5}\))?: `)

func mysqlNumber(err error) string {
	if err == nil {
		return ""
	}
	if m := mysqlError.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return ""
}
