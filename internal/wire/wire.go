// Package wire holds what the wires of both vendors have in common.
package wire

import (
	"strconv"
	"time"
)

// LimitExceeded returns the sentence of both vendors' 429, for example "API
// calls exceeded the limit of 25 in 5 second(s)". The vendors' clients compare
// it.
func LimitExceeded(n int, window time.Duration) string {
	seconds := strconv.FormatFloat(window.Seconds(), 'f', -1, 64)
	return "API calls exceeded the limit of " + strconv.Itoa(n) + " in " + seconds + " second(s)"
}
