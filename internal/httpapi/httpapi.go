// Package httpapi holds what the library's own handlers and the vendors' wires
// have in common about HTTP: which JSON bodies they accept, which headers every
// answer carries, and which browser origins may read it.
//
// This package does not limit how long a client may take to send its headers
// and its body. The host application sets ReadHeaderTimeout, ReadTimeout and
// IdleTimeout on its http.Server.
package httpapi

import (
	"net/http"
	"strconv"
)

// RetryAfterUnavailable is the Retry-After of a 503, in seconds. Nobody knows
// when the dependency that failed will work again. In five seconds clients do
// not flood the server, and a person still waits for the answer.
const RetryAfterUnavailable = 5

// SetSecurityHeaders sets the security headers of an answer that is data and
// never a page. Nobody may store the answer, guess another content type for it,
// show it in a frame, or embed it in a page of another origin, and no Referer
// may name it. SetSecurityHeaders also removes an ETag and a Last-Modified that
// other code has set: an answer that nobody may store needs no validators.
// Call [CORS.Apply] after SetSecurityHeaders, because it relaxes
// Cross-Origin-Resource-Policy for the origins that it lists.
func SetSecurityHeaders(h http.Header) {
	h.Del("Etag")
	h.Del("Last-Modified")
	// One array serves all five headers, because this runs on every request.
	// The limited capacities keep a later Add from writing into the value of
	// the next header.
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

// WriteJSON writes an answer and declares its length, so that a client notices
// when the connection breaks in the middle of the body. A status that has no
// body (204, 304) is written without one. WriteJSON ignores an error of the
// write, because then the client is gone.
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

// SingleHeader returns the value of a header that a request may give at most
// once. For an absent header the value is "" and ok is true. For a header that
// is given more than once ok is false: another server on the way may use the
// other value.
func SingleHeader(h http.Header, name string) (value string, ok bool) {
	switch v := h.Values(name); len(v) {
	case 0:
		return "", true
	case 1:
		return v[0], true
	}
	return "", false
}
