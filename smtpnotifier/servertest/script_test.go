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

// A peer is one connection to a server whose replies the test writes.
type peer struct {
	net.Conn
	t     testing.TB
	r     *bufio.Reader
	lines *[]string // the lines that clients sent, on all connections
	mu    *sync.Mutex
}

// scripted runs a server on a port of its own until the test ends. It returns
// the address, and a function that returns the lines that clients have sent so
// far. It calls play for each connection in a goroutine, and closes the
// connection when play returns.
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

// write sends text in one piece.
func (p *peer) write(text string) { _, _ = io.WriteString(p.Conn, text) }

// readLine reads a line. It returns "" at the end of the connection.
func (p *peer) readLine() string {
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

// readData reads a mail up to its end.
func (p *peer) readData() {
	for line := p.readLine(); line != "."; line = p.readLine() {
		if line == "" && p.gone() {
			return
		}
	}
}

func (p *peer) gone() bool {
	_, err := p.r.Peek(1)
	return err != nil
}

// waitForClose waits until the client closes the connection.
func (p *peer) waitForClose() { _, _ = io.Copy(io.Discard, p.r) }

// startTLS switches to TLS, and reports whether the handshake succeeds.
func (p *peer) startTLS(config *tls.Config) bool {
	c := tls.Server(p.Conn, config)
	if err := c.Handshake(); err != nil {
		return false
	}
	p.Conn, p.r = c, bufio.NewReader(c)
	return true
}

// answers are the replies, by command, of a server that accepts everything.
var answers = map[string]string{
	"EHLO": "250-relay.example.com\r\n250 8BITMIME\r\n", "MAIL": "250 ok\r\n", "RCPT": "250 ok\r\n", "DATA": "354 go on\r\n",
	".": "250 taken\r\n", "RSET": "250 ok\r\n", "QUIT": "221 bye\r\n", "NOOP": "250 ok\r\n",
}

// serve replies with answers, unless other has an entry for the command. A
// function in other handles the command itself, and returns whether to go on.
// The command "" is the greeting.
func (p *peer) serve(other map[string]func() bool) {
	if f := other[""]; f != nil {
		if !f() {
			return
		}
	} else {
		p.write("220 relay.example.com\r\n")
	}
	for {
		line := p.readLine()
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
		p.write(answers[command])
		if command == "DATA" {
			p.readData()
			if f := other["."]; f != nil {
				if !f() {
					return
				}
			} else {
				p.write(answers["."])
			}
		}
		if command == "QUIT" {
			return
		}
	}
}
