package recovery

import (
	"errors"
	"fmt"
	"time"
)

// OptionError is one mistake in the options of a package. A constructor reports
// all of them at once, joined; take them apart with [errors.As] or the
// Unwrap() []error of [errors.Join].
type OptionError struct {
	// Package is whose option it is, for example "messages". Empty means
	// "recovery".
	Package string
	Option  string
	Reason  string
}

func (e *OptionError) Error() string {
	name := e.Package
	if name == "" {
		name = "recovery"
	}
	return name + ": option " + e.Option + ": " + e.Reason
}

// OptionErrors collects the mistakes in a package's options, so that its
// constructor can report all of them at once. For authors of stores, notifiers
// and queues. The zero value, with Package set, is ready to use.
type OptionErrors struct {
	// Package is as in [OptionError].
	Package string

	errs []error
}

// Add adds a mistake. The reason is what stands behind the option's name, for
// example "must not be negative".
func (e *OptionErrors) Add(option, reason string, args ...any) {
	e.errs = append(e.errs, &OptionError{e.Package, option, fmt.Sprintf(reason, args...)})
}

// CheckInt adds a mistake unless least <= v <= most.
func (e *OptionErrors) CheckInt(option string, v, least, most int) {
	if v < least || v > most {
		e.Add(option, "is %d, must be %d to %d", v, least, most)
	}
}

// CheckDuration adds a mistake unless least <= v <= most.
func (e *OptionErrors) CheckDuration(option string, v, least, most time.Duration) {
	if v < least || v > most {
		e.Add(option, "is %v, must be %v to %v", v, least, most)
	}
}

// Join adds errors that another check reported. Nil ones are left out.
func (e *OptionErrors) Join(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		e.errs = append(e.errs, err)
	}
}

// Err returns the mistakes, joined, or nil.
func (e *OptionErrors) Err() error { return errors.Join(e.errs...) }
