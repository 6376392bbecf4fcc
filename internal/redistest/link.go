package redistest

import (
	"bufio"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// link is one connection through a [Proxy]. Each direction has a reader, which
// decides what happens to a message, and a writer, which does that when it is
// due. They are separate so that latency does not reduce throughput.
type link struct {
	proxy          *Proxy
	client, server *net.TCPConn

	mu      sync.Mutex
	pending []string // commands that were passed on and have no reply yet

	once sync.Once
	done chan struct{} // closed with the connections
}

// message is one command or reply on its way, or the end of the stream.
type message struct {
	raw   []byte
	name  string
	fault Fault
	due   time.Time
	end   error
}

// run forwards until both directions have ended.
func (l *link) run() {
	defer l.close()
	var wg sync.WaitGroup
	for d, f := range map[Direction]func(func(message) bool){
		Requests: l.readRequests,
		Replies:  l.readReplies,
	} {
		// With more messages than this, TCP makes the sender wait.
		ch := make(chan message, 1024)
		wg.Go(func() {
			defer close(ch)
			f(func(m message) bool {
				select {
				case ch <- m:
					return m.end == nil
				case <-l.done:
					return false
				}
			})
		})
		wg.Go(func() { l.write(d, ch) })
	}
	wg.Wait()
}

// isStream reports whether a command turns its connection into a stream, which
// no longer has one reply for each command.
func isStream(name string) bool {
	switch name {
	case "PSYNC", "SYNC", "MONITOR", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE":
		return true
	}
	return false
}

// tlsHandshake is the first byte of a connection with TLS (RFC 8446, 5.1).
const tlsHandshake = 22

func (l *link) readRequests(send func(message) bool) {
	r := bufio.NewReaderSize(l.client, 32<<10)
	if first, _ := r.Peek(1); len(first) == 1 && first[0] == tlsHandshake {
		l.close() // redisguard asks a server that does not answer whether it speaks TLS
		return
	}
	for {
		raw, name, err := readCommand(r)
		if !send(l.proxy.message(Requests, name, raw, err)) {
			return
		}
		if isStream(name) {
			l.readStream(Requests, r, send)
			return
		}
	}
}

func (l *link) readReplies(send func(message) bool) {
	r := bufio.NewReaderSize(l.server, 32<<10)
	for {
		// The command is looked up when there is a reply, because it has
		// certainly been passed on then.
		first, err := r.Peek(1)
		if err != nil {
			send(l.proxy.message(Replies, "", nil, err))
			return
		}
		name := ""
		if first[0] != '>' { // a push belongs to no command
			name = l.replied()
		}
		if isStream(name) {
			l.readStream(Replies, r, send)
			return
		}
		raw, err := readReply(r, nil)
		if !send(l.proxy.message(Replies, name, raw, err)) {
			return
		}
	}
}

// readStream passes on bytes as they come.
func (l *link) readStream(d Direction, r *bufio.Reader, send func(message) bool) {
	for {
		_, err := r.Peek(1)
		raw := make([]byte, r.Buffered())
		_, _ = r.Read(raw) // all of it is buffered, so this cannot fail
		if !send(l.proxy.message(d, "", raw, err)) {
			return
		}
	}
}

// write handles the messages of one direction until there are no more. When its
// peer is gone or the direction is muted, it still receives them, so that the
// reader can notice the end of the other side.
func (l *link) write(d Direction, messages <-chan message) {
	to := l.server
	if d == Replies {
		to = l.client
	}
	w := bufio.NewWriterSize(to, 32<<10)
	muted := false
	for m := range messages {
		if !muted && time.Until(m.due) > 0 {
			_ = w.Flush()
			if !l.sleepUntil(m.due) {
				return
			}
		}
		if m.end != nil {
			_ = w.Flush()
			switch {
			case errors.Is(m.end, syscall.ECONNRESET):
				l.reset()
			case errors.Is(m.end, errProtocol):
				l.proxy.tb.Errorf("redistest: proxy to %s: %v", l.proxy.Target, m.end)
			}
			_ = to.CloseWrite()
			return
		}
		if muted {
			continue
		}
		pass, open := l.applyFault(d, w, m)
		if !open {
			return
		}
		if !pass {
			muted = m.fault.Mode != Drop
			continue
		}
		if d == Requests && m.name != "" {
			l.proxy.count(m.name)
			l.mu.Lock()
			l.pending = append(l.pending, m.name)
			l.mu.Unlock()
		}
		_, err := w.Write(m.raw)
		if err == nil && len(messages) == 0 {
			err = w.Flush()
		}
		muted = err != nil
	}
}

// applyFault does to a message what its fault says. It reports whether the
// message is to be passed on, and whether the writer goes on with the next one.
func (l *link) applyFault(d Direction, w *bufio.Writer, m message) (pass, open bool) {
	switch m.fault.Mode {
	case Drop:
		return false, true
	case Swallow, Cut, Reset:
		_, _ = w.Write(m.raw[:min(m.fault.After, len(m.raw))])
		_ = w.Flush()
		switch m.fault.Mode {
		case Cut:
			l.cut()
		case Reset:
			l.reset()
		}
		return false, true
	case Stall:
		_ = w.Flush()
		return true, l.stall(d)
	}
	return true, true
}

// replied removes and returns the command to which the next reply belongs.
func (l *link) replied() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) == 0 {
		return ""
	}
	name := l.pending[0]
	l.pending = l.pending[1:]
	return name
}

// sleepUntil sleeps until due, and reports whether the link is still open then.
func (l *link) sleepUntil(due time.Time) bool {
	if wait := time.Until(due) - coarse; wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.done:
			return false
		}
	}
	for wait := time.Until(due); wait > 0; wait = time.Until(due) {
		sleepExactly(wait)
	}
	return true
}

// stall waits for the end of a stall, and reports whether the link is still
// open.
func (l *link) stall(d Direction) bool {
	for {
		stalled, changed := l.proxy.stalled(d)
		if !stalled {
			return true
		}
		select {
		case <-changed:
		case <-l.done:
			return false
		}
	}
}

// cut ends the stream to the client with EOF. It does not close the connection:
// if the client has sent something that was not read, the kernel would send a
// reset.
func (l *link) cut() {
	_ = l.server.Close()
	_ = l.client.CloseWrite()
}

func (l *link) reset() {
	_ = l.client.SetLinger(0)
	l.close()
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.done)
		_ = l.client.Close()
		_ = l.server.Close()
	})
}
