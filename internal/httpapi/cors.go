package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// exposedHeaders are the headers that a script in a browser may read besides
// the safelisted ones. They tell the script when it may try again.
const exposedHeaders = "Retry-After, RateLimit, RateLimit-Policy"

// CORS is an exact list of the browser origins that may call the public
// endpoints of a wire. It never allows credentials, because no endpoint
// authenticates by cookie. A CORS is immutable and safe for concurrent use. A
// nil *CORS and the zero CORS list no origin.
type CORS struct {
	origins map[string]struct{}
}

// NewCORS returns a list of origins. Each is written as browsers send it:
// scheme://host in lower case, with a port if it is not the default port of the
// scheme, and with nothing behind it. The scheme is https; http is allowed only
// for loopback hosts, and any other scheme only with the host localhost and no
// port, as the pages of an app have it ("capacitor://localhost"). Patterns are
// not allowed. Neither is "null", because every sandboxed frame has that origin.
// NewCORS reports all mistakes at once.
func NewCORS(origins []string) (*CORS, error) {
	c := &CORS{origins: make(map[string]struct{}, len(origins))}
	var errs []error
	for _, origin := range origins {
		if err := checkOrigin(origin); err != nil {
			errs = append(errs, fmt.Errorf("origin %q: %w", origin, err))
			continue
		}
		c.origins[origin] = struct{}{}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// Apply lets the page that sent r read the answer if the page's origin is
// listed, and reports whether it is listed. The result does not say whether to
// serve r: requests from the same origin and from clients that are not browsers
// are not listed either. Apply sets "Vary: Origin" for every request, listed or
// not, unless the list is empty.
func (c *CORS) Apply(w http.ResponseWriter, r *http.Request) (allowed bool) {
	if c == nil || len(c.origins) == 0 {
		return false
	}
	h := w.Header()
	varyByOrigin(h)
	origin := r.Header["Origin"]
	if len(origin) != 1 {
		return false
	}
	if _, ok := c.origins[origin[0]]; !ok {
		return false
	}
	v := []string{origin[0], exposedHeaders, "cross-origin"}
	h["Access-Control-Allow-Origin"] = v[0:1:1]
	h["Access-Control-Expose-Headers"] = v[1:2:2]
	h["Cross-Origin-Resource-Policy"] = v[2:3:3]
	return true
}

// Preflight answers r with 204 and returns true if r is the preflight of a
// listed origin (an OPTIONS request with one Access-Control-Request-Method).
// Otherwise it answers nothing, and the caller treats OPTIONS like any other
// method that it does not serve. methods and headers are lists separated by
// commas. The browser compares them with what the page wants.
func (c *CORS) Preflight(w http.ResponseWriter, r *http.Request, methods, headers string) bool {
	if r.Method != http.MethodOptions || len(r.Header["Access-Control-Request-Method"]) != 1 {
		return false
	}
	if !c.Apply(w, r) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", headers)
	w.WriteHeader(http.StatusNoContent)
	return true
}

// Unlisted returns the origin of a preflight that [CORS.Preflight] did not
// answer, so that the host can be told which origin to list. It returns false for
// any other request.
func (c *CORS) Unlisted(r *http.Request) (origin string, ok bool) {
	o := r.Header["Origin"]
	if r.Method != http.MethodOptions || len(r.Header["Access-Control-Request-Method"]) != 1 || len(o) != 1 {
		return "", false
	}
	if c != nil {
		if _, listed := c.origins[o[0]]; listed {
			return "", false
		}
	}
	return o[0], true
}

func varyByOrigin(h http.Header) {
	if !slices.Contains(h["Vary"], "Origin") {
		h.Add("Vary", "Origin")
	}
}

// checkOrigin checks that origin is spelled as a browser sends it. net/url
// would accept other spellings too. They would never match a request, and
// nobody would notice.
func checkOrigin(origin string) error {
	switch origin {
	case "":
		return errors.New("is empty")
	case "*":
		return errors.New("must name one origin, not all of them")
	case "null":
		return errors.New("is shared by all sandboxed pages")
	}
	scheme, authority, ok := strings.Cut(origin, "://")
	switch {
	case ok && (scheme == "https" || scheme == "http"):
	case ok && authority == "localhost" && isScheme(scheme) && scheme != "file":
		return nil // Capacitor, Ionic and Tauri, and apps that chose a scheme
	default:
		return errors.New("must begin with https://, or be that of an app, such as capacitor://localhost")
	}
	if strings.Contains(authority, "*") {
		return errors.New("must be exact, without *")
	}
	if i := strings.IndexAny(authority, `/\?#@`); i >= 0 {
		return fmt.Errorf("must be a scheme and a host, without %q", authority[i])
	}
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
		if err := checkPort(scheme, port); err != nil {
			return err
		}
	}
	loopback, err := checkHost(host)
	if err != nil {
		return err
	}
	if scheme == "http" && !loopback {
		return errors.New("must begin with https:// (http is for loopback hosts)")
	}
	return nil
}

// isScheme reports whether s is a scheme as browsers send it (RFC 3986, 3.1).
func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.') {
			continue
		}
		return false
	}
	return s != ""
}

func checkPort(scheme, port string) error {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return errors.New("must have a port between 1 and 65535")
	}
	if scheme == "https" && n == 443 || scheme == "http" && n == 80 {
		return errors.New("must not name the default port, which browsers leave out")
	}
	return nil
}

// checkHost checks that host is spelled as browsers send it, and reports
// whether it is a loopback host.
func checkHost(host string) (loopback bool, err error) {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		if !ok || err != nil || !a.Is6() || a.Is4In6() || a.Zone() != "" || a.String() != inner {
			return false, errors.New("must have a valid IPv6 address in its shortest form")
		}
		return a.IsLoopback(), nil
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
		return a.IsLoopback(), nil
	}
	if len(host) > 253 {
		return false, errors.New("must have a host of at most 253 bytes")
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		if !isLabel(label) {
			return false, errors.New("must have a valid lower-case ASCII host (xn-- form for others), without a dot at the end")
		}
		last = label
	}
	// Browsers read a host whose last label is a number as an IPv4 address and
	// send it in dotted form.
	if '0' <= last[0] && last[0] <= '9' {
		return false, errors.New("must have a host name or an IPv4 address in dotted form")
	}
	return last == "localhost", nil
}

func isLabel(s string) bool {
	if len(s) == 0 || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
