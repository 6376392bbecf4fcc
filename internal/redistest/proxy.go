package redistest

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Direction is one way through a [Proxy].
type Direction int

// The directions. A fault in Requests happens before the server has seen the
// command, one in Replies after it has run it.
const (
	Requests Direction = iota
	Replies
)

// Mode is what happens to a message.
type Mode int

const (
	// Pass forwards it, after the Delay of the fault.
	Pass Mode = iota
	// Swallow loses it and all that follows in this direction on this
	// connection, which stays open: silence. TCP loses nothing in between,
	// so clearing the fault does not bring such a connection back.
	Swallow
	// Stall holds it, and all that follows on this connection, until the
	// fault is replaced or cleared. Nothing is lost.
	Stall
	// Drop loses this message alone. A lost reply makes the next ones answer
	// the wrong commands, as in CVE-2025-29923.
	Drop
	// Cut ends the connection: the client reads EOF.
	Cut
	// Reset ends the connection with a TCP reset.
	Reset
)

// Fault is what a [Proxy] does to commands or replies. A fault strikes whole
// messages: one command, or the reply to one command.
type Fault struct {
	Mode Mode
	// Delay is how much later the message is dealt with. Those behind it on
	// the connection wait too.
	Delay time.Duration
	// After is how many bytes of the message still pass, for Swallow, Cut and
	// Reset: a torn reply.
	After int
	// Commands limits the fault to these commands, or the replies to them, in
	// upper case. Without it, the fault strikes what a client sends on a new
	// connection too: HELLO, CLIENT.
	Commands []string
	// Times is how many messages are struck; 0 is all of them.
	Times int
}

// Proxy is a TCP proxy in front of one server. It understands enough of the
// Redis protocol to know which reply belongs to which command. Once a
// connection has turned into a stream (PSYNC, MONITOR, SUBSCRIBE), what passes
// counts as messages of no command, of whatever size they arrive in. CLIENT
// REPLY is not understood.
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
	left     [2]int // how often the fault still strikes; -1 is for ever
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
		port, err := freePort()
		if err != nil {
			tb.Fatalf("redistest: %v", err)
		}
		p.Addr = loopback(port)
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

// Set replaces the fault in one direction. It is for messages that arrive from
// now on; those that were stalled go on, unless the new fault is a Stall.
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

// Clear ends the faults in both directions. What was stalled goes on.
func (p *Proxy) Clear() {
	p.Set(Requests, Fault{})
	p.Set(Replies, Fault{})
}

// Struck returns how many messages faults have struck in one direction.
func (p *Proxy) Struck(d Direction) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.struck[d]
}

// Latency makes every round trip longer by this much, half of it in each
// direction. Commands that follow each other closely share it, as on a real
// network; connecting takes no longer.
func (p *Proxy) Latency(roundTrip time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = roundTrip
}

// Commands returns how many commands have been passed on to the server: those
// named, in upper case, or all, among them those with which clients begin a
// connection.
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
			time.Sleep(time.Millisecond) // out of descriptors, or aborted
			continue
		}
		p.goroutines.Go(func() { p.handle(conn.(*net.TCPConn)) })
	}
}

// handle connects one client to the server. A server that refuses looks like
// one that has just died.
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
// The end of a stream is late too, but no fault strikes it.
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

// stalled returns whether a stall is in force, and what is closed when that
// may have changed.
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

// DialThrough returns a dialer, for the Dialer of a client's options, that goes
// to the proxy where there is one in front of the address asked for. Clients of
// a Cluster or of sentinels learn addresses from the servers, which know
// nothing of proxies.
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
