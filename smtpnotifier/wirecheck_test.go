package smtpnotifier_test

import (
	"context"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// A13: the last look at a letter, should everything before it have failed.
func TestCheckWire_A13(t *testing.T) {
	known := map[string]bool{"From": true, "To": true, "Reply-To": false}
	const head = "From: <a@example.com>\r\nTo: <b@example.com>\r\n"
	tests := []struct{ sentence, data, want string }{
		{"a letter", head + "\r\nHello.\r\n", ""},
		{"a letter with an empty body", head + "\r\n", ""},
		{"a field that may be there", head + "Reply-To: <c@example.com>\r\n\r\n", ""},
		{"a folded field", head + "Reply-To:\r\n <c@example.com>\r\n\r\n", ""},
		{"a line of 998 bytes", head + "\r\n" + strings.Repeat("x", 998) + "\r\n", ""},
		{"what looks like a field in the body", head + "\r\nBcc: x\r\n", ""},
		{"a line of 999 bytes", head + "\r\n" + strings.Repeat("x", 999) + "\r\n", "a line is longer than 998 bytes"},
		{"another field", head + "Bcc: <evil@example.net>\r\n\r\n", "the header has a field that is not ours"},
		{"a field in other letters", "FROM: x\r\n" + head + "\r\n", "the header has a field that is not ours"},
		{"a field with a space before its colon", "From : x\r\n" + head + "\r\n", "the header has a field that is not ours"},
		{"no field at all", head + "Hello.\r\n\r\n", "the header has a field that is not ours"},
		{"a field twice", head + head + "\r\n", "the header has a field twice"},
		{"a field that is missing", "From: <a@example.com>\r\n\r\n", "the header lacks the field To"},
		{"a fold before the first field", " x\r\n" + head + "\r\n", "the header is folded where it cannot be"},
		{"a folded line of white space", head + " \t\r\n\r\n", "the header is folded where it cannot be"},
		{"a bare LF", head + "\r\nx\ny\r\n", "a line holds something other than printable ASCII"},
		{"a bare CR", head + "\r\nx\ry\r\n", "a line holds something other than printable ASCII"},
		{"the end of a message as some servers see it (CVE-2023-51764)", head + "\r\nx\n.\r\nMAIL\r\n", "a line holds something other than printable ASCII"},
		{"a NUL", head + "\r\n\x00\r\n", "a line holds something other than printable ASCII"},
		{"a byte of eight bits", head + "\r\n\xe9\r\n", "a line holds something other than printable ASCII"},
		{"a character outside ASCII", "From: é\r\n", "a line holds something other than printable ASCII"},
		{"a last line without end", head + "\r\nHello.", "the last line has no end"},
		{"no body", head, "the message has no body"},
		{"nothing", "", "the message has no body"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if got := smtpnotifier.CheckWire([]byte(test.data), known); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// told is everything that an error about a server in memory can say.
var told = regexp.MustCompile(`^smtpnotifier: (connect|sender|recipient|data): ` +
	`(the server answered [0-9]{3}( [245]\.[0-9]{1,3}\.[0-9]{1,3})?|the server's reply cannot be read|the server sent more than any reply needs|EOF|unexpected EOF|io: read/write on closed pipe)$`)

// Whatever a server says: Notify returns, takes only a 5xx for permanent, and
// tells nothing of it.
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
		if !told.MatchString(err.Error()) {
			t.Errorf("%q", err)
		}
		e, ok := err.(*smtpnotifier.Error)
		if !ok || e.Permanent && (e.Code < 500 || e.Code > 599) {
			t.Errorf("%v", err)
		}
	})
}
