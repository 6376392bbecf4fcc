package webhook

import (
	"crypto/rand"
	"math/big"
	"net/http"
	"strconv"
	"time"
)

// Lifetime is how long a delivery is tried for: all of [RetrySchedule], the
// attempts' own time and a little for a queue that polls.
const Lifetime = 76 * time.Hour

// maxHold is the longest that an endpoint may ask to be left alone.
// Longer, and the attempts that fall into it would use up the schedule.
const maxHold = time.Hour

// RetrySchedule is the pause after the n-th attempt, which failed, as Standard
// Webhooks gives it: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h, in
// all ten attempts in 75 h 35 min 5 s. Each pause is shorter by up to a tenth at
// random, so that deliveries which failed together do not come back together.
// After the tenth attempt it is 24 h, which no delivery's [Lifetime] has left.
//
// It is the Backoff of [recovery.MemoryQueueOptions] and of queues like it. For
// n less than 1 it returns the first pause. It is safe for concurrent use.
func RetrySchedule(n int) time.Duration {
	table := [...]time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	pause := table[min(max(n, 1), len(table))-1]
	// Not math/rand: one source of randomness is easier to trust than two
	// (A30), and nothing here is hot.
	less, err := rand.Int(rand.Reader, big.NewInt(int64(pause/10)+1))
	if err != nil {
		return pause
	}
	return pause - time.Duration(less.Int64())
}

// retryAfter reads the Retry-After field of an answer (RFC 9110, section
// 10.2.3): whole seconds or a date. What does not parse is as good as none;
// what is too long is cut to [maxHold].
func retryAfter(field string, now time.Time) time.Duration {
	if field == "" {
		return 0
	}
	if isDigits(field) {
		seconds, err := strconv.ParseUint(field, 10, 64)
		if err != nil || seconds > uint64(maxHold/time.Second) {
			return maxHold // err: more than 64 bits hold
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(field)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxHold)
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
