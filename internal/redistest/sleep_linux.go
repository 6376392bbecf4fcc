package redistest

import (
	"syscall"
	"time"
)

// coarse is the precision of the runtime's timers on Linux, with some reserve.
// An idle process sleeps in epoll, which counts in milliseconds.
const coarse = 3 * time.Millisecond

// sleepExactly sleeps for a time below coarse. It is precise to a tenth of a
// millisecond on a machine that is not busy. It blocks a thread for that time.
func sleepExactly(d time.Duration) {
	ts := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&ts, nil) // a signal may end it early, so the caller checks the clock
}
