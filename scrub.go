package recovery

import "regexp"

// A scrubbedError says what another says, without certain words. Mail servers
// quote the address they refuse and databases the value they looked for, and
// what a queue stores or a log prints must hold neither (A39).
type scrubbedError struct {
	text  string
	cause error
}

func (e *scrubbedError) Error() string { return e.text }
func (e *scrubbedError) Unwrap() error { return e.cause }

// scrub hides the secrets in err's text, in any case.
func scrub(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, s := range secrets {
		if len(s) >= 3 {
			text = regexp.MustCompile("(?i)"+regexp.QuoteMeta(s)).ReplaceAllLiteralString(text, redacted)
		}
	}
	return &scrubbedError{text, err}
}
