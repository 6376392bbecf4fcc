package recovery

import (
	"fmt"
	"html"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/seed-51359b35/recovery/internal/secret"
)

// A Secret holds a token, code or password. Printing, logging and marshalling
// show "[redacted]"; only Reveal returns the content. The zero value is the
// empty secret.
type Secret struct {
	// This field makes == a compile error: it would compare pointers. Use
	// Equal.
	_ [0]func()
	// The value is behind a pointer because of fmt. For a Secret in an
	// unexported field of another struct, fmt does not call String but prints
	// what it finds; here, it finds an address.
	value *string
}

const redacted = "[redacted]"

// NewSecret returns a Secret that holds s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{value: &s}
}

// Reveal returns the content. Search for the callers of Reveal to see where
// secrets go.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Equal reports whether two secrets have the same content. Its running time
// tells neither where the contents differ nor whether their lengths do.
func (s Secret) Equal(other Secret) bool {
	return secret.Equal(s.Reveal(), other.Reveal())
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == nil }

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// Format writes "[redacted]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", for encoding/json and similar packages.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// A scrubbedError has the text of another error, without certain words. Mail
// servers quote the address that they refuse, and databases the value that they
// looked for. Neither may reach the storage of a queue or a log (A39).
type scrubbedError struct {
	text  string
	cause error
}

func (e *scrubbedError) Error() string { return e.text }

func (e *scrubbedError) Unwrap() error { return e.cause }

// secrets returns what no error about the message may quote: the address, the
// account, the code, the links, and the values in the links. The values are listed on their
// own because they contain nothing that could be escaped in several ways.
func (m Message) secrets() []string {
	all := []string{m.URL.Reveal(), m.NotMe.Reveal(), m.Code.Reveal(), m.To, m.Account}
	for _, value := range m.Data {
		all = append(all, value)
	}
	links := []Secret{m.URL, m.NotMe}
	for _, a := range m.Accounts {
		all = append(all, a.URL.Reveal(), a.Account)
		links = append(links, a.URL)
	}
	for _, link := range links {
		u, err := url.Parse(link.Reveal())
		if err != nil {
			continue
		}
		values := strings.Split(u.Path, "/") // placeholders stand there
		for _, v := range u.Query() {
			values = append(values, v...)
		}
		for _, v := range values {
			if len(v) >= 16 {
				all = append(all, v)
			}
		}
	}
	return all
}

// addressLike matches what looks like an e-mail address. A mail server may quote
// one that nobody here knows, such as the one that it forwards to.
var addressLike = regexp.MustCompile(`[^\s<>()"',;:]+@[^\s<>()"',;:]+`)

// scrub replaces the secrets in the text of err, in upper and lower case, and
// as they are written in URLs, in HTML and in Go strings. It replaces every
// e-mail address too.
func scrub(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, s := range secrets {
		if len(s) < 3 {
			continue
		}
		forms := []string{s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s)}
		slices.Sort(forms)
		for _, form := range slices.Compact(forms) {
			if len(form) > 3*len(text) {
				continue // longer than any spelling in the text; compiling 16 KiB takes 60 ms (A61)
			}
			form = string([]rune(form)) // a stranger's value may be no text, which regexp refuses
			text = regexp.MustCompile("(?i)"+regexp.QuoteMeta(form)).ReplaceAllLiteralString(text, redacted)
		}
	}
	return &scrubbedError{addressLike.ReplaceAllLiteralString(text, redacted), err}
}
