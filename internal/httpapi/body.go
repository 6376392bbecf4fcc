package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// MaxBody is the size of the largest body in bytes.
const MaxBody = 16 << 10

// firstRead is the buffer for a body whose length is not declared.
const firstRead = 1 << 10

// A BodyError says why a body was not taken. Its Reason is safe to show.
type BodyError struct {
	// Status is the status to answer with: 400, 413 or 415.
	Status int

	// Reason completes a sentence that begins with "the request".
	Reason string

	// Close asks for "Connection: close" on the answer: where in the stream of
	// bytes the next request would begin is not known, or not worth finding.
	Close bool
}

// Error returns Reason.
func (e *BodyError) Error() string { return "request " + e.Reason }

// ReadJSON returns the body of a request that declares itself to be JSON and is
// no larger than [MaxBody]. Whether it is JSON, the caller finds out. Every
// error is a [*BodyError].
//
// The Content-Type is given once and says application/json, with no parameter
// but charset=utf-8 (415 otherwise). A browser sends that across origins only
// after a preflight, so no form on another site can forge a request. A
// compressed body is refused (415): 16 KiB of it can be 16 MiB. More than
// MaxBody is 413 and asks to close; a body that ends before its declared length
// is 400 and asks to close. A request without a body yields an empty slice.
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
	if rc == nil { // not from a server, which always sets it
		rc = http.NoBody
	}
	body, err := readAll(http.MaxBytesReader(w, rc, MaxBody), r.ContentLength)
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, errTooLarge()
		}
		return nil, errCut()
	}
	// net/http notices this itself; whoever replaced the Body may not.
	if int64(len(body)) < r.ContentLength {
		return nil, errCut()
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

func errCut() error {
	return &BodyError{
		Status: http.StatusBadRequest,
		Reason: "must have a complete body",
		Close:  true,
	}
}

// readAll is io.ReadAll with a first buffer that fits: declared bytes if the
// length is known. The one extra byte has the end of the body found without
// growing.
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
// or without. mime.ParseMediaType is not used: it lower-cases beyond ASCII
// before it looks (U+0130 becomes an i), decodes RFC 2231 parameters, and
// allocates a map for what is a constant in practice.
func isJSON(contentType string) bool {
	mediaType, param, found := strings.Cut(contentType, ";")
	if !equalFold(mediaType, "application/json") {
		return false
	}
	if !found {
		return true
	}
	name, value, _ := strings.Cut(param, "=")
	// No white space around "=" (RFC 9110, 5.6.6).
	if strings.HasSuffix(name, " ") || strings.HasPrefix(value, " ") {
		return false
	}
	return equalFold(name, "charset") && (equalFold(value, "utf-8") || equalFold(value, `"utf-8"`))
}

// equalFold compares s, trimmed of optional white space, with a lower-case
// word, without ASCII case. strings.EqualFold would take U+017F for an s.
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
