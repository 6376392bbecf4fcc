package main

import (
	"bufio"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"
)

// A mode is how the relay behaves.
type mode struct {
	down  bool          // it closes every connection
	grey  bool          // it refuses each recipient once, with 450
	slow  time.Duration // how long it takes to answer a mail
	cut   bool          // it hangs up once for each mail, in place of an answer
	takes bool          // whether it keeps a mail that it does not answer
}

// An arrival is one mail.
type arrival struct {
	messageID string
	at        time.Time
}

// A relay is a mail server that keeps what it takes.
type relay struct {
	listener net.Listener
	tokens   chan string // of links, for resets

	mu    sync.Mutex
	mode  mode
	seen  map[string]bool      // recipients that were refused once, and mails that were cut off once
	mails map[string][]arrival // by "kind recipient"
}

// mostTokens is how many tokens wait for a reset. Those of further links are lost.
const mostTokens = 10_000

func newRelay() (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l, tokens: make(chan string, mostTokens), seen: map[string]bool{}, mails: map[string][]arrival{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(c)
		}
	}()
	return r, nil
}

func (r *relay) set(m mode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode, r.seen = m, map[string]bool{}
}

func (r *relay) now() mode {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mode
}

// first reports whether it is asked for this for the first time in this mode.
func (r *relay) first(what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.seen[what]
	r.seen[what] = true
	return !was
}

func (r *relay) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	say := func(line string) { _, _ = io.WriteString(c, line+"\r\n") }
	if r.now().down {
		return
	}
	say("220 relay")
	to := ""
	for {
		line, err := in.ReadString('\n')
		if err != nil || r.now().down {
			return
		}
		switch verb := strings.ToUpper(strings.TrimSpace(line[:min(4, len(line))])); verb {
		case "RCPT":
			to = strings.Trim(strings.TrimSpace(line)[len("RCPT TO:"):], "<>")
			if r.now().grey && r.first(to) {
				say("450 4.2.0 come back later")
				continue
			}
			say("250 2.1.5 ok")
		case "DATA":
			say("354 go on")
			if !r.take(in, to, say) {
				return
			}
		case "QUIT":
			say("221 2.0.0 bye")
			return
		default:
			say("250 2.0.0 ok")
		}
	}
}

var (
	idField = regexp.MustCompile(`(?mi)^Message-ID: *(\S+)`)
	subject = regexp.MustCompile(`(?mi)^Subject: *(\S+)`)
	inLink  = regexp.MustCompile(`[?&]token=([^&\s<]+)`)
)

// take reads a mail and answers it. It returns false if the connection ends
// instead.
func (r *relay) take(in *bufio.Reader, to string, say func(string)) bool {
	var b strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(line)
	}
	text := b.String()
	id, kind := field(idField, text), field(subject, text)
	m := r.now()
	time.Sleep(m.slow)
	if m.down || m.cut && r.first(id) {
		if m.takes {
			r.keep(kind, to, id)
		}
		return false
	}
	r.keep(kind, to, id)
	say("250 2.0.0 taken")
	plain, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(text)))
	if token := field(inLink, string(plain)); token != "" {
		select {
		case r.tokens <- token:
		default: // enough are waiting
		}
	}
	return true
}

func field(re *regexp.Regexp, text string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

func (r *relay) keep(kind, to, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mails[kind+" "+to] = append(r.mails[kind+" "+to], arrival{id, time.Now()})
}

// came returns how many of the people got no link, and how many mails were one too
// many. Nobody asks twice.
func (r *relay) came(people []int) (missing, doubled int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range people {
		if len(r.mails[fmt.Sprintf("reset_link p%d@example.com", n)]) == 0 {
			missing++
		}
	}
	for _, mails := range r.mails {
		doubled += len(mails) - 1
	}
	return missing, doubled
}

// repeats returns a line for each mail that came more than once: when it came, and
// under how many Message-IDs.
func (r *relay) repeats() (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for who, mails := range r.mails {
		if len(mails) < 2 {
			continue
		}
		ids := map[string]bool{}
		var times []string
		for _, m := range mails {
			ids[m.messageID] = true
			times = append(times, m.at.UTC().Format("15:04:05.000"))
		}
		lines = append(lines, fmt.Sprintf("%s came %d times with %d Message-IDs: %s", who, len(mails), len(ids), strings.Join(times, ", ")))
	}
	return lines
}
