package smtpnotifier_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// A13: the last check of a letter works even if every check before it failed.
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
		{"another field", head + "Bcc: <evil@example.net>\r\n\r\n", "the header has a field that it must not have"},
		{"a field in other letters", "FROM: x\r\n" + head + "\r\n", "the header has a field that it must not have"},
		{"a field with a space before its colon", "From : x\r\n" + head + "\r\n", "the header has a field that it must not have"},
		{"no field at all", head + "Hello.\r\n\r\n", "the header has a field that it must not have"},
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
		{"the recipient in To", "From: <a@example.com>\r\nTo: <jörg@example.com>\r\n\r\n", ""},
		{"the recipient in To, folded", "From: <a@example.com>\r\nTo:\r\n <jörg@example.com>\r\n\r\n", ""},
		{"the recipient in another field, folded", head + "Reply-To:\r\n <jörg@example.com>\r\n\r\n", "a line holds something other than printable ASCII"},
		{"the recipient twice", "From: <a@example.com>\r\nTo: <jörg@example.com>\r\n , <jörg@example.com>\r\n\r\n", "a line holds something other than printable ASCII"},
		{"the recipient in another field", "From: <jörg@example.com>\r\nTo: <a@example.com>\r\n\r\n", "a line holds something other than printable ASCII"},
		{"somebody else in To", "From: <a@example.com>\r\nTo: <jorg\u0308@example.com>\r\n\r\n", "a line holds something other than printable ASCII"},
		{"the recipient and more", "From: <a@example.com>\r\nTo: <jörg@example.com>, <ö@b.example>\r\n\r\n", "a line holds something other than printable ASCII"},
		{"the recipient's field in the body", head + "\r\nTo: <jörg@example.com>\r\n", "a line holds something other than printable ASCII"},
		{"a last line without end", head + "\r\nHello.", "the last line has no end"},
		{"no body", head, "the message has no body"},
		{"nothing", "", "the message has no body"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if got := smtpnotifier.CheckWire([]byte(test.data), known, "jörg@example.com"); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
