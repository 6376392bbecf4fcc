package servertest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// These tests run in a bubble of synctest, with a relay in memory. Time passes
// only while all goroutines wait. The bubble fails if a goroutine is left at
// its end.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func notify(t testing.TB, n *smtpnotifier.Notifier, times int) {
	t.Helper()
	for range times {
		if err := n.Notify(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
	}
}

// connections fails the test unless the relay has had that many connections, of
// which open are still open.
func connections(t testing.TB, r *relay, all, open int) {
	t.Helper()
	if gotAll, gotOpen := r.counts(); gotAll != all || gotOpen != open {
		t.Errorf("%d connections, %d of them open; want %d and %d", gotAll, gotOpen, all, open)
	}
}

func TestReuse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := new(relay).startPiped(t)
		opts := piped(r)
		opts.MessagesPerConnection, opts.IdleTimeout = 3, 10*time.Second
		n := newNotifier(t, words(plain), opts)
		notify(t, n, 2)
		synctest.Wait()
		connections(t, r, 1, 1)
		notify(t, n, 1) // this is the third and last message on this connection
		synctest.Wait()
		connections(t, r, 1, 0)
		notify(t, n, 1)
		time.Sleep(9 * time.Second)
		notify(t, n, 1)
		time.Sleep(9 * time.Second)
		synctest.Wait()
		connections(t, r, 2, 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		connections(t, r, 2, 0) // the first connection was idle for too long
		if got := strings.Count(r.bytes(), "QUIT\r\n"); got != 2 {
			t.Errorf("said goodbye %d times, want 2", got)
		}
		if got := strings.Count(r.bytes(), "EHLO "); got != 2 {
			t.Errorf("said hello %d times, want 2", got)
		}
	})
}

// A connection that has sent QUIT counts until it is closed.
func TestSlowGoodbye(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &dialer{dial: inMemory(t, func(p *peer) {
			p.serve(map[string]func() bool{"QUIT": func() bool { p.waitForClose(); return false }})
		})}
		opts := options("192.0.2.1:25")
		opts.MaxConnections, opts.IdleTimeout, opts.Server.Dial = 1, time.Second, d.Dial
		n := newNotifier(t, words(plain), opts)
		notify(t, n, 1)
		time.Sleep(1500 * time.Millisecond) // the first connection sent QUIT half a second ago
		began := time.Now()
		notify(t, n, 1)
		if took := time.Since(began); took != 1500*time.Millisecond || d.all.Load() != 2 || d.most.Load() != 1 {
			t.Errorf("%d connections at once, and waited %v", d.most.Load(), took)
		}
	})
}

func TestNoReuse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := new(relay).startPiped(t)
		opts := piped(r)
		opts.MessagesPerConnection = 1
		n := newNotifier(t, words(plain), opts)
		notify(t, n, 3)
		synctest.Wait()
		connections(t, r, 3, 0)
	})
}

// After a refused message, the connection carries the next one, which has
// nothing of the refused one.
func TestReuseAfterRefusal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := new(relay)
		r.rcpt = func(to string) error {
			if strings.HasPrefix(to, "nobody@") {
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "unknown"}
			}
			return nil
		}
		r.startPiped(t)
		n := newNotifier(t, words(plain), piped(r))
		for range 3 {
			m := message()
			m.To = "nobody@example.com"
			if err := n.Notify(t.Context(), m); err == nil {
				t.Fatal("no error")
			}
			notify(t, n, 1)
		}
		connections(t, r, 1, 1)
		for _, m := range r.taken() {
			if !slices.Equal(m.to, []string{message().To}) {
				t.Errorf("a mail to %q", m.to)
			}
		}
	})
}

// After a refusal, a connection is used again only if the server accepts RSET.
func TestNoReuseAfterRefusal(t *testing.T) {
	for _, test := range []struct{ sentence, rcpt, rset string }{
		{"the server says goodbye, and stays", "421 4.3.2 going down\r\n", "250 ok\r\n"},
		{"the server does not know RSET", "450 4.2.0 later\r\n", "502 5.5.1 what\r\n"},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var calls atomic.Int64
				opts := options("192.0.2.1:25")
				opts.Server.Dial = inMemory(t, func(p *peer) {
					first := calls.Add(1) == 1
					p.serve(map[string]func() bool{
						"RCPT": func() bool {
							if first {
								first = false
								p.write(test.rcpt)
							} else {
								p.write(answers["RCPT"])
							}
							return true
						},
						"RSET": func() bool { p.write(test.rset); return true },
					})
				})
				n := newNotifier(t, words(plain), opts)
				if err := n.Notify(t.Context(), message()); err == nil {
					t.Fatal("no error")
				}
				notify(t, n, 1)
				if calls.Load() != 2 {
					t.Errorf("%d connections, want 2", calls.Load())
				}
			})
		})
	}
}

// If a connection died while it was idle, the message goes over a new
// connection in the same attempt.
func TestDeadConnections(t *testing.T) {
	tests := []struct {
		sentence string
		// second plays the server on the first connection, after the first
		// message.
		second func(p *peer)
		after  time.Duration // how long the second message takes
	}{
		{"the server hung up", func(p *peer) {}, 0},
		{"the server hangs up at the next command", func(p *peer) { p.readLine() }, 0},
		{"the server says goodbye at the next command", func(p *peer) { p.readLine(); p.write("421 4.4.2 too late\r\n") }, 0},
		{"the server has said goodbye", func(p *peer) { go p.write("421 4.4.2 too late\r\n"); p.readLine() }, 0},
		{"the server hangs up at the recipient", func(p *peer) { p.readLine(); p.write("250 ok\r\n"); p.readLine() }, 0},
		{"the server hangs up at DATA", func(p *peer) { p.readLine(); p.write("250 ok\r\n"); p.readLine(); p.write("250 ok\r\n"); p.readLine() }, 0},
		{"a firewall has forgotten the connection", func(p *peer) { p.waitForClose() }, 5 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var calls atomic.Int64
				dial := inMemory(t, func(p *peer) {
					if calls.Add(1) > 1 {
						p.serve(nil)
						return
					}
					p.serve(map[string]func() bool{".": func() bool {
						p.write(answers["."])
						test.second(p)
						return false
					}})
				})
				opts := options("192.0.2.1:25")
				opts.Server.Dial = dial
				n := newNotifier(t, words(plain), opts)
				notify(t, n, 1)
				synctest.Wait()
				began := time.Now()
				notify(t, n, 1)
				if took := time.Since(began); took != test.after || calls.Load() != 2 {
					t.Errorf("%d connections, %v", calls.Load(), took)
				}
			})
		})
	}
}

// inMemory is scripted with connections in memory in place of a port.
func inMemory(t testing.TB, play func(p *peer)) func(ctx context.Context, network, address string) (net.Conn, error) {
	l := newPipes()
	playOn(t, l, play)
	return l.dial
}

// Once the server may have received a part of a message, only the queue sends
// it again. If a new connection fails, Notify does not open another.
func TestNoSecondTry(t *testing.T) {
	tests := []struct {
		sentence string
		first    func(p *peer) bool // plays the second message on the first connection
		stage    smtpnotifier.Stage
		calls    int64
	}{
		{"the server hangs up after the message", func(p *peer) bool {
			p.readLine()
			p.write("250 ok\r\n")
			p.readLine()
			p.write("250 ok\r\n")
			p.readLine()
			p.write("354 go on\r\n")
			p.readData()
			return false
		}, smtpnotifier.StageData, 1},
		{"the server hangs up within the message", func(p *peer) bool {
			p.readLine()
			p.write("250 ok\r\n")
			p.readLine()
			p.write("250 ok\r\n")
			p.readLine()
			p.write("354 go on\r\n")
			_, _ = p.Read(make([]byte, 100)) // and what follows is never read
			return false
		}, smtpnotifier.StageData, 1},
		{"the server says goodbye after the message", func(p *peer) bool {
			p.readLine()
			p.write("250 ok\r\n")
			p.readLine()
			p.write("250 ok\r\n")
			p.readLine()
			p.write("354 go on\r\n")
			p.readData()
			p.write("421 4.3.2 going down\r\n")
			return false
		}, smtpnotifier.StageData, 1},
		{"the server refuses the recipient", func(p *peer) bool {
			p.readLine()
			p.write("250 ok\r\n")
			p.readLine()
			p.write("450 4.2.0 later\r\n")
			p.serve(map[string]func() bool{"": func() bool { return true }})
			return false
		}, smtpnotifier.StageRecipient, 1},
		{"the server hangs, and the time for one message has passed", func(p *peer) bool {
			p.readLine()
			p.write("250 ok\r\n")
			p.waitForClose()
			return false
		}, smtpnotifier.StageRecipient, 1},
		{"the fresh connection fails as well", func(p *peer) bool { return false }, smtpnotifier.StageConnect, 2},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var calls atomic.Int64
				opts := options("192.0.2.1:25")
				opts.Server.Dial = inMemory(t, func(p *peer) {
					if calls.Add(1) > 1 {
						return
					}
					p.serve(map[string]func() bool{".": func() bool { p.write(answers["."]); return test.first(p) }})
				})
				n := newNotifier(t, words(plain), opts)
				notify(t, n, 1)
				err := n.Notify(t.Context(), message())
				e, ok := errors.AsType[*smtpnotifier.Error](err)
				if !ok || e.Stage != test.stage || e.Permanent || calls.Load() != test.calls {
					t.Errorf("%v after %d connections", err, calls.Load())
				}
			})
		})
	}
}

// The timeouts in Options end a delivery before its context ends.
func TestTimeouts(t *testing.T) {
	for _, stage := range stages {
		t.Run("at "+stage, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				opts := options("192.0.2.1:25")
				opts.ConnectTimeout, opts.SendTimeout = 7*time.Second, 11*time.Second
				opts.Server.Dial = inMemory(t, func(p *peer) {
					p.serve(map[string]func() bool{stage: func() bool {
						for { // sends one byte at a time
							if _, err := io.WriteString(p.Conn, "2"); err != nil {
								return false
							}
							time.Sleep(time.Second)
						}
					}})
				})
				n := newNotifier(t, words(plain), opts)
				began := time.Now()
				err := n.Notify(context.Background(), message())
				want, name := opts.SendTimeout, "SendTimeout"
				if stage == "" || stage == "EHLO" {
					want, name = opts.ConnectTimeout, "ConnectTimeout"
				}
				if stage == "." {
					want, name = 5*time.Minute, "answer"
				}
				ne, ok := errors.AsType[net.Error](err)
				if !ok || !ne.Timeout() || !strings.Contains(err.Error(), name) || time.Since(began) != want {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		})
	}
	t.Run("while dialling", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			opts := options("192.0.2.1:25")
			opts.Server.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			began := time.Now()
			err := newNotifier(t, words(plain), opts).Notify(context.Background(), message())
			if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() || time.Since(began) != 15*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		})
	})
}

// A59: if all connections are busy, Notify waits, and at most for three quarters
// of its context's time. It does not begin what it could not end.
func TestBusy_A59(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := new(relay)
		release := make(chan struct{})
		r.rcpt = func(string) error { <-release; return nil }
		r.startPiped(t)
		opts := piped(r)
		opts.MaxConnections = 2
		n := newNotifier(t, words(plain), opts)
		done := make(chan error, 3)
		for range 3 {
			go func() { done <- n.Notify(context.Background(), message()) }()
		}
		synctest.Wait()
		connections(t, r, 2, 2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := n.Notify(ctx, message()); err == nil || errors.Is(err, recovery.ErrPermanent) || time.Since(began) != 750*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(release)
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		connections(t, r, 2, 2)
	})
}

func TestClose(t *testing.T) {
	t.Run("idle connections end with a goodbye, and nothing is sent any more", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := new(relay).startPiped(t)
			n := newNotifier(t, words(plain), piped(r))
			notify(t, n, 1)
			for range 2 {
				if err := n.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			}
			synctest.Wait()
			connections(t, r, 1, 0)
			if !strings.HasSuffix(r.bytes(), "QUIT\r\n") {
				t.Error("no goodbye")
			}
			if err := n.Notify(t.Context(), message()); !errors.Is(err, smtpnotifier.ErrShutdown) {
				t.Errorf("%v", err)
			}
		})
	})
	t.Run("it waits for what is under way", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := new(relay)
			r.rcpt = func(string) error { time.Sleep(3 * time.Second); return nil }
			r.startPiped(t)
			n := newNotifier(t, words(plain), piped(r))
			done := make(chan error, 1)
			go func() { done <- n.Notify(context.Background(), message()) }()
			synctest.Wait()
			began := time.Now()
			if err := n.Shutdown(t.Context()); err != nil || time.Since(began) != 3*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			synctest.Wait()
			connections(t, r, 1, 0)
		})
	})
	t.Run("but no longer than its context, and then cuts it short", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			opts := options("192.0.2.1:25")
			opts.Server.Dial = inMemory(t, func(p *peer) {
				p.serve(map[string]func() bool{"RCPT": func() bool { p.waitForClose(); return false }})
			})
			n, err := smtpnotifier.New(words(plain), opts)
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- n.Notify(context.Background(), message()) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			began := time.Now()
			if err := n.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 2*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			if err := <-done; !errors.Is(err, smtpnotifier.ErrShutdown) || time.Since(began) != 2*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			if err := n.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("a server that does not answer the goodbye holds nobody up", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			opts := options("192.0.2.1:25")
			opts.Server.Dial = inMemory(t, func(p *peer) {
				p.serve(map[string]func() bool{"QUIT": func() bool { p.waitForClose(); return false }})
			})
			n := newNotifier(t, words(plain), opts)
			notify(t, n, 1)
			began := time.Now()
			if err := n.Shutdown(context.Background()); err != nil || time.Since(began) != 2*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		})
	})
	t.Run("before anything", func(t *testing.T) {
		n, err := smtpnotifier.New(words(plain), options("192.0.2.1:25"))
		if err := errors.Join(err, n.Shutdown(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

// Many messages are sent at once over connections that die, while the notifier
// is shut down. Every message is delivered or fails. Nothing hangs, and no
// goroutine or connection is left.
func TestUnrest(t *testing.T) {
	r := new(relay).start(t)
	d := &dialer{dial: new(net.Dialer).DialContext}
	opts := options(r.addr)
	opts.MaxConnections, opts.MessagesPerConnection = 4, 5
	opts.Server.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.Dial(ctx, network, address)
		if err == nil && d.all.Load()%3 == 0 {
			time.AfterFunc(5*time.Millisecond, func() { _ = c.(*countedConn).Conn.Close() })
		}
		return c, err
	}
	n, err := smtpnotifier.New(words(plain), opts)
	if err != nil {
		t.Fatal(err)
	}
	results := make(chan error)
	for i := range 200 {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%50+1)*time.Millisecond*4)
			defer cancel()
			m := message()
			m.ID = fmt.Sprint(i)
			results <- n.Notify(ctx, m)
		}()
	}
	delivered, patience := 0, testenv.Patience(10*time.Second)
	for i := range 200 {
		if i == 150 {
			if err := n.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
		select {
		case err := <-results:
			if err == nil {
				delivered++
			}
		case <-time.After(patience):
			t.Fatal("stuck")
		}
	}
	if got := len(r.taken()); got < delivered {
		t.Errorf("%d were delivered, the relay took %d", delivered, got)
	}
	if d.most.Load() > 4 || d.open.Load() != 0 {
		t.Errorf("%d connections at once, and %d are left", d.most.Load(), d.open.Load())
	}
}

// A dialer counts connections on the notifier's side, because a server notices
// their end late.
type dialer struct {
	dial            func(ctx context.Context, network, address string) (net.Conn, error)
	all, open, most atomic.Int64
}

func (d *dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.all.Add(1)
	for now, was := d.open.Add(1), d.most.Load(); now > was && !d.most.CompareAndSwap(was, now); was = d.most.Load() {
	}
	return &countedConn{Conn: c, open: &d.open}, nil
}

// A countedConn is open until its owner closes it.
type countedConn struct {
	net.Conn
	open *atomic.Int64
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}
