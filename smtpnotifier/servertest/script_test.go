package servertest_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// A peer is one connection of a server that a test plays itself.
type peer struct {
	net.Conn
	t     testing.TB
	r     *bufio.Reader
	lines *[]string // what the client said, of all connections
	mu    *sync.Mutex
}

// scripted plays a server on a port of its own until the test ends, and returns
// its address and what its clients have said so far. Connections are served
// each in a goroutine, and closed when play returns.
func scripted(t testing.TB, play func(p *peer)) (addr string, said func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String(), playOn(t, l, play)
}

// playOn is scripted on a listener.
func playOn(t testing.TB, l net.Listener, play func(p *peer)) (said func() string) {
	var mu sync.Mutex
	var lines []string
	var open []net.Conn
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				play(&peer{Conn: c, t: t, r: bufio.NewReader(c), lines: &lines, mu: &mu})
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(lines, "\n")
	}
}

// say sends text in one piece.
func (p *peer) say(text string) { _, _ = io.WriteString(p.Conn, text) }

// hear reads a line, and returns "" when there will be none.
func (p *peer) hear() string {
	line, err := p.r.ReadString('\n')
	if line != "" {
		p.mu.Lock()
		*p.lines = append(*p.lines, strings.TrimRight(line, "\r\n"))
		p.mu.Unlock()
	}
	if err != nil {
		return ""
	}
	return strings.TrimRight(line, "\r\n")
}

// hearData reads a mail up to its end.
func (p *peer) hearData() {
	for line := p.hear(); line != "."; line = p.hear() {
		if line == "" && p.gone() {
			return
		}
	}
}

func (p *peer) gone() bool {
	_, err := p.r.Peek(1)
	return err != nil
}

// silence waits until the client hangs up.
func (p *peer) silence() { _, _ = io.Copy(io.Discard, p.r) }

// secure speaks TLS from here on, and reports whether the client does.
func (p *peer) secure(config *tls.Config) bool {
	c := tls.Server(p.Conn, config)
	if err := c.Handshake(); err != nil {
		return false
	}
	p.Conn, p.r = c, bufio.NewReader(c)
	return true
}

// The answers of a server that takes everything, by command.
var answers = map[string]string{
	"EHLO": "250-relay.example.com\r\n250 8BITMIME\r\n", "MAIL": "250 ok\r\n", "RCPT": "250 ok\r\n", "DATA": "354 go on\r\n",
	".": "250 taken\r\n", "RSET": "250 ok\r\n", "QUIT": "221 bye\r\n", "NOOP": "250 ok\r\n",
}

// serve answers as answers does but where other says something else. A function
// there takes over and reports whether to go on; "" as a command is the
// greeting.
func (p *peer) serve(other map[string]func() bool) {
	if f := other[""]; f != nil {
		if !f() {
			return
		}
	} else {
		p.say("220 relay.example.com\r\n")
	}
	for {
		line := p.hear()
		command, _, _ := strings.Cut(strings.ToUpper(line), " ")
		if command == "" {
			return
		}
		if f := other[command]; f != nil {
			if !f() {
				return
			}
			continue
		}
		p.say(answers[command])
		if command == "DATA" {
			p.hearData()
			if f := other["."]; f != nil {
				if !f() {
					return
				}
			} else {
				p.say(answers["."])
			}
		}
		if command == "QUIT" {
			return
		}
	}
}
