package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

// shown returns the lines of a log above level debug, without events, and without
// the line of the start about a memory queue.
func shown(log string) (lines []string) {
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "level=DEBUG") && !strings.Contains(line, "msg=recovery event") && !strings.Contains(line, "mails that wait are in memory") {
			lines = append(lines, line)
		}
	}
	return lines
}

// While something that the Service needs is down, every request is answered with
// 503 and the log gets a line now and then, with a count. When it works again,
// the log says so.
func TestOutagesDoNotFillTheLog(t *testing.T) {
	forgot, reset := "/forgot-password", "/reset-password"
	for _, test := range []struct {
		sentence string
		path     string
		begin    string // a part of the first line
	}{
		{"the limiter", forgot, `msg="recovery: Limiter fails, and requests that need it are answered with 503 until it works again"`},
		{"the queue", forgot, `msg="recovery: Queue fails, and requests that need it are answered with 503`},
		{"the token store", reset, `msg="recovery: TokenStore fails, and requests that need it are answered with 503`},
		{"the hasher", reset, `msg="recovery: Hasher fails, and requests that need it are answered with 503`},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var down atomic.Bool
				failing := func(what string) error {
					if down.Load() && what == test.sentence {
						return errors.New("connection refused")
					}
					return nil
				}
				p := newPortal(t, func(p *portal, o *recovery.Options) {
					p.tokens = downTokens{p.tokens, failing}
					o.Limiter = downLimiter{o.Limiter, failing}
					o.Queue = downQueue{o.Queue.(recovery.WorkerQueue), failing}
					o.Passwords.Hasher = downHasher{failing}
				})
				h := p.Handler()
				proof := token(t, p.forgot(t, byMail(johnMail)))
				ask := func() int {
					if test.path == forgot {
						return post(h, forgot, `{"email":"johnwick@example.com"}`).Code
					}
					return post(h, reset, fmt.Sprintf(`{"token":%q,"password":%q}`, proof, goodPassword)).Code
				}
				down.Store(true)
				for range 1000 { // for 200 s
					if code := ask(); code != 503 {
						t.Fatalf("answered %d", code)
					}
					time.Sleep(200 * time.Millisecond)
				}
				down.Store(false)
				time.Sleep(10 * time.Second)
				if code := ask(); code >= 300 {
					t.Fatalf("answered %d when it worked again", code)
				}
				settle()
				lines := shown(p.log.String())
				if len(lines) != 3 || !strings.Contains(lines[0], test.begin) || !strings.Contains(lines[0], "connection refused") ||
					!strings.Contains(lines[1], "failures=") ||
					!strings.Contains(lines[2], "works again") || !strings.Contains(lines[2], "failures=1000") {
					t.Errorf("logged %d lines:\n%s", len(lines), strings.Join(lines, ""))
				}
			})
		})
	}
}

// While mail is down, the log tells the cause once, whatever the queue, and not
// for each attempt.
func TestMailOutageDoesNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
				if down.Load() {
					return errors.New("connection refused for " + m.To)
				}
				return nil
			})
		})
		down.Store(true)
		for range 100 {
			post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
			time.Sleep(time.Second)
		}
		time.Sleep(80 * time.Second)
		down.Store(false)
		time.Sleep(10 * time.Minute)
		lines := shown(p.log.String())
		if len(lines) != 3 || !strings.Contains(lines[0], "Notifier fails. It is tried again") || !strings.Contains(lines[0], "connection refused") ||
			strings.Contains(p.log.String(), johnMail) || !strings.Contains(lines[2], "works again") {
			t.Errorf("logged %d lines:\n%s", len(lines), strings.Join(lines, ""))
		}
	})
}

type downTokens struct {
	recovery.TokenStore
	failing func(string) error
}

func (s downTokens) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	if err := s.failing("the token store"); err != nil {
		return recovery.TokenRecord{}, err
	}
	return s.TokenStore.Peek(ctx, refs...)
}

type downLimiter struct {
	recovery.Limiter
	failing func(string) error
}

func (l downLimiter) Allow(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error) {
	if err := l.failing("the limiter"); err != nil {
		return nil, err
	}
	return l.Limiter.Allow(ctx, requests...)
}

type downQueue struct {
	recovery.WorkerQueue
	failing func(string) error
}

func (q downQueue) Enqueue(ctx context.Context, job recovery.Job) error {
	if err := q.failing("the queue"); err != nil {
		return err
	}
	return q.WorkerQueue.Enqueue(ctx, job)
}

type downHasher struct{ failing func(string) error }

func (h downHasher) Hash(_ context.Context, pw string) (string, error) {
	return "hash of " + pw, h.failing("the hasher")
}

func (downHasher) Verify(context.Context, password.Attempt) (password.Result, error) {
	return password.Result{}, nil
}

// The Retry-After of a 503 grows with the line of those who wait for a hash.
func TestRetryAfterGrowsWithTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wait time.Duration
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.Passwords.Hasher = downHasher{func(string) error {
				if wait == 0 {
					return password.ErrBusy // of a hasher that does not say
				}
				return &password.BusyError{RetryAfter: wait}
			}}
		})
		proof := token(t, p.forgot(t, byMail(johnMail)))
		for _, test := range []struct {
			wait time.Duration
			want string
		}{{0, "5"}, {time.Second, "1"}, {10*time.Second + 1, "11"}, {2 * time.Minute, "120"}} {
			wait = test.wait
			w := post(p.Handler(), "/reset-password", fmt.Sprintf(`{"token":%q,"password":%q}`, proof, goodPassword))
			if got := w.Header().Get("Retry-After"); w.Code != 503 || got != test.want {
				t.Errorf("%v: %d with Retry-After %q, want %q", test.wait, w.Code, got, test.want)
			}
		}
	})
}
