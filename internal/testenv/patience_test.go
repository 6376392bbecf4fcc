package testenv_test

import (
	"errors"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

func TestDeadlineIsNeverEarly(t *testing.T) {
	began := time.Now()
	for d := testenv.Within(20 * time.Millisecond); !d.Over(); {
		time.Sleep(time.Millisecond)
	}
	if took := time.Since(began); took <= 20*time.Millisecond {
		t.Errorf("over after %v, want more than 20 ms", took)
	}
}

func TestLatenessIsMeasured(t *testing.T) {
	worst := testenv.Lateness(t)
	time.Sleep(20 * time.Millisecond)
	if d := worst(); d <= 0 || d != worst() {
		t.Errorf("late by %v, then %v; want the same positive duration", d, worst())
	}
}

func TestSteadyFailsAndRepeats(t *testing.T) {
	failing := &recorder{TB: t}
	testenv.Steady(failing, time.Hour, func() error { return errors.New("wrong") })
	if failing.errors != 1 {
		t.Errorf("%d failures are told, want 1", failing.errors)
	}
	// Every sleep is late by more than nothing, so this is tried again.
	repeated, tries := &recorder{TB: t}, 0
	testenv.Steady(repeated, 0, func() error {
		time.Sleep(10 * time.Millisecond)
		if tries++; tries < 3 {
			return errors.New("wrong")
		}
		return nil
	})
	if repeated.errors != 0 || tries != 3 {
		t.Errorf("%d failures after %d tries, want none after 3", repeated.errors, tries)
	}
}

// recorder counts failures instead of failing.
type recorder struct {
	testing.TB
	errors int
}

func (r *recorder) Errorf(string, ...any) { r.errors++ }
