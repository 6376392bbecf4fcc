package sqlstore

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A limitLog is the record of a key: the newest calls that were allowed, with
// their times in microseconds since 1970, oldest first.
//
// Its text is the version 1, the time of the first call, and for each further
// call how much later it was, all in base 36. An ID follows its call after a
// colon.
type limitLog struct {
	calls []int64
	ids   []string // as long as calls, or nil while no call has an ID
	reach int64    // how long the last call matters
}

const limitLogVersion = "1"

// callID stands for an ID in a log.
func callID(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func parseLimitLog(text string) (record[recovery.LimitRequest, recovery.Decision], error) {
	l := &limitLog{}
	if text == "" {
		return l, nil
	}
	version, rest, _ := strings.Cut(text, " ")
	if version != limitLogVersion {
		if n, err := strconv.Atoi(version); err == nil && n > 1 {
			return nil, errNewer
		}
		return nil, errUnreadable
	}
	if rest == "" {
		return l, nil
	}
	l.calls = make([]int64, 0, strings.Count(rest, " ")+2)
	var at int64
	for more := true; more; {
		var entry, id string
		entry, rest, more = strings.Cut(rest, " ")
		entry, id, _ = strings.Cut(entry, ":")
		n, err := strconv.ParseInt(entry, 36, 64)
		if err != nil || n < 0 {
			return nil, errUnreadable
		}
		at += n
		if id != "" && l.ids == nil {
			l.ids = make([]string, len(l.calls), cap(l.calls))
		}
		l.calls = append(l.calls, at)
		if l.ids != nil {
			l.ids = append(l.ids, id)
		}
	}
	return l, nil
}

func (l *limitLog) text() (text string, expires int64) {
	b := make([]byte, 0, 16+8*len(l.calls))
	b = append(b, limitLogVersion...)
	var last int64
	for i, at := range l.calls {
		b = strconv.AppendInt(append(b, ' '), at-last, 36)
		if l.ids != nil && l.ids[i] != "" {
			b = append(append(b, ':'), l.ids[i]...)
		}
		last = at
	}
	return string(b), last + l.reach
}

// clockTolerance is by how much the time of a decision may be before that of
// the last call without a clock that was set back: MySQL's time is that of the
// statement's beginning.
const clockTolerance = int64(time.Second / time.Microsecond)

// decide is the rule of the exact sliding window.
func (l *limitLog) decide(r recovery.LimitRequest, now int64) (recovery.Decision, bool) {
	changed := false
	if n := len(l.calls); n > 0 && l.calls[n-1] > now {
		if ahead := l.calls[n-1] - now; ahead <= clockTolerance {
			now = l.calls[n-1]
		} else {
			// The clock was set back. At least no time has passed since the
			// last call, so all calls move with the clock.
			for i := range l.calls {
				l.calls[i] -= ahead
			}
			changed = true
		}
	}
	longest, size := int64(0), 0
	for _, limit := range r.Policy.Limits {
		longest, size = max(longest, micros(limit.Window)), max(size, limit.N)
	}
	every := micros(r.Policy.ThenOneEvery)
	l.reach = max(longest, every)
	l.forget(now - l.reach)
	d, admit := l.judge(r.Policy.Limits, now)
	switch {
	case r.ID != "" && slices.Contains(l.ids, callID(r.ID)):
		d.Allowed, d.RetryAfter = true, 0
		return d, changed
	case admit:
		d.Remaining--
	case every > 0:
		next := l.calls[len(l.calls)-1] + every - now
		if next <= 0 {
			d.Allowed, d.RetryAfter, admit = true, 0, true
		}
		d.RetryAfter = min(d.RetryAfter, duration(max(0, next)))
	}
	if admit {
		l.add(now, r.ID, size)
	}
	return d, changed || admit
}

// judge asks every limit. Remaining does not count the call that is decided.
func (l *limitLog) judge(limits []recovery.Limit, now int64) (d recovery.Decision, allowed bool) {
	d = recovery.Decision{Allowed: true, Remaining: -1}
	for _, limit := range limits {
		window := micros(limit.Window)
		in := len(l.calls) - l.firstAfter(now-window)
		remaining, reset := max(0, limit.N-in), window
		if in > 0 {
			reset = l.calls[len(l.calls)-in] + window - now
		}
		if remaining == 0 {
			// The N-th newest call must leave. The oldest, which resets the
			// window, is another one where an exception let more in.
			free := duration(l.calls[len(l.calls)-limit.N] + window - now)
			if d.Allowed || free > d.RetryAfter {
				d.Limit, d.Reset, d.RetryAfter = limit, duration(reset), free
			}
			d.Allowed, d.Remaining = false, 0
		} else if d.Allowed && (d.Remaining < 0 || remaining < d.Remaining || remaining == d.Remaining && duration(reset) > d.Reset) {
			d.Limit, d.Remaining, d.Reset = limit, remaining, duration(reset)
		}
	}
	return d, d.Allowed
}

// firstAfter returns the index of the first call after the instant.
func (l *limitLog) firstAfter(instant int64) int {
	i, _ := slices.BinarySearch(l.calls, instant+1)
	return i
}

// forget removes the calls up to an instant, which nothing reaches any more.
func (l *limitLog) forget(instant int64) {
	old := l.firstAfter(instant)
	l.calls = l.calls[old:]
	if l.ids != nil {
		l.ids = l.ids[old:]
	}
}

// add appends a call, and keeps the newest size ones: with these, the N-th
// newest call of every limit is known.
func (l *limitLog) add(at int64, id string, size int) {
	if id != "" && l.ids == nil {
		l.ids = make([]string, len(l.calls), len(l.calls)+1)
	}
	if old := len(l.calls) - size + 1; old > 0 {
		l.calls = l.calls[old:]
		if l.ids != nil {
			l.ids = l.ids[old:]
		}
	}
	l.calls = append(l.calls, at)
	if l.ids != nil {
		if id != "" {
			id = callID(id)
		}
		l.ids = append(l.ids, id)
	}
}

// micros rounds up, so that a window is never shorter than it says.
func micros(d time.Duration) int64 {
	return int64((d + time.Microsecond - 1) / time.Microsecond)
}

func duration(micros int64) time.Duration { return time.Duration(micros) * time.Microsecond }
