package servertest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// stages are the commands at which a server can hang. "" is the greeting and
// "." the end of the message.
var stages = []string{"", "EHLO", "MAIL", "RCPT", "DATA", "."}

// A59: whatever a server does, Notify returns when its context ends, with the
// error of the context. No goroutine and no connection is left.
func TestHangs_A59(t *testing.T) {
	ways := []struct {
		sentence string
		hang     func(p *peer)
	}{
		{"says nothing", func(p *peer) { p.waitForClose() }},
		{"begins a line and stops", func(p *peer) { p.write("250-"); p.waitForClose() }},
		{"trickles", func(p *peer) {
			for {
				if _, err := io.WriteString(p.Conn, "2"); err != nil {
					return
				}
				select {
				case <-time.After(5 * time.Millisecond):
				case <-p.t.Context().Done():
					return
				}
			}
		}},
		{"goes on and on, line by line", func(p *peer) {
			for {
				if _, err := io.WriteString(p.Conn, "250-on\r\n"); err != nil {
					return
				}
				select {
				case <-time.After(5 * time.Millisecond):
				case <-p.t.Context().Done():
					return
				}
			}
		}},
	}
	for _, way := range ways {
		for _, stage := range stages {
			t.Run(way.sentence+" at "+stage, func(t *testing.T) {
				t.Parallel()
				addr, _ := scripted(t, func(p *peer) {
					p.serve(map[string]func() bool{stage: func() bool { way.hang(p); return false }})
				})
				n := newNotifier(t, words(plain), options(addr))
				ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience(150*time.Millisecond))
				defer cancel()
				err := within(t, 5*time.Second, func() error { return n.Notify(ctx, message()) })
				if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, recovery.ErrPermanent) || errors.Is(err, recovery.ErrAwaitingReply) != (stage == ".") {
					t.Errorf("%v", err)
				}
				quotes(t, err)
				// The answer to a whole message is waited for, until Shutdown has no
				// more time.
				if stage == "." {
					if err := within(t, 5*time.Second, func() error { return n.Shutdown(ctx) }); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("Shutdown: %v", err)
					}
				}
			})
		}
	}
}

// The server accepts the connection, and reads no byte of a long message.
func TestHangsWhileWriting_A59(t *testing.T) {
	addr, _ := scripted(t, func(p *peer) {
		p.serve(map[string]func() bool{"DATA": func() bool {
			p.write("354 go on\r\n")
			<-p.t.Context().Done()
			return false
		}})
	})
	n := newNotifier(t, words(func(m recovery.Message) (messages.Mail, error) {
		mail, err := plain(m)
		mail.HTML = strings.Repeat("<p>=</p>\n", 25_000) // when encoded, this is more than the sockets buffer
		return mail, err
	}), options(addr))
	ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience(300*time.Millisecond))
	defer cancel()
	err := within(t, 5*time.Second, func() error { return n.Notify(ctx, message()) })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// A14: a server that never ends a line cannot fill the memory.
func TestEndlessReplies_A14(t *testing.T) {
	for _, stage := range stages {
		t.Run("at "+stage, func(t *testing.T) {
			t.Parallel()
			addr, _ := scripted(t, func(p *peer) {
				p.serve(map[string]func() bool{stage: func() bool {
					for {
						if _, err := io.WriteString(p.Conn, strings.Repeat("2", 1<<16)); err != nil {
							return false
						}
					}
				}})
			})
			n := newNotifier(t, words(plain), options(addr))
			err := within(t, 10*time.Second, func() error { return n.Notify(t.Context(), message()) })
			e, ok := errors.AsType[*smtpnotifier.Error](err)
			if !ok || e.Permanent || e.Code != 0 {
				t.Errorf("%v", err)
			}
		})
	}
}

// A reply that is not SMTP, or that comes too early or too late, is a temporary
// error. The error does not quote the reply.
func TestNonsense(t *testing.T) {
	tests := []struct{ sentence, stage, answer string }{
		{"a web server", "", "HTTP/1.1 400 Bad Request secret\r\n\r\n"},
		{"a greeting that refuses", "", "554 5.7.1 anna@example.com is secret\r\n"},
		{"a greeting that is busy", "", "421 secret\r\n"},
		{"an empty line", "EHLO", "\r\n"},
		{"something that is no reply, and the end of the connection", "EHLO", "anna@example.com is secret\r\n"},
		{"a code of two digits", "MAIL", "25 secret\r\n"},
		{"a reply that is no text", "RCPT", "\x00\xff\x00\r\n"},
		{"lines with different codes", "RCPT", "250-secret\r\n550 secret\r\n"},
		{"a code in the place of another", "DATA", "250 secret\r\n"},
		{"a code beyond all", "RCPT", "999 secret\r\n"},
		{"the end of the connection", "DATA", ""},
		{"the end of the connection after the message", ".", ""},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			addr, _ := scripted(t, func(p *peer) {
				p.serve(map[string]func() bool{test.stage: func() bool { p.write(test.answer); return false }})
			})
			n := newNotifier(t, words(plain), options(addr))
			err := within(t, 5*time.Second, func() error { return n.Notify(t.Context(), message()) })
			if _, ok := errors.AsType[*smtpnotifier.Error](err); !ok || errors.Is(err, recovery.ErrPermanent) {
				t.Errorf("%v", err)
			}
			quotes(t, err)
		})
	}
}

// The error about HELO does not quote the reply to EHLO.
func TestNonsenseAndReset(t *testing.T) {
	opts := options("192.0.2.1:25")
	opts.Server.Dial = func(context.Context, string, string) (net.Conn, error) {
		return &nonsense{text: strings.NewReader("220 hello\r\nanna@example.com is secret\r\n")}, nil
	}
	err := newNotifier(t, words(plain), opts).Notify(t.Context(), message())
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		t.Errorf("%v", err)
	}
	quotes(t, err)
}

// nonsense is a connection that sends bytes and is then reset.
type nonsense struct {
	net.Conn
	text *strings.Reader
}

func (c *nonsense) Write(p []byte) (int, error) { return len(p), nil }
func (c *nonsense) Close() error                { return nil }
func (c *nonsense) Read(p []byte) (int, error) {
	if c.text.Len() == 0 {
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return c.text.Read(p)
}

// A server that is older than ESMTP gets mail too.
func TestHELO(t *testing.T) {
	addr, said := scripted(t, func(p *peer) {
		p.serve(map[string]func() bool{
			"EHLO": func() bool { p.write("502 what\r\n"); return true },
			"HELO": func() bool { p.write("250 relay.example.com\r\n"); return true },
		})
	})
	if err := newNotifier(t, words(plain), options(addr)).Notify(t.Context(), message()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said(), "\nMAIL FROM:<no-reply@accounts.example.com>\n") {
		t.Errorf("said\n%s", said())
	}
}
