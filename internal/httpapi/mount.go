package httpapi

import (
	"errors"
	"path"
	"strings"
)

// maxRequested is the longest path in which Elsewhere looks for an endpoint. It
// looks behind each slash, and a path can be a megabyte of slashes.
const maxRequested = 512

// A Mount is the path below which a handler is mounted, as browsers see it:
// empty for the root, or a path such as "/shop/account". A handler finds its
// endpoints whether or not [http.StripPrefix] or a proxy has taken that path,
// or the first part of it, off a request.
type Mount string

// CheckMount returns an error unless s can be a [Mount].
func CheckMount(s string) error {
	if s == "" {
		return nil
	}
	if s[0] != '/' || strings.HasSuffix(s, "/") || path.Clean(s) != s {
		return errors.New("must begin with a slash, not end with one, and have no empty or dot segments; the root is the empty text")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`%?#\"<>{}*`, r) }) {
		return errors.New("must be a path in printable ASCII without spaces, escapes, wildcards and query")
	}
	return nil
}

// Find returns the endpoint that the path of a request means: the path without
// the mount, or without the last part of the mount if a proxy has taken the
// first part off. known reports whether there is such an endpoint. There are
// only as many spellings as the mount has segments, and a router that mounts
// the handler at one path lets one of them through (A52).
func (m Mount) Find(requested string, known func(endpoint string) bool) (endpoint string, ok bool) {
	for prefix := string(m); ; {
		if rest, cut := strings.CutPrefix(requested, prefix); cut && known(rest) {
			return rest, true
		}
		if prefix == "" {
			return "", false
		}
		if _, last, more := strings.Cut(prefix[1:], "/"); more {
			prefix = "/" + last
		} else {
			prefix = ""
		}
	}
}

// Elsewhere reports whether the path of a request, which [Mount.Find] did not
// find, is that of an endpoint below another path, and returns both. Then the handler is
// probably mounted where its options do not say so. Paths that are not clean are
// no mistake of the host.
func Elsewhere(requested string, known func(endpoint string) bool) (mountedAt, endpoint string, ok bool) {
	if len(requested) > maxRequested {
		return "", "", false
	}
	for i := 1; i < len(requested); i++ {
		if requested[i] == '/' && known(requested[i:]) && CheckMount(requested[:i]) == nil {
			return requested[:i], requested[i:], true
		}
	}
	return "", "", false
}
