package leadsquared

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/outage"
	"github.com/seed-51359b35/recovery/internal/strictjson"
)

const (
	contentType = "application/json; charset=utf-8"

	// The headers that a preflight of a listed origin may ask for: the public
	// credentials, and the key pair where it is accepted from pages.
	corsHeaders = "content-type, authorization, x-lsq-registertoken, x-lsq-portalid"
	pairHeaders = "x-lsq-accesskey, x-lsq-secretkey"
)

// A Handler serves the vendor's endpoints for one or more portals. Use [New] to
// make one. A Handler starts no goroutine and is safe for concurrent use.
type Handler struct {
	portals []*portal
	mount   httpapi.Mount
	cors    *httpapi.CORS // of all portals together
	// accessCORS and pairCORS are of the portals whose pages may call the Access
	// endpoints, and of those whose v1 calls may carry a key pair.
	accessCORS, pairCORS *httpapi.CORS
	pairs                bool // whether v1 calls of a portal may carry a key pair
	next                 *httpapi.Next

	log     *slog.Logger
	outages *outage.Log
	hints   httpapi.Hints
}

// New returns a Handler for the portals. It reports every mistake in opts at
// once, as [*recovery.OptionError] values joined by [errors.Join].
func New(opts Options) (*Handler, error) {
	portals, err := opts.build()
	if err != nil {
		return nil, err
	}
	if opts.Logger == nil {
		opts.Logger = portals[0].service.Settings().Logger
	}
	h := &Handler{
		portals: portals, mount: httpapi.Mount(opts.Path), next: httpapi.NewNext(opts.Next, Paths()),
		log: opts.Logger, outages: outage.New("leadsquared: works again"),
		hints: httpapi.Hints{Package: "leadsquared", Option: "Path", Origins: "Portals[].Origins"},
	}
	var errs [3]error
	h.cors, errs[0] = opts.origins(func(Portal) bool { return true })
	h.accessCORS, errs[1] = opts.origins(func(p Portal) bool { return p.DangerouslyAllowAccessKeys })
	h.pairCORS, errs[2] = opts.origins(Portal.pairsInV1)
	h.pairs = slices.ContainsFunc(opts.Portals, Portal.pairsInV1)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return h, nil
}

// An operation serves an endpoint. It returns the body of a 200.
type operation func(h *Handler, c *call) (body any, err error)

// An endpoint says how to serve a path.
type endpoint struct {
	name   string // for the log
	method string
	// portal says that browsers call the endpoint with the public credentials
	// of a portal. The others are for a key pair. v2 says that all three
	// credentials are required.
	portal, v2 bool
	// reset says that errors carry IsSuccessful.
	reset bool
	do    operation
	// elsewhere says that the path is one of an endpoint below another path than
	// that of the handler.
	elsewhere bool
}

// A call is one request to an endpoint, and the portal whose credentials it
// carries.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	portal *portal
}

// maxPath is more than the length of the longest path that is served.
const maxPath = 64

// Paths returns the paths that a [Handler] serves, below [Options].Path, as the
// vendor spells them. A Handler finds them without regard to ASCII case.
func Paths() []string {
	return []string{
		"/api/Authentication/v2/SecureForgotPassword", "/api/Authentication/v2/ForgotPassword",
		"/api/Authentication/SecureForgotPassword", "/api/Authentication/ForgotPassword",
		"/api/Authentication/v2/ResetPassword", "/api/Authentication/ResetPassword",
		"/api/Access/PublicToken", "/api/Access/GetRegisterToken",
	}
}

// endpointAt finds the endpoint of a path. It compares the path without ASCII
// case and otherwise as the client sent it: an escaped letter, a doubled or
// trailing slash or a dot segment makes it another path. So no path has other
// spellings that a gateway could overlook (A52). No limit depends on the path
// either.
func endpointAt(path string) (endpoint, bool) {
	if len(path) > maxPath {
		return endpoint{}, false
	}
	forgot := endpoint{name: "forgot", method: http.MethodPost, portal: true, do: (*Handler).forgot}
	reset := endpoint{name: "reset", method: http.MethodPost, portal: true, reset: true, do: (*Handler).reset}
	switch canonical.FoldASCII(path) {
	case "/api/authentication/v2/secureforgotpassword", "/api/authentication/v2/forgotpassword":
		forgot.v2 = true
		return forgot, true
	case "/api/authentication/secureforgotpassword", "/api/authentication/forgotpassword":
		return forgot, true
	case "/api/authentication/v2/resetpassword":
		reset.v2 = true
		return reset, true
	case "/api/authentication/resetpassword":
		return reset, true
	case "/api/access/publictoken":
		return endpoint{name: "public token", method: http.MethodGet, do: (*Handler).publicToken}, true
	case "/api/access/getregistertoken":
		return endpoint{name: "register token", method: http.MethodGet, do: (*Handler).registerToken}, true
	}
	return endpoint{}, false
}

// endpoint finds the endpoint of a request below the path of the options.
func (h *Handler) endpoint(r *http.Request) (endpoint, bool) {
	known := func(path string) bool {
		_, ok := endpointAt(path)
		return ok
	}
	requested := r.URL.EscapedPath()
	path, ok := h.mount.Find(requested, known)
	if !ok {
		if at, elsewhere, ok := httpapi.Elsewhere(requested, known); ok {
			h.hints.Mount(r.Context(), h.log, requested, h.mount, at, elsewhere)
			return endpoint{elsewhere: true}, false
		}
	}
	return endpointAt(path)
}

// ServeHTTP answers every request in JSON, with 404 for a path that it does not
// serve. If there is a Next, that serves other paths.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = httpapi.ShowSecrets(r)
	if h.next.Serve(w, r) {
		return
	}
	httpapi.SetSecurityHeaders(w.Header())
	e, known := h.endpoint(r)
	if known && h.preflight(w, r, e) {
		return
	}
	var body any
	var err error = errNotFound
	switch {
	case known:
		body, err = h.call(w, r, e)
	case e.elsewhere:
		err = errElsewhere
	}
	status := http.StatusOK
	if err != nil {
		x := h.explain(w.Header(), r, e, err)
		status, body = x.status, x.body(e.reset)
	}
	b, err := json.Marshal(body)
	if err != nil {
		// This cannot happen: all bodies are made of strings and bools.
		panic(fmt.Sprintf("leadsquared: encoding %T: %v", body, err))
	}
	httpapi.WriteJSON(w, status, contentType, b)
}

// preflight answers the preflight of a listed origin. A preflight names the
// headers of the request and not their values. So it does not tell which portal
// the request is for, and it is allowed if any portal lists the origin. The
// answer to the request itself uses the list of its own portal.
func (h *Handler) preflight(w http.ResponseWriter, r *http.Request, e endpoint) bool {
	switch {
	case !e.portal:
		return h.accessCORS.Preflight(w, r, e.method, "content-type, "+pairHeaders)
	case !e.v2 && h.pairCORS.Preflight(w, r, e.method, corsHeaders+", "+pairHeaders):
		return true
	case h.cors.Preflight(w, r, e.method, corsHeaders):
		return true
	}
	h.hints.Preflight(h.log, r, h.cors)
	return false
}

// call checks the method, then the credentials, and then runs the operation,
// which reads the body. A panic in the host's code becomes an error like any
// other, because nothing of the answer has been written yet.
func (h *Handler) call(w http.ResponseWriter, r *http.Request, e endpoint) (body any, err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			panic(p)
		}
		// The log gets the type of the panic and not its value, which may quote
		// a secret.
		h.log.ErrorContext(r.Context(), "leadsquared: panic", "in", e.name, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		body, err = nil, errInternal
	}()
	if r.Method != e.method {
		w.Header().Set("Allow", e.method)
		return nil, errMethod
	}
	c := &call{w: w, r: r}
	if c.portal, err = h.authenticate(c, e); err != nil {
		// The portal is not known, so there is no list of its own to use.
		// Without these headers a page could not tell a wrong key from a
		// broken network. They give nothing away: the preflight has already
		// told the page whether some portal lists its origin.
		if e.portal {
			h.cors.Apply(w, r)
		} else {
			h.accessCORS.Apply(w, r)
		}
		return nil, err
	}
	if e.portal || c.portal.pairs {
		c.portal.cors.Apply(w, r)
	}
	return e.do(h, c)
}

// authenticate returns the portal whose credentials a request carries.
func (h *Handler) authenticate(c *call, e endpoint) (*portal, error) {
	switch {
	case !e.portal:
		p, quotas, err := h.portalOfKeyPair(c, func(*portal) bool { return true })
		quotas.SetHeader(c.w.Header())
		return p, err
	case !e.v2 && h.pairs && len(c.r.Header["Authorization"]) == 0:
		return h.portalByPairInV1(c)
	}
	if p := h.portalOf(c.r.Header, e.v2); p != nil {
		return p, nil
	}
	return nil, wrongPublicKeys(c.r, e.v2)
}

// object reads the body. Names are matched without case, because the vendor's
// servers accept any case and some clients depend on it. A null counts as
// absent, because .NET clients send null for a value that is not set.
func (c *call) object() (*strictjson.Object, error) {
	body, err := httpapi.ReadJSON(c.w, c.r)
	if err != nil {
		return nil, err
	}
	return strictjson.Parse(body, strictjson.Options{FoldNames: true, NullIsAbsent: true})
}

// requester returns whom the limits count. Every browser knows the keys, so
// they identify the portal and authenticate nobody. The Service counts the pair
// of portal and client address, and the address alone (A82).
func (c *call) requester() recovery.Requester {
	requester := c.portal.service.Requester(c.r)
	requester.Caller = c.portal.caller
	return requester
}

// required returns a string that must be given and must not be empty.
func required(o *strictjson.Object, in, name string) (string, error) {
	s, _, err := o.String(name)
	if err != nil {
		return "", err
	}
	if s == "" {
		return "", missing(in + name + " is required.")
	}
	return s, nil
}
