package recovery_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// slidingLog is the sliding window as the documentation of Tier and Limit
// words it, on a list of all admitted calls, with no thought for memory. It is
// what the limiters are held against, and shares no code with them.
type slidingLog struct {
	tier  recovery.LimitPolicy
	calls []time.Time
}

// allows reports whether a call may be admitted at now.
func (l *slidingLog) allows(now time.Time) bool {
	for _, limit := range l.tier.Limits {
		n := 0
		for _, c := range slices.Backward(l.calls) {
			if now.Sub(c) >= limit.Window {
				break
			}
			n++
		}
		if n >= limit.N {
			return l.tier.ThenOneEvery > 0 && now.Sub(l.calls[len(l.calls)-1]) >= l.tier.ThenOneEvery
		}
	}
	return true
}

func (l *slidingLog) take(now time.Time) bool {
	if !l.allows(now) {
		return false
	}
	l.calls = append(l.calls, now)
	return true
}

// retryAfter is the shortest wait after which a call is admitted. Only at the
// end of a window, or of the trickle, does anything change.
func (l *slidingLog) retryAfter(now time.Time) time.Duration {
	var at []time.Time
	for _, c := range l.calls {
		for _, limit := range l.tier.Limits {
			at = append(at, c.Add(limit.Window))
		}
		if l.tier.ThenOneEvery > 0 {
			at = append(at, c.Add(l.tier.ThenOneEvery))
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	for _, a := range at {
		if a.After(now) && l.allows(a) {
			return a.Sub(now)
		}
	}
	return 0
}

// mostWithin is the most of the times that lie in any interval of length w.
func mostWithin(times []time.Time, w time.Duration) int {
	most := 0
	for i := range times {
		n := 0
		for j := i; j < len(times) && times[j].Sub(times[i]) < w; j++ {
			n++
		}
		most = max(most, n)
	}
	return most
}

type burst struct {
	at time.Duration
	n  int
}

// traces tell limiters apart, at 25 in 5 seconds: a fixed window and a leaky
// bucket admit up to 49.
var traces = []struct {
	sentence string
	bursts   []burst
	admitted []int // of each burst
}{
	{"A: 25 at the end of one fixed window and 25 at the start of the next",
		[]burst{{4900 * time.Millisecond, 25}, {5100 * time.Millisecond, 25}}, []int{25, 0}},
	{"B: a single call first, which opens a place when it ages",
		[]burst{{0, 1}, {4900 * time.Millisecond, 24}, {5100 * time.Millisecond, 25}}, []int{1, 24, 1}},
	{"C: 100 a second for 12 seconds", steady(10*time.Millisecond, 1200), nil},
	{"D: 25, and 25 when those have left",
		[]burst{{200 * time.Millisecond, 25}, {5900 * time.Millisecond, 25}}, []int{25, 25}},
}

func steady(every time.Duration, n int) []burst {
	all := make([]burst, n)
	for i := range all {
		all[i] = burst{time.Duration(i) * every, 1}
	}
	return all
}

// playTraces runs the traces against whatever start returns, each in a bubble
// of its own.
func playTraces(t *testing.T, start func(t *testing.T) (call func() bool)) {
	for _, trace := range traces {
		t.Run(trace.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call := start(t)
				begin := time.Now()
				var times []time.Time
				var admitted []int
				for _, b := range trace.bursts {
					time.Sleep(time.Until(begin.Add(b.at)))
					n := 0
					for range b.n {
						if call() {
							n++
							times = append(times, time.Now())
						}
					}
					admitted = append(admitted, n)
				}
				if trace.admitted != nil && !slices.Equal(admitted, trace.admitted) {
					t.Errorf("admitted %v, want %v", admitted, trace.admitted)
				}
				if trace.admitted == nil && len(times) != 75 {
					t.Errorf("admitted %d, want 75", len(times))
				}
				if most := mostWithin(times, 5*time.Second); most != 25 {
					t.Errorf("at most %d in 5 s, want 25", most)
				}
			})
		})
	}
}
