//go:build !linux

package redistest

import "time"

// coarse is 0 where the runtime's timers are exact enough.
const coarse = 0

func sleepExactly(d time.Duration) { time.Sleep(d) }
