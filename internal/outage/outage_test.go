package outage_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery/internal/outage"
)

// lines collects what was logged, with the seconds since it was made.
type lines struct {
	log   *slog.Logger
	began time.Time
	mu    sync.Mutex
	all   []string
}

func newLines() *lines {
	l := &lines{began: time.Now()}
	l.log = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "since" {
			return slog.Attr{}
		}
		return a
	}}))
	return l
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf("%v %s", time.Since(l.began), bytes.TrimSpace(b)))
	return len(b), nil
}

func (l *lines) want(t *testing.T, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if got := strings.Join(l.all, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("logged\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// An outage of an hour, with ten failures a second, takes four lines and a last
// one.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, o := newLines(), outage.New("works again")
		for range 36_000 {
			o.Failed(t.Context(), l.log, slog.LevelError, "store", "does not answer", "error", "EOF")
			time.Sleep(100 * time.Millisecond)
		}
		o.Works(t.Context(), "store")         // one in between
		o.Works(t.Context(), "another cause") // and what does not fail
		time.Sleep(10 * time.Second)
		o.Works(t.Context(), "store")
		o.Works(t.Context(), "store")
		l.want(t,
			`0s level=ERROR msg="does not answer" error=EOF`,
			`1m0s level=ERROR msg="does not answer" error=EOF failures=601`,
			`5m0s level=ERROR msg="does not answer" error=EOF failures=3001`,
			`21m0s level=ERROR msg="does not answer" error=EOF failures=12601`,
			`1h0m10s level=INFO msg="works again" what=store failures=36000 lasted=59m59.9s`,
		)
	})
}

// What fails now and then is one outage, and not one for each failure.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, o := newLines(), outage.New("works again")
		for range 20 {
			o.Failed(t.Context(), l.log, slog.LevelWarn, "store", "no")
			time.Sleep(250 * time.Millisecond)
			o.Works(t.Context(), "store")
			time.Sleep(250 * time.Millisecond)
		}
		l.want(t, `0s level=WARN msg=no`)
		// The next outage is told of again.
		time.Sleep(time.Minute)
		o.Works(t.Context(), "store")
		o.Failed(t.Context(), l.log, slog.LevelWarn, "store", "no")
		l.want(t, `0s level=WARN msg=no`, `1m10s level=INFO msg="works again" what=store failures=20 lasted=9.5s`, `1m10s level=WARN msg=no`)
	})
}

// Causes do not mix, and neither do goroutines.
func TestCauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, o := newLines(), outage.New("works again")
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for range 100 {
					o.Failed(t.Context(), l.log, slog.LevelError, fmt.Sprint(i%2), "no")
				}
			})
		}
		wg.Wait()
		if n := len(l.all); n != 2 {
			t.Errorf("%d lines for two causes, want 2:\n%s", n, strings.Join(l.all, "\n"))
		}
		for i := range 1000 {
			o.Failed(t.Context(), l.log, slog.LevelError, fmt.Sprint("data", i), "no")
		}
		if n := len(l.all); n != 256 {
			t.Errorf("%d lines for more causes than it keeps, want 256", n)
		}
	})
}

func BenchmarkWorksWithoutOutage(b *testing.B) {
	o := outage.New("works again")
	for b.Loop() {
		o.Works(b.Context(), "store")
	}
}
