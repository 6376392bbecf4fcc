package webhook

import (
	"crypto/rand"
	"math/big"
	"net/http"
	"strconv"
	"time"
)

// Lifetime is how long a delivery is tried. It covers all of [RetrySchedule],
// the time that the attempts take, and a little for a queue that polls.
const Lifetime = 76 * time.Hour

// maxHold is the longest pause that an endpoint may ask for. During a longer
// one, too many attempts of the schedule would be lost.
const maxHold = time.Hour

// RetrySchedule returns the pause after the n-th attempt, which failed. The
// pauses are those of Standard Webhooks: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14
// h, 20 h and 24 h, which makes ten attempts in 75 h 35 min 5 s. Each pause is
// shortened at random by up to a tenth, so that deliveries which failed
// together are not tried again together. After the tenth attempt the pause is
// 24 h, which is longer than the rest of any delivery's [Lifetime].
//
// It is meant for Backoff of [recovery.MemoryQueueOptions] and of similar
// queues. For n less than 1 it returns the first pause. It is safe for
// concurrent use.
func RetrySchedule(n int) time.Duration {
	table := [...]time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	pause := table[min(max(n, 1), len(table))-1]
	// This is not math/rand, because one source of randomness is easier to
	// trust than two (A30), and speed does not matter here.
	less, err := rand.Int(rand.Reader, big.NewInt(int64(pause/10)+1))
	if err != nil {
		return pause
	}
	return pause - time.Duration(less.Int64())
}

// retryAfter returns the pause that the Retry-After field of an answer asks for
// (RFC 9110, section 10.2.3). The field holds whole seconds or a date. The
// pause is 0 if the field does not parse, and [maxHold] if it asks for longer.
func retryAfter(field string, now time.Time) time.Duration {
	if field == "" {
		return 0
	}
	if isDigits(field) {
		seconds, err := strconv.ParseUint(field, 10, 64)
		if err != nil || seconds > uint64(maxHold/time.Second) {
			return maxHold // an error means that 64 bits cannot hold the number
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
