package recovery

import (
	"html"
	"net/url"
	"regexp"
	"slices"
)

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
