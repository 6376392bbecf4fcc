package httpapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
)

// MaxBody is the size of the largest body in bytes.
const MaxBody = 16 << 10

// firstRead is the buffer for a body whose length is not declared.
const firstRead = 1 << 10

// A BodyError says why a body was refused. Its Reason is safe to show.
type BodyError struct {
	// Status is the status to answer with: 400, 408, 413 or 415.
	Status int

	// Reason completes a sentence that begins with "the request".
	Reason string

	// Close asks for "Connection: close" on the answer. It is true if the
	// server does not know where in the stream of bytes the next request
	// begins, or if finding that out costs too much.
	Close bool
}

// Error returns "request " and the Reason.
func (e *BodyError) Error() string { return "request " + e.Reason }

// ReadJSON returns the body of a request that declares itself to be JSON and is
// no larger than [MaxBody]. ReadJSON does not check that the body is JSON; the
// caller does. Every error is a [*BodyError], with one of these statuses:
//
//   - 415 unless Content-Type is given exactly once and is application/json,
//     with no parameter but charset=utf-8. A browser sends that type to another
//     origin only after a preflight, so no form on another site can forge a
//     request.
//   - 415 for a compressed body: 16 KiB of it can be 16 MiB.
//   - 413, with Close, for more than MaxBody.
//   - 408, with Close, for a body that does not come within the server's
//     ReadTimeout.
//   - 400, with Close, for a body that ends before its declared length.
//
// For a request without a body ReadJSON returns an empty slice.
func ReadJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if v := r.Header["Content-Type"]; len(v) != 1 || !isJSON(v[0]) {
		return nil, &BodyError{
			Status: http.StatusUnsupportedMediaType,
			Reason: "must have exactly one Content-Type header, application/json",
		}
	}
	for _, v := range r.Header["Content-Encoding"] {
		if !equalFold(v, "identity") {
			return nil, &BodyError{
				Status: http.StatusUnsupportedMediaType,
				Reason: "must not have a Content-Encoding",
			}
		}
	}
	if r.ContentLength > MaxBody {
		return nil, errTooLarge()
	}
	rc := r.Body
	if rc == nil { // only in tests: a server always sets Body
		rc = http.NoBody
	}
	body, err := readAll(http.MaxBytesReader(w, rc, MaxBody), r.ContentLength)
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, errTooLarge()
		}
		if IsTooSlow(err) {
			return nil, errTooSlow()
		}
		return nil, errIncomplete()
	}
	// net/http checks this itself. A middleware that replaced the Body may not.
	if int64(len(body)) < r.ContentLength {
		return nil, errIncomplete()
	}
	return body, nil
}

func errTooLarge() error {
	return &BodyError{
		Status: http.StatusRequestEntityTooLarge,
		Reason: "must not have a body larger than 16 KiB",
		Close:  true,
	}
}

func errTooSlow() error {
	return &BodyError{
		Status: http.StatusRequestTimeout,
		Reason: "must have a body that comes in time",
		Close:  true,
	}
}

// IsTooSlow reports whether reading a body failed because it did not come within
// the ReadTimeout of the http.Server. The answer is then 408.
func IsTooSlow(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func errIncomplete() error {
	return &BodyError{
		Status: http.StatusBadRequest,
		Reason: "must have a complete body",
		Close:  true,
	}
}

// readAll is io.ReadAll with a first buffer of the right size: the declared
// length, if there is one. One more byte of room lets readAll see the end of
// the body without a larger buffer.
func readAll(r io.Reader, declared int64) ([]byte, error) {
	if declared <= 0 {
		declared = firstRead
	}
	b := make([]byte, 0, declared+1)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// isJSON reports whether a Content-Type is application/json, with charset=utf-8
// or without. It does not use mime.ParseMediaType for three reasons: that
// function lower-cases letters outside ASCII before it compares (U+0130 becomes
// an i), it decodes RFC 2231 parameters, and it allocates a map for a header
// that is nearly always the same.
func isJSON(contentType string) bool {
	mediaType, params, _ := strings.Cut(contentType, ";")
	if !equalFold(mediaType, "application/json") {
		return false
	}
	given := false
	for param := range strings.SplitSeq(params, ";") {
		if strings.Trim(param, " \t") == "" {
			continue // a parameter may be missing (RFC 9110, 5.6.6)
		}
		name, value, _ := strings.Cut(param, "=")
		// No white space around "=" (RFC 9110, 5.6.6).
		if given || strings.HasSuffix(name, " ") || strings.HasPrefix(value, " ") ||
			!equalFold(name, "charset") || !equalFold(value, "utf-8") && !equalFold(value, `"utf-8"`) {
			return false
		}
		given = true
	}
	return true
}

// equalFold trims optional white space from s and compares the rest with a word
// in lower case, without regard to ASCII case. strings.EqualFold would treat
// U+017F as an s.
func equalFold(s, word string) bool {
	s = strings.Trim(s, " \t")
	if len(s) != len(word) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
