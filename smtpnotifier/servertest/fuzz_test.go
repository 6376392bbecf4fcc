package servertest_test

import (
	"context"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// errorTexts matches every text that an error about a server in memory can
// have.
var errorTexts = regexp.MustCompile(`^smtpnotifier: (connect|sender|recipient|data): ` +
	`(the server answered [0-9]{3}( [245]\.[0-9]{1,3}\.[0-9]{1,3})?|the server's reply cannot be read|the server sent more than any reply needs|EOF|unexpected EOF|io: read/write on closed pipe)$`)

// Whatever a server sends, Notify returns, treats only a 5xx as permanent, and
// quotes nothing of the server's text.
func FuzzServer(f *testing.F) {
	f.Add("220 hello\r\n250 hello\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 taken\r\n221 bye\r\n")
	f.Add("220 hello\r\n250-hello\r\n250 SIZE\r\n250 ok\r\n550 5.1.1 <anna@example.com> secret\r\n250 ok\r\n")
	f.Add("554 5.7.1 secret\r\n")
	f.Add("220-\r\n220 \r\n500\r\n250 \r\n250-x\r\n550 y\r\n")
	f.Add("-1\r\n\r\n\x00")
	opts := options("192.0.2.1:25")
	opts.MessagesPerConnection = 1
	f.Fuzz(func(t *testing.T, said string) {
		opts.Server.Dial = func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, server) }()
			go func() {
				_, _ = io.WriteString(server, said)
				_ = server.Close()
			}()
			return client, nil
		}
		err := newNotifier(t, words(plain), opts).Notify(t.Context(), message())
		if err == nil {
			if !strings.Contains(said, "354") {
				t.Error("delivered to a server that did not ask for the message")
			}
			return
		}
		if !errorTexts.MatchString(err.Error()) {
			t.Errorf("%q", err)
		}
		e, ok := err.(*smtpnotifier.Error)
		if !ok || e.Permanent && (e.Code < 500 || e.Code > 599) {
			t.Errorf("%v", err)
		}
	})
}
