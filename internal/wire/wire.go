// Package wire has what the two vendors' wires share.
package wire

import (
	"strconv"
	"time"
)

// LimitExceeded is the sentence of both vendors' 429, for example "API calls
// exceeded the limit of 25 in 5 second(s)". Their clients compare it.
func LimitExceeded(n int, window time.Duration) string {
	seconds := strconv.FormatFloat(window.Seconds(), 'f', -1, 64)
	return "API calls exceeded the limit of " + strconv.Itoa(n) + " in " + seconds + " second(s)"
}
