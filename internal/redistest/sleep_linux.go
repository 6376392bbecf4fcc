package redistest

import (
	"syscall"
	"time"
)

// coarse is below what the runtime's timers can be trusted with on Linux: an
// idle process sleeps in epoll, which counts in milliseconds.
const coarse = 3 * time.Millisecond

// sleepExactly sleeps for less than coarse, to within a tenth of a millisecond
// on a machine that is not busy. It keeps a thread for as long.
func sleepExactly(d time.Duration) {
	ts := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&ts, nil) // a signal may wake it early; the caller looks at the clock
}
