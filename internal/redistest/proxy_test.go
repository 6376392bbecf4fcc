package redistest_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// once changes a client's options so that it neither repeats commands nor waits
// long.
func once(o *redis.Options) {
	o.MaxRetries = -1
	o.ReadTimeout = testenv.Patience(500 * time.Millisecond)
	o.DialerRetries = 1
	o.PoolSize = 1
}

func TestProxyFaults(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	direct := s.Client(t)
	incr := []string{"INCR"}

	tests := []struct {
		name  string
		d     redistest.Direction
		fault redistest.Fault
		ran   bool // whether the server has run the command
		check func(error) bool
	}{
		{"silence of a reply", redistest.Replies, redistest.Fault{Mode: redistest.Swallow}, true, timedOut},
		{"silence of a request", redistest.Requests, redistest.Fault{Mode: redistest.Swallow}, false, timedOut},
		{"silence inside a reply", redistest.Replies, redistest.Fault{Mode: redistest.Swallow, After: 2}, true, timedOut},
		{"EOF for a reply", redistest.Replies, redistest.Fault{Mode: redistest.Cut}, true, is(io.EOF)},
		{"EOF for a request", redistest.Requests, redistest.Fault{Mode: redistest.Cut}, false, is(io.EOF)},
		{"EOF inside a reply", redistest.Replies, redistest.Fault{Mode: redistest.Cut, After: 2}, true, is(io.EOF)},
		{"EOF inside a request", redistest.Requests, redistest.Fault{Mode: redistest.Cut, After: 9}, false, is(io.EOF)},
		{"reset for a reply", redistest.Replies, redistest.Fault{Mode: redistest.Reset}, true, reset},
		{"reset for a request", redistest.Requests, redistest.Fault{Mode: redistest.Reset}, false, reset},
		{"a late reply", redistest.Replies, redistest.Fault{Delay: time.Minute}, true, timedOut},
		{"a late request", redistest.Requests, redistest.Fault{Delay: time.Minute}, false, timedOut},
		{"a stalled reply", redistest.Replies, redistest.Fault{Mode: redistest.Stall}, true, timedOut},
		{"a stalled request", redistest.Requests, redistest.Fault{Mode: redistest.Stall}, false, timedOut},
		{"a dropped reply", redistest.Replies, redistest.Fault{Mode: redistest.Drop}, true, timedOut},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			key := t.Name()
			p := s.Proxy(t)
			c := p.Client(t, once)
			tt.fault.Commands = incr
			tt.fault.Times = 1
			p.Set(tt.d, tt.fault)
			must(t, c.Ping(ctx).Err()) // not the command that is struck
			if err := c.Incr(ctx, key).Err(); !tt.check(err) {
				t.Errorf("INCR: %v", err)
			}
			want := int64(0)
			if tt.ran {
				want = 1
			}
			if n, err := direct.Get(ctx, key).Int64(); n != want {
				t.Errorf("the server has run it %d times (%v), want %d", n, err, want)
			}
			if n := p.Struck(tt.d); n != 1 {
				t.Errorf("struck %d times, want 1", n)
			}
			// It struck once: the next goes through, on a new connection. What
			// was held before may come through too once it is let go.
			if n, err := c.Incr(ctx, key+"2").Result(); err != nil || n != 1 {
				if tt.fault.Mode != redistest.Stall {
					t.Errorf("INCR afterwards = %d, %v", n, err)
				}
			}
			p.Clear()
			if err := c.Incr(ctx, key+"3").Err(); err != nil {
				t.Errorf("INCR after Clear: %v", err)
			}
		})
	}
}

func timedOut(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// reset accepts EOF as a reset: see TestProxyReset.
func reset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
}

func is(want error) func(error) bool {
	return func(err error) bool { return errors.Is(err, want) }
}

// A default client repeats a command to which it got no reply. This is the
// reason for the proxy.
func TestProxyShowsRepeats(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := s.Proxy(t)
	c := p.Client(t)
	p.Set(redistest.Replies, redistest.Fault{
		Mode: redistest.Reset, Commands: []string{"INCR"}, Times: 1,
	})
	if n, err := c.Incr(t.Context(), "k").Result(); err != nil || n != 2 {
		t.Errorf("INCR = %d, %v; want it to have run twice", n, err)
	}
	if n := p.Commands("INCR"); n != 2 {
		t.Errorf("counted %d INCR, want 2", n)
	}
}

// A stall loses nothing, and passes on everything when it ends.
func TestProxyStall(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := s.Proxy(t)
	c := p.Client(t, once, func(o *redis.Options) { o.ReadTimeout = time.Minute })
	must(t, c.Ping(t.Context()).Err())
	p.Set(redistest.Replies, redistest.Fault{Mode: redistest.Stall})
	reply := make(chan error, 1)
	go func() { reply <- c.Incr(t.Context(), "k").Err() }()
	select {
	case err := <-reply:
		t.Fatalf("a stalled reply arrived: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	p.Set(redistest.Replies, redistest.Fault{Mode: redistest.Stall}) // still
	select {
	case err := <-reply:
		t.Fatalf("a stalled reply arrived: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	p.Clear()
	must(t, <-reply)
}

// A reset is not an EOF. The test needs a plain connection to see that, because
// the client of go-redis looks at the socket before it reads, and this removes
// the error.
func TestProxyReset(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	for _, d := range []redistest.Direction{redistest.Requests, redistest.Replies} {
		for range 50 {
			p := s.Proxy(t)
			p.Set(d, redistest.Fault{Mode: redistest.Reset})
			conn, err := net.Dial("tcp4", p.Addr)
			must(t, err)
			must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
			_, err = conn.Write([]byte("PING\r\n"))
			must(t, err)
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("a read gave %v, want a reset", err)
			}
			_ = conn.Close()
		}
	}
}

// A dropped reply shifts the next ones by one command.
func TestProxyDrop(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := s.Proxy(t)
	p.Set(redistest.Replies, redistest.Fault{
		Mode: redistest.Drop, Commands: []string{"ECHO"}, Times: 1,
	})
	conn, err := net.Dial("tcp4", p.Addr)
	must(t, err)
	defer func() { _ = conn.Close() }()
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = conn.Write([]byte("ECHO mine\r\n\r\nECHO theirs\r\n"))
	must(t, err)
	r := bufio.NewReader(conn)
	_, err = r.ReadString('\n')
	must(t, err)
	if got, err := r.ReadString('\n'); err != nil || got != "theirs\r\n" {
		t.Errorf("the first reply = %q, %v", got, err)
	}
}

func TestProxyConnections(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := s.Proxy(t)
	c := p.Client(t, once)
	ctx := t.Context()
	must(t, c.Ping(ctx).Err())
	if n := p.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}

	p.Refuse()
	must(t, c.Ping(ctx).Err()) // the open one stays
	p.CutAll()
	testenv.Eventually(t, 10*time.Second, "a cut connection ends", func() bool {
		_ = c.Ping(ctx).Err() // notices, and lets the connection go
		return p.Connections() == 0
	})
	if err := c.Ping(ctx).Err(); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("PING while refused: %v", err)
	}
	p.Accept()
	p.Accept() // twice is once
	works(t, c)

	p.ResetAll()
	works(t, c)

	s.Kill()
	if err := c.Ping(ctx).Err(); err == nil {
		t.Error("a killed server answered")
	}
	s.Restart()
	works(t, c)
}

// works waits for a client to recover. A pool that has failed to dial as often
// as it has room for connections dials only once a second from then on, and
// answers with the last error in between.
func works(t *testing.T, c redis.UniversalClient) {
	t.Helper()
	var err error
	for deadline := testenv.Within(10 * time.Second); !deadline.Over(); {
		if err = c.Ping(t.Context()).Err(); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the client does not recover: %v", err)
}

func TestProxyLatency(t *testing.T) {
	t.Parallel()
	const roundTrip = 2200 * time.Microsecond
	s := redistest.Start(t)
	p := s.Proxy(t)
	c := p.Client(t)
	ctx := t.Context()
	must(t, c.Ping(ctx).Err())
	p.Latency(roundTrip)
	const n = 100
	began := time.Now()
	for range n {
		must(t, c.Ping(ctx).Err())
	}
	each := time.Since(began) / n
	t.Logf("%v for %v", each, roundTrip)
	if each < roundTrip {
		t.Errorf("a round trip took %v, want at least %v", each, roundTrip)
	}
	// Commands that are on their way at the same time share the latency.
	testenv.Steady(t, 20*roundTrip, func() error {
		began := time.Now()
		_, err := c.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for range 1000 {
				pipe.Ping(ctx)
			}
			return nil
		})
		if d := time.Since(began); d > 100*roundTrip && d > testenv.Patience(100*roundTrip) {
			return fmt.Errorf("1000 commands in one pipeline took %v", d)
		}
		return err
	})
}

// Everything that go-redis sends and receives passes unchanged: both protocols,
// nested and large replies, transactions, scripts, subscriptions.
func TestProxyPasses(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := s.Proxy(t)
	for _, protocol := range []int{2, 3} {
		c := p.Client(t, func(o *redis.Options) { o.Protocol = protocol })
		ctx := t.Context()
		large := strings.Repeat("x\r\n", 1<<20)
		must(t, c.Set(ctx, "large", large, 0).Err())
		if got, err := c.Get(ctx, "large").Result(); err != nil || got != large {
			t.Errorf("a large value came back with %d bytes, %v", len(got), err)
		}
		if err := c.Get(ctx, "absent").Err(); !errors.Is(err, redis.Nil) {
			t.Errorf("GET of an absent key: %v", err)
		}
		must(t, c.HSet(ctx, "hash", "a", 1, "b", 2).Err())
		if m, err := c.HGetAll(ctx, "hash").Result(); err != nil || len(m) != 2 {
			t.Errorf("HGETALL = %v, %v", m, err)
		}
		got, err := c.Eval(ctx, "return {1, {KEYS[1], false}, redis.status_reply('ok')}", []string{"k"}).Slice()
		if err != nil || len(got) != 3 {
			t.Errorf("EVAL = %v, %v", got, err)
		}
		_, err = c.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Incr(ctx, "n")
			pipe.Incr(ctx, "n")
			return nil
		})
		must(t, err)
		sub := c.Subscribe(ctx, "news")
		if _, err := sub.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		must(t, c.Publish(ctx, "news", "hello").Err())
		if m, err := sub.ReceiveMessage(ctx); err != nil || m.Payload != "hello" {
			t.Errorf("a message = %v, %v", m, err)
		}
		must(t, sub.Close())
	}
}

// Faults are set while many callers work. Every lost reply is counted.
func TestProxyConcurrently(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := s.Proxy(t)
	c := p.Client(t, func(o *redis.Options) {
		o.MaxRetries = -1
		o.PoolSize = 16
		o.ReadTimeout = time.Minute
	})
	const faults = 300
	p.Set(redistest.Replies, redistest.Fault{
		Mode: redistest.Cut, Commands: []string{"INCR"}, Times: faults,
	})
	var (
		wg           sync.WaitGroup
		mu           sync.Mutex
		lost, failed int
	)
	for range 16 {
		wg.Go(func() {
			for range 100 {
				err := c.Incr(t.Context(), "n").Err()
				mu.Lock()
				switch {
				case errors.Is(err, io.EOF):
					lost++
				case err != nil:
					failed++
					t.Errorf("INCR: %v", err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	n, err := s.Client(t).Get(t.Context(), "n").Int()
	must(t, err)
	if n != 1600-failed || lost != faults || p.Commands("INCR") != n {
		t.Errorf("%d ran, %d lost, %d counted; want 1600, %d, 1600",
			n, lost, p.Commands("INCR"), faults)
	}
}

func TestDialThrough(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := s.Proxy(t)
	c := s.Client(t, func(o *redis.Options) { o.Dialer = redistest.DialThrough(p) })
	must(t, c.Ping(t.Context()).Err())
	if p.Commands("PING") != 1 {
		t.Error("the client went past the proxy")
	}
}

// A client that asks whether the server speaks TLS is hung up on, and is no
// failure of the test.
func TestProxyHangsUpOnTLS(t *testing.T) {
	proxy := redistest.Start(t).Proxy(t)
	conn, err := net.Dial("tcp", proxy.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(t.Context()); err == nil {
		t.Error("the proxy speaks TLS")
	}
}
