package redistest

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// Direction is one way through a [Proxy].
type Direction int

// The directions. A fault in Requests happens before the server has received
// the command. A fault in Replies happens after the server has run it.
const (
	Requests Direction = iota
	Replies
)

// Mode is what happens to a message.
type Mode int

const (
	// Pass forwards the message, after the Delay of the fault.
	Pass Mode = iota
	// Swallow loses the message and all that follow in this direction on this
	// connection. The connection stays open and silent. It stays silent after
	// the fault is cleared, because TCP cannot lose a part of a stream.
	Swallow
	// Stall holds the message, and all that follow on this connection, until
	// the fault is replaced or cleared. Nothing is lost.
	Stall
	// Drop loses this message only. After a lost reply the next replies belong
	// to the wrong commands, as in CVE-2025-29923.
	Drop
	// Cut ends the connection: the client reads EOF.
	Cut
	// Reset ends the connection with a TCP reset.
	Reset
)

// Fault is what a [Proxy] does to commands or replies. A fault affects whole
// messages: one command, or the reply to one command.
type Fault struct {
	Mode Mode
	// Delay is how much later the message is handled. The messages behind it on
	// the connection wait too.
	Delay time.Duration
	// After is how many bytes of the message still pass, for Swallow, Cut and
	// Reset. The peer then gets an incomplete message.
	After int
	// Commands limits the fault to these commands, or the replies to them, in
	// upper case. Without it, the fault also affects the commands with which a
	// client begins a connection: HELLO, CLIENT.
	Commands []string
	// Times is how many messages the fault affects; 0 means all.
	Times int
}

// Proxy is a TCP proxy in front of one server. It understands enough of the
// Redis protocol to know which reply belongs to which command. Once a
// connection has become a stream (PSYNC, MONITOR, SUBSCRIBE), every piece that
// arrives counts as a message of no command. The proxy does not understand
// CLIENT REPLY.
//
// The methods may be called from several goroutines.
type Proxy struct {
	// Addr is where the proxy listens, Target where it connects to.
	Addr, Target string

	tb TB

	mu       sync.Mutex
	listener net.Listener // nil while connections are refused
	links    map[*link]struct{}
	faults   [2]Fault
	left     [2]int // how many messages the fault still affects; -1 means all
	struck   [2]int
	changed  chan struct{} // closed when a fault is set
	latency  time.Duration
	counts   map[string]int
	closed   bool

	goroutines sync.WaitGroup
}

// NewProxy starts a proxy to an address. It ends with the test.
func NewProxy(tb TB, target string) *Proxy {
	tb.Helper()
	p := &Proxy{
		Target:  target,
		tb:      tb,
		links:   make(map[*link]struct{}),
		changed: make(chan struct{}),
		counts:  make(map[string]int),
	}
	for range 5 {
		port, err := testenv.FreePort()
		if err != nil {
			tb.Fatalf("redistest: %v", err)
		}
		p.Addr = testenv.Loopback(port)
		if p.listen() == nil {
			tb.Cleanup(p.close)
			return p
		}
	}
	tb.Fatalf("redistest: no free port for a proxy")
	return nil
}

// Proxy starts a [Proxy] in front of the server.
func (s *Server) Proxy(tb TB) *Proxy {
	tb.Helper()
	return NewProxy(tb, s.Addr)
}

// Client returns a client that connects to the proxy, with the defaults of
// go-redis changed by the options. It is closed with the test.
func (p *Proxy) Client(tb TB, options ...func(*redis.Options)) *redis.Client {
	tb.Helper()
	return newClient(tb, p.Addr, options)
}

// Set replaces the fault in one direction. The new fault affects messages that
// arrive from now on. Messages that were stalled go on, unless the new fault is
// a Stall.
func (p *Proxy) Set(d Direction, f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.Commands = slices.Clone(f.Commands)
	p.faults[d], p.left[d] = f, f.Times
	if f.Times == 0 {
		p.left[d] = -1
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// Clear ends the faults in both directions. Messages that were stalled go on.
func (p *Proxy) Clear() {
	p.Set(Requests, Fault{})
	p.Set(Replies, Fault{})
}

// Struck returns how many messages faults have affected in one direction.
func (p *Proxy) Struck(d Direction) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.struck[d]
}

// Latency makes every round trip longer by this time, half of it in each
// direction. Commands that follow each other closely share it, as on a real
// network. It does not make connecting longer.
func (p *Proxy) Latency(roundTrip time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = roundTrip
}

// Commands returns how many commands have been passed on to the server. It
// counts the named commands, in upper case. Without names it counts all, also
// those with which clients begin a connection.
func (p *Proxy) Commands(names ...string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for name, count := range p.counts {
		if len(names) == 0 || slices.Contains(names, name) {
			n += count
		}
	}
	return n
}

// Connections returns how many connections are open.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// CutAll ends all open connections: their clients read EOF.
func (p *Proxy) CutAll() {
	for _, l := range p.open() {
		l.cut()
	}
}

// ResetAll ends all open connections with a TCP reset.
func (p *Proxy) ResetAll() {
	for _, l := range p.open() {
		l.reset()
	}
}

// Refuse makes new connections fail with "connection refused", until
// [Proxy.Accept]. Open connections stay.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
}

// Accept ends [Proxy.Refuse].
func (p *Proxy) Accept() {
	if err := p.listen(); err != nil {
		p.tb.Errorf("redistest: proxy to %s: %v", p.Target, err)
	}
}

func (p *Proxy) listen() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil || p.closed {
		return nil
	}
	l, err := net.Listen("tcp4", p.Addr)
	if err != nil {
		return err
	}
	p.listener = l
	p.goroutines.Go(func() { p.serve(l) })
	return nil
}

func (p *Proxy) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond) // no descriptors are left, or the client is gone
			continue
		}
		p.goroutines.Go(func() { p.handle(conn.(*net.TCPConn)) })
	}
}

// handle connects one client to the server. If the server refuses, the client
// gets a reset, as if the server had just died.
func (p *Proxy) handle(client *net.TCPConn) {
	conn, err := net.DialTimeout("tcp4", p.Target, 5*time.Second)
	if err != nil {
		_ = client.SetLinger(0)
		_ = client.Close()
		return
	}
	l := &link{
		proxy:  p,
		client: client,
		server: conn.(*net.TCPConn),
		done:   make(chan struct{}),
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		l.close()
		return
	}
	p.links[l] = struct{}{}
	p.mu.Unlock()
	l.run()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// message decides what happens to a message that has just arrived, and when.
// Latency applies to the end of a stream too, but faults do not.
func (p *Proxy) message(d Direction, name string, raw []byte, end error) message {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := message{raw: raw, name: name, end: end}
	if p.latency > 0 {
		m.due = time.Now().Add(p.latency / 2)
	}
	f := p.faults[d]
	if end != nil || p.left[d] == 0 || f.Mode == Pass && f.Delay == 0 ||
		len(f.Commands) > 0 && !slices.Contains(f.Commands, name) {
		return m
	}
	p.struck[d]++
	if p.left[d] > 0 {
		p.left[d]--
	}
	m.fault = f
	if f.Delay > 0 {
		m.due = time.Now().Add(p.latency/2 + f.Delay)
	}
	return m
}

// stalled reports whether a stall is in force. It also returns a channel that
// is closed when that may have changed.
func (p *Proxy) stalled(d Direction) (bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults[d].Mode == Stall, p.changed
}

func (p *Proxy) count(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[name]++
}

func (p *Proxy) open() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	return links
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Refuse()
	for _, l := range p.open() {
		l.close()
	}
	p.goroutines.Wait()
}

// DialThrough returns a function for the Dialer of a client's options. It
// connects to the proxy of an address, if one of the proxies is in front of it.
// Clients of a Cluster or of sentinels need it, because they get addresses from
// the servers, which do not know the proxies.
func DialThrough(proxies ...*Proxy) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		for _, p := range proxies {
			if p.Target == addr {
				addr = p.Addr
				break
			}
		}
		d := net.Dialer{Timeout: 5 * time.Second} // the default of go-redis
		return d.DialContext(ctx, network, addr)
	}
}
