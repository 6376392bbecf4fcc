package smtpnotifier

import (
	"bytes"
	"strings"
)

// maxLine is the longest line in bytes, without its CRLF (RFC 5322, section
// 2.1.1).
const maxLine = 998

// fields returns the header fields that a letter may have. The value says
// whether every letter must have the field. The package documentation lists
// them.
func (o Sender) fields() map[string]bool {
	fields := map[string]bool{
		"Auto-Submitted": true, "Content-Language": false, "Content-Type": true, "Date": true, "From": true,
		"MIME-Version": true, "Message-ID": true, "Subject": true, "To": true, "X-Auto-Response-Suppress": true,
	}
	if o.ReplyTo.Address != "" {
		fields["Reply-To"] = true
	}
	return fields
}

// checkWire returns what is wrong with a serialised letter, or "". It is the
// last check, and does not depend on how the letter was made. Whatever a
// template, a name or the next version of a library does, no letter has a
// header field that is not in fields (A13), or a line end that one server sees
// and another does not (CVE-2023-51764). Only the field To may have characters
// outside ASCII, and nothing but the recipient.
func checkWire(data []byte, fields map[string]bool, to mailbox) string {
	recipient := "<" + to.quoted() + ">"
	field := "" // the one that the line may continue
	seen := make(map[string]bool, len(fields))
	header := true
	for len(data) > 0 {
		line, rest, ok := bytes.Cut(data, []byte("\r\n"))
		if !ok {
			return "the last line has no end"
		}
		isTo := header && (string(line) == "To: "+recipient || field == "To" && string(line) == " "+recipient)
		if reason := checkLine(line); reason != "" && !isTo {
			return reason
		}
		data = rest
		if !header {
			continue
		}
		if len(line) == 0 {
			header = false
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(seen) == 0 || len(bytes.TrimSpace(line)) == 0 {
				return "the header is folded where it cannot be"
			}
			continue
		}
		name, _, ok := strings.Cut(string(line), ":")
		if _, known := fields[name]; !ok || !known {
			return "the header has a field that it must not have"
		}
		if seen[name] {
			return "the header has a field twice"
		}
		seen[name], field = true, name
	}
	if header {
		return "the message has no body"
	}
	for name, required := range fields {
		if required && !seen[name] {
			return "the header lacks the field " + name
		}
	}
	return ""
}

func checkLine(line []byte) string {
	if len(line) > maxLine {
		return "a line is longer than 998 bytes"
	}
	if bytes.ContainsFunc(line, func(r rune) bool { return r >= 0x7f || r < ' ' && r != '\t' }) {
		return "a line holds something other than printable ASCII"
	}
	return ""
}
