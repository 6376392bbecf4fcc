// Package httpapi holds the HTTP manners that the library's own handlers and
// the vendor wires have in common: what a JSON body may look like, which
// headers every answer carries, and which browser origins may read it.
//
// How long a client may take over its headers and its body is not decided here.
// The host application sets ReadHeaderTimeout, ReadTimeout and IdleTimeout on
// its http.Server.
package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strconv"
)

// RetryAfterUnavailable is the Retry-After of a 503, in seconds. Nobody knows
// when the dependency that failed will work again. Five seconds are enough for
// a queue of password hashes to get shorter, clients do not flood the server in
// the meantime, and a person still waits for the answer.
const RetryAfterUnavailable = 5

// Harden sets the security headers of an answer that is data and never a page:
// not stored, not sniffed, not framed, not embedded by other origins, and not a
// source of referrers. It removes validators set further out, since an answer
// that nobody may store needs none. [CORS.Apply] goes after Harden and loosens
// Cross-Origin-Resource-Policy for the origins it lists.
func Harden(h http.Header) {
	h.Del("Etag")
	h.Del("Last-Modified")
	// One backing array instead of five: this runs on every request. The
	// capacities keep a later Add from writing into the neighbour.
	v := []string{
		"no-store",
		"nosniff",
		"no-referrer",
		"default-src 'none'; frame-ancestors 'none'",
		"same-origin",
	}
	h["Cache-Control"] = v[0:1:1]
	h["X-Content-Type-Options"] = v[1:2:2]
	h["Referrer-Policy"] = v[2:3:3]
	h["Content-Security-Policy"] = v[3:4:4]
	h["Cross-Origin-Resource-Policy"] = v[4:5:5]
}

// WriteJSON writes an answer whose length is declared, so that a cut connection
// cannot pass for the end of the body. A status that has no body (204, 304) is
// written without one. Failures to write are the client's loss; there is nobody
// left to tell.
func WriteJSON(w http.ResponseWriter, status int, contentType string, body []byte) {
	if status == http.StatusNoContent || status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	h := w.Header()
	v := []string{contentType, strconv.Itoa(len(body))}
	h["Content-Type"] = v[0:1:1]
	h["Content-Length"] = v[1:2:2]
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// OneHeader returns the value of a header that may be given at most once. An
// absent header is "" and ok; one that is given twice is not ok, since the next
// server in line may prefer the other one.
func OneHeader(h http.Header, name string) (value string, ok bool) {
	switch v := h.Values(name); len(v) {
	case 0:
		return "", true
	case 1:
		return v[0], true
	}
	return "", false
}

// ConstantTimeEqual compares two secrets without showing where they differ. It
// compares their SHA-256 digests, so their lengths do not show either: the
// usual constant-time comparison returns at once when these differ.
func ConstantTimeEqual(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
