package recoverytest

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"regexp"
	"strconv"
	"strings"

	"github.com/seed-51359b35/recovery"
)

// A link is one of the links of a message, and the field that has it.
type link struct {
	field string
	url   recovery.Secret
}

// quotesSecret returns the name of the field of the message whose secret a text
// contains, or a large part of it, as it is or in an escaping that mail, HTML,
// JSON, URLs or Go use. It returns the empty string if there is none.
func quotesSecret(text string, m recovery.Message) (field string) {
	for _, form := range forms(text) {
		digits := strings.NewReplacer(" ", "", "-", "", ".", "").Replace(form)
		if code := m.Code.Reveal(); code != "" && strings.Contains(digits, code) {
			return "Code"
		}
		links := []link{{"URL", m.URL}, {"NotMe", m.NotMe}}
		for _, a := range m.Accounts {
			links = append(links, link{"Accounts", a.URL})
		}
		for _, l := range links {
			if _, token, ok := strings.Cut(l.url.Reveal(), "token="); ok && hasPart(form, token) {
				return l.field
			}
		}
	}
	return ""
}

// hasPart reports whether a text contains half of a token, in any case: a
// fragment of that size tells too much.
func hasPart(text, token string) bool {
	const part = 13
	text, token = strings.ToLower(text), strings.ToLower(token)
	for i := 0; i+part <= len(token); i++ {
		if strings.Contains(text, token[i:i+part]) {
			return true
		}
	}
	return false
}

var (
	escaped   = regexp.MustCompile(`(?:%|=|\\x|\\u00)([0-9A-Fa-f]{2})`)
	lineBreak = regexp.MustCompile(`=?\r?\n[ \t]*|\\r|\\n`)
	base64Run = regexp.MustCompile(`[A-Za-z0-9+/]{8,}`)
	hexRun    = regexp.MustCompile(`(?:[0-9A-Fa-f]{2}[ :]?){8,}`)
)

// forms returns a text in every form that a reader could turn it into.
func forms(text string) []string {
	joined := lineBreak.ReplaceAllString(text, "")
	all := []string{text, joined}
	for _, s := range []string{text, joined} {
		// Twice, for what was escaped twice.
		once := unescape(s)
		all = append(all, once, unescape(once))
	}
	for _, run := range base64Run.FindAllString(strings.NewReplacer("-", "+", "_", "/").Replace(joined), -1) {
		for offset := range min(4, len(run)) {
			part := run[offset:]
			if decoded, err := base64.RawStdEncoding.DecodeString(part[:len(part)-len(part)%4]); err == nil {
				all = append(all, string(decoded))
			}
		}
	}
	for _, run := range hexRun.FindAllString(joined, -1) {
		if decoded, err := hex.DecodeString(strings.NewReplacer(" ", "", ":", "").Replace(run)); err == nil {
			all = append(all, string(decoded))
		}
	}
	return all
}

// unescape undoes the escaping of URLs, of quoted-printable, of JSON, of Go and
// of HTML.
func unescape(s string) string {
	return html.UnescapeString(escaped.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(e[len(e)-2:], 16, 8)
		if err != nil {
			return e
		}
		return string([]byte{byte(n)})
	}))
}
