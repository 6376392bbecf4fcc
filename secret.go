package recovery

import (
	"fmt"
	"html"
	"log/slog"
	"net/url"
	"regexp"
	"slices"

	"github.com/seed-51359b35/recovery/internal/secret"
)

// A Secret is a token, code or password. It prints, logs and marshals as
// [redacted]; only Reveal gives it away. The zero value is the empty secret.
type Secret struct {
	// == would compare where the secrets stand. It does not compile: use Equal.
	_ [0]func()
	// A pointer, because fmt prints what stands in unexported fields of a
	// struct that holds a Secret without asking for its String method.
	value *string
}

const redacted = "[redacted]"

// NewSecret wraps s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{value: &s}
}

// Reveal returns the secret itself. Search for its callers to see where
// secrets go.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Equal reports whether two secrets are the same. The time that it takes does
// not tell where they differ, nor whether their lengths differ.
func (s Secret) Equal(other Secret) bool {
	return secret.Equal(s.Reveal(), other.Reveal())
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == nil }

// String returns [redacted].
func (s Secret) String() string { return redacted }

// Format writes [redacted], whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns [redacted].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns [redacted], for encoding/json and its like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// A scrubbedError says what another says, without certain words. Mail servers
// quote the address they refuse and databases the value they looked for, and
// what a queue stores or a log prints must hold neither (A39).
type scrubbedError struct {
	text  string
	cause error
}

func (e *scrubbedError) Error() string { return e.text }

func (e *scrubbedError) Unwrap() error { return e.cause }

// secrets are what no error about a message may quote: its address and code,
// its links, and what they carry, which is spelt alike however the rest is
// escaped.
func (m Message) secrets() []string {
	all := []string{m.URL.Reveal(), m.NotMe.Reveal(), m.Code.Reveal(), m.To}
	for _, link := range []Secret{m.URL, m.NotMe} {
		u, err := url.Parse(link.Reveal())
		if err != nil {
			continue
		}
		for _, values := range u.Query() {
			for _, v := range values {
				if len(v) >= 16 {
					all = append(all, v)
				}
			}
		}
	}
	return all
}

// scrub hides the secrets in err's text, in any case and as URLs, HTML and Go
// strings spell them.
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
			text = regexp.MustCompile("(?i)"+regexp.QuoteMeta(form)).ReplaceAllLiteralString(text, redacted)
		}
	}
	return &scrubbedError{text, err}
}
