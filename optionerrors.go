package recovery

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
)

// An OptionError is one mistake in the options of a package. A constructor
// reports all mistakes at once, joined. [errors.As] finds the first of them,
// and the Unwrap() []error of [errors.Join] returns all.
type OptionError struct {
	// Package is the name of the package, for example "messages". Empty means
	// "recovery".
	Package string
	// Option names the option, for example "Tokens.LinkTTL", and Reason is the
	// mistake, for example "is required".
	Option string
	Reason string
}

func (e *OptionError) Error() string {
	return cmp.Or(e.Package, "recovery") + ": option " + e.Option + ": " + e.Reason
}

// OptionErrors collects the mistakes in the options of a package, so that a
// constructor can report all of them at once. For authors of stores, notifiers
// and queues. The zero value is ready to use; set Package. It is not safe for
// concurrent use.
type OptionErrors struct {
	// Package is as in [OptionError].
	Package string

	errs []error
}

// Add adds a mistake. The reason is a format for [fmt.Sprintf], and its text
// follows the name of the option, for example "must not be negative". Where it is
// the text of an error that names the same package, the name is left out.
func (e *OptionErrors) Add(option, reason string, args ...any) {
	text := strings.TrimPrefix(fmt.Sprintf(reason, args...), cmp.Or(e.Package, "recovery")+": ")
	e.errs = append(e.errs, &OptionError{e.Package, option, text})
}

// CheckInt adds a mistake unless low <= v <= high.
func (e *OptionErrors) CheckInt(option string, v, low, high int) {
	if v < low || v > high {
		e.Add(option, "is %d, must be %d to %d", v, low, high)
	}
}

// CheckDuration adds a mistake unless low <= v <= high.
func (e *OptionErrors) CheckDuration(option string, v, low, high time.Duration) {
	if v < low || v > high {
		e.Add(option, "is %v, must be %v to %v", v, low, high)
	}
}

// Join adds errors that another check returned. It ignores those that are nil.
func (e *OptionErrors) Join(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		e.errs = append(e.errs, err)
	}
}

// Err returns the mistakes, joined by [errors.Join], or nil if there are none.
func (e *OptionErrors) Err() error { return errors.Join(e.errs...) }
