package httpapi

import (
	"net/http"
	"strings"

	"github.com/seed-51359b35/recovery/internal/canonical"
)

// maxForNext is the length of the longest path that a Next gets, in bytes.
const maxForNext = 2048

// A Next is the host's handler for the paths that a wire does not serve. A nil
// *Next serves none.
type Next struct {
	handler http.Handler
	own     []string // in lower case
}

// NewNext returns nil if the host has no such handler. own are the paths that
// the wire serves.
func NewNext(handler http.Handler, own []string) *Next {
	if handler == nil {
		return nil
	}
	n := &Next{handler: handler}
	for _, path := range own {
		n.own = append(n.own, canonical.FoldASCII(path))
	}
	return n
}

// Serve passes a request on and returns true, if its path is none of the wire's
// own, below whatever mount, and no server can read it as one of them. Some
// servers merge slashes, resolve dot segments or unescape twice, cut what
// follows a semicolon, turn backslashes around, drop dots at the end, or take
// what follows a dot as the format of the answer ("/reset.json"). A handler that
// is a proxy to such a server would otherwise reset passwords there, past the
// wire and its limits (A52). Own paths are meant in any case, and with or without
// a slash at their end.
//
// The request and the header of the answer must be as they came.
func (n *Next) Serve(w http.ResponseWriter, r *http.Request) bool {
	if n == nil || !n.isFor(r.URL.Path) {
		return false
	}
	n.handler.ServeHTTP(w, r)
	return true
}

// isFor judges a path that was unescaped once.
func (n *Next) isFor(path string) bool {
	if len(path) > maxForNext || !strings.HasPrefix(path, "/") {
		return false
	}
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`%\;?#`, c) >= 0 {
			return false
		}
	}
	path = canonical.FoldASCII(strings.TrimSuffix(path, "/"))
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if segment == "" && path != "" || strings.HasSuffix(segment, ".") {
			return false
		}
	}
	last := strings.LastIndexByte(path, '/') + 1
	name, _, _ := strings.Cut(path[last:], ".")
	for _, own := range n.own {
		if strings.HasSuffix(path[:last]+name, own) {
			return false
		}
	}
	return true
}
