// Package testenv tells tests about the machine that they run on: how slow it
// is, whether long tests are wanted, and whether a missing part is a failure.
package testenv

import (
	"crypto/sha256"
	"os"
	"runtime"
	"testing"
	"time"
)

// LongVariable names the environment variable that turns long tests on.
const LongVariable = "RECOVERY_LONG"

// Long reports whether long tests are wanted, that is whether RECOVERY_LONG is
// 1, as in continuous integration. A test that repeats something many times
// uses it to choose how often.
func Long() bool { return os.Getenv(LongVariable) == "1" }

// Missing ends the test because a part of the machine is missing. It skips the
// test, or fails it if the variable is 1, as in continuous integration, so that
// a machine without the part cannot report success.
func Missing(t TB, variable, what string) {
	t.Helper()
	if os.Getenv(variable) == "1" {
		t.Fatalf("%s, and %s=1", what, variable)
	}
	t.Skipf("%s", what)
}

// quiet is how long [work] takes on the quiet machine of two cores on which the
// durations in the tests were chosen.
const quiet = 10 * time.Millisecond

// maxSlowness keeps a broken measurement from turning a failing test into one
// that hangs.
const maxSlowness = 50

// Slowness returns how many times slower than a quiet machine this one is now,
// at least 1. It measures for about 10 ms, or more on a slow machine. Do not
// use it in a testing/synctest bubble, whose time is not the machine's.
func Slowness() float64 {
	began := time.Now()
	work()
	return min(max(1, float64(time.Since(began))/float64(quiet)), maxSlowness)
}

// Patience returns how long to wait on this machine, as it is now, for what a
// quiet machine does within d. It never returns less than d.
func Patience(d time.Duration) time.Duration {
	return time.Duration(float64(d) * Slowness())
}

// Eventually waits until so returns true, and fails the test when it has not
// within [Patience] of d. It asks again every few milliseconds.
func Eventually(t testing.TB, d time.Duration, what string, so func() bool) {
	t.Helper()
	patience := Patience(d)
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; !so(); pause = min(2*pause, 20*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(pause)
	}
}

// work is a fixed amount of work. It gives way many times, so that it also
// measures how long the others who want the cores keep it waiting.
func work() {
	var block [32 << 10]byte
	for range rounds {
		sum := sha256.Sum256(block[:])
		copy(block[:], sum[:])
		runtime.Gosched()
	}
}

// rounds are measured: they take [quiet].
const rounds = 400
