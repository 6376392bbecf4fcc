package durablequeue_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/durablequeue"
)

// A storage is what a clock asks.
type storage struct {
	mu    sync.Mutex
	ahead time.Duration // of this machine
	err   error
	takes time.Duration
	asked int
	log   bytes.Buffer
}

func (s *storage) clock() *durablequeue.Clock {
	return durablequeue.NewClock(durablequeue.ClockOptions{
		Package: "queue", Storage: "Storage",
		Ask: func() (time.Time, error) {
			time.Sleep(s.takes / 2)
			s.mu.Lock()
			now, err := time.Now().Add(s.ahead), s.err
			s.asked++
			s.mu.Unlock()
			time.Sleep(s.takes / 2)
			return now, err
		},
		Background: func(f func()) bool { go f(); return true }, Timeout: 5 * time.Second,
		Logger:  slog.New(slog.NewTextHandler(&s.log, nil)),
		Outages: durablequeue.NewOutages("queue: works again"),
	})
}

// A difference between two clocks is told. It is made up for if it is more than 30
// seconds, and no more than MaxClockSkew (A31).
func TestClockSkew(t *testing.T) {
	for _, tt := range []struct {
		ahead, want time.Duration
		told        string
	}{
		{0, 0, ""},
		{29 * time.Second, 0, ""},
		{-29 * time.Second, 0, ""},
		{time.Hour, time.Hour, "level=WARN ahead=-1h0m0s"},
		{-time.Hour, -time.Hour, "level=WARN ahead=1h0m0s"},
		{recovery.MaxClockSkew + time.Second, 0, "level=ERROR ahead=-1h30m1s"},
		{-20 * 365 * 24 * time.Hour, 0, "level=ERROR ahead=175200h0m0s"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &storage{ahead: tt.ahead, takes: 500 * time.Millisecond}
			c := s.clock()
			for range 3 {
				if got := c.Skew(t.Context()); got != tt.want {
					t.Errorf("%v ahead: skew %v, want %v", tt.ahead, got, tt.want)
				}
			}
			synctest.Wait()
			for part := range strings.FieldsSeq(tt.told) {
				if strings.Count(s.log.String(), part) != 1 {
					t.Errorf("%v ahead: the log has not %q once: %s", tt.ahead, part, s.log.String())
				}
			}
			if tt.told == "" && s.log.Len() > 0 {
				t.Errorf("%v ahead: the log has %s", tt.ahead, s.log.String())
			}
		})
	}
}

// The storage is asked seldom. A clock that is set right is noticed, and told. A
// storage that does not answer delays only those who ask first.
func TestClockIsMeasuredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &storage{ahead: time.Hour, err: errors.New("down"), takes: time.Second}
		c := s.clock()
		began := time.Now()
		if got := c.Skew(t.Context()); got != 0 || time.Since(began) != time.Second {
			t.Errorf("the storage is down: %v after %v", got, time.Since(began))
		}
		s.mu.Lock()
		s.err = nil
		s.mu.Unlock()
		time.Sleep(time.Second)
		if got := c.Skew(t.Context()); got != time.Hour {
			t.Errorf("it is up again: %v", got)
		}
		for range 1000 {
			_ = c.Skew(t.Context())
			time.Sleep(600 * time.Millisecond)
		}
		if s.asked < 9 || s.asked > 12 {
			t.Errorf("asked %d times in ten minutes", s.asked)
		}
		s.mu.Lock()
		s.ahead = 0
		s.mu.Unlock()
		for range 3 {
			_ = c.Skew(t.Context())
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		if got := c.Skew(t.Context()); got != 0 || !strings.Contains(s.log.String(), "queue: works again") {
			t.Errorf("the clock was set right: %v, and the log has %s", got, s.log.String())
		}
		time.Sleep(time.Minute) // until a question is answered
	})
	t.Run("nobody waits for long", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := (&storage{ahead: time.Hour, takes: time.Minute}).clock()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			for _, tt := range []struct {
				ctx  context.Context
				want time.Duration
			}{{ctx, time.Second}, {t.Context(), 5 * time.Second}} {
				began := time.Now()
				if got := c.Skew(tt.ctx); got != 0 || time.Since(began) != tt.want {
					t.Errorf("%v after %v", got, time.Since(began))
				}
			}
			time.Sleep(time.Minute)
		})
	})
	t.Run("nor while Start keeps a question from beginning", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			started := make(chan struct{})
			c := durablequeue.NewClock(durablequeue.ClockOptions{Background: func(func()) bool { <-started; return false }, Timeout: 5 * time.Second})
			go c.Skew(t.Context())
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if began := time.Now(); c.Skew(ctx) != 0 || time.Since(began) != time.Second {
				t.Errorf("waited for %v", time.Since(began))
			}
			close(started)
		})
	})
	t.Run("after Shutdown", func(t *testing.T) {
		c := durablequeue.NewClock(durablequeue.ClockOptions{Background: func(func()) bool { return false }})
		if got := c.Skew(t.Context()); got != 0 {
			t.Errorf("%v", got)
		}
	})
}

// The times of a job come back as they were, for a machine with the same clock.
func TestTimesAreThoseOfTheStorage(t *testing.T) {
	job := recovery.Job{ID: "id", NotAfter: time.Unix(1_900_000_000, 0), Payload: []byte("x")}
	stored := durablequeue.Stored(job, time.Hour)
	if got := stored.NotAfter.Sub(job.NotAfter); got != time.Hour || !stored.NotBefore.IsZero() {
		t.Errorf("stored: %v, %v", got, stored.NotBefore)
	}
	job.NotBefore = time.Unix(1_800_000_000, 0)
	if got := durablequeue.GivenOut(durablequeue.Stored(job, -time.Hour), -time.Hour); !got.NotBefore.Equal(job.NotBefore) || !got.NotAfter.Equal(job.NotAfter) {
		t.Errorf("given out: %v", got)
	}
	if got := durablequeue.Stored(recovery.Job{}, time.Hour); !got.NotAfter.IsZero() {
		t.Errorf("a job without an end gets one: %v", got.NotAfter)
	}
}
