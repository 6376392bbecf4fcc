package sqltest

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// A Link is a TCP proxy before a server. It passes bytes on with a delay, and
// cuts connections. Its methods may be called from several goroutines.
type Link struct {
	// Addr is where it listens.
	Addr string

	target   string
	listener net.Listener
	delay    atomic.Int64 // of each direction
	swallow  atomic.Bool

	mu    sync.Mutex
	conns map[net.Conn]bool // of clients
}

// NewLink starts a link to an address. It ends with the test.
func NewLink(t testenv.TB, target string) *Link {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("sqltest: %v", err)
	}
	link := &Link{Addr: l.Addr().String(), target: target, listener: l, conns: make(map[net.Conn]bool)}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { link.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		link.Cut()
		serving.Wait()
	})
	return link
}

// Latency makes every round trip longer by this time, half of it in each
// direction.
func (l *Link) Latency(roundTrip time.Duration) { l.delay.Store(int64(roundTrip / 2)) }

// Cut ends all open connections. What is on its way to the server still arrives
// or does not, and what is on its way back is lost.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Close()
	}
}

// Swallow says whether what is sent is lost, in both directions, while nothing is
// closed, as in a network that drops packets. A connection that has lost something
// passes nothing on any more, also later. New ones can be made all the time.
func (l *Link) Swallow(swallow bool) { l.swallow.Store(swallow) }

func (l *Link) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.DialTimeout("tcp4", l.target, 5*time.Second)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	l.mu.Lock()
	l.conns[client] = true
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.conns, client)
	}()
	var both sync.WaitGroup
	var lost atomic.Bool
	both.Go(func() { l.pass(server, client, &lost) })
	both.Go(func() { l.pass(client, server, &lost) })
	both.Wait()
}

// A piece is what was read at once, and when it is due.
type piece struct {
	bytes []byte
	due   time.Time
}

// pass copies one direction, until the connection has lost something. Pieces that
// follow each other closely share the delay, as on a real network.
func (l *Link) pass(to, from net.Conn, lost *atomic.Bool) {
	pieces := make(chan piece, 1024)
	go func() {
		defer close(pieces)
		for {
			b := make([]byte, 16<<10)
			n, err := from.Read(b)
			if l.swallow.Load() {
				lost.Store(true)
			}
			if n > 0 && !lost.Load() {
				pieces <- piece{b[:n], time.Now().Add(time.Duration(l.delay.Load()))}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range pieces {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.bytes); err != nil {
			break
		}
	}
	// Neither side waits for the other any longer.
	_ = to.Close()
	_ = from.Close()
	for range pieces {
	}
}
