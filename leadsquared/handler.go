package leadsquared

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/clientaddr"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/strictjson"
)

const (
	contentType = "application/json; charset=utf-8"

	// What the preflight of a listed origin is told.
	corsMethods = http.MethodPost
	corsHeaders = "content-type, authorization, x-lsq-registertoken, x-lsq-portalid"
)

// A Handler serves the vendor's endpoints for one or more portals. [New] makes
// one. It does not change, owns no goroutine, and is safe for concurrent use.
type Handler struct {
	portals []*portal
	cors    *httpapi.CORS // of all portals together
	log     *slog.Logger

	// The Access endpoints compare secrets before a portal is known, so their
	// limit is no Service's.
	limiter *recovery.MemoryLimiter
	buckets *clientaddr.Resolver
}

// New returns a Handler for the portals. It reports every mistake in opts at
// once, as [*recovery.OptionError] values joined by [errors.Join].
func New(opts Options) (*Handler, error) {
	portals, cors, err := opts.build()
	if err != nil {
		return nil, err
	}
	buckets, err := clientaddr.New(nil, 0)
	if err != nil {
		return nil, err
	}
	if opts.Logger == nil {
		opts.Logger = portals[0].service.Settings().Logger
	}
	return &Handler{
		portals: portals, cors: cors, log: opts.Logger,
		limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}), buckets: buckets,
	}, nil
}

// An operation is what an endpoint does. It returns the body of a 200.
type operation func(h *Handler, c *call) (body any, err error)

// An endpoint is what stands behind a path.
type endpoint struct {
	name   string // for the log
	method string
	// portal says that browsers call it with the public keys of a portal; v2
	// that all three of them are needed.
	portal, v2 bool
	// reset says that errors carry IsSuccessful.
	reset bool
	do    operation
}

// call is one request to an endpoint, and the portal that its credentials
// chose, if it takes any.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	portal *portal
}

// longestPath is more than the longest path that is served.
const longestPath = 64

// endpointAt finds the endpoint of a path, which is compared without ASCII case
// and otherwise as it was sent: an escaped letter, a doubled or trailing slash
// or a dot segment makes it another path, so there are no aliases for a gateway
// to overlook (A52). No limit depends on the path either.
func endpointAt(path string) (endpoint, bool) {
	if len(path) > longestPath {
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

// ServeHTTP answers every request, in JSON. What it does not serve is 404.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	httpapi.SetSecurityHeaders(w.Header())
	e, known := endpointAt(r.URL.EscapedPath())
	// A preflight names the headers to come and not their values, so it cannot
	// be told which portal is meant: any that lists the origin will do. The
	// answer to the request itself goes by the list of its portal.
	if known && e.portal && h.cors.Preflight(w, r, corsMethods, corsHeaders) {
		return
	}
	body, err := any(nil), errNotFound
	if known {
		body, err = h.call(w, r, e)
	}
	status := http.StatusOK
	if err != nil {
		x := h.explain(w.Header(), r, e, err)
		status, body = x.status, x.body(e.reset)
	}
	b, err := json.Marshal(body)
	if err != nil {
		// All bodies are strings and one bool.
		panic(fmt.Sprintf("leadsquared: encoding %T: %v", body, err))
	}
	httpapi.WriteJSON(w, status, contentType, b)
}

// call checks method and credentials, in this order and before it looks at the
// body, and runs the operation. A panic in code of the host's is an error like
// any other: nothing has been written yet.
func (h *Handler) call(w http.ResponseWriter, r *http.Request, e endpoint) (body any, err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			panic(p)
		}
		// Not the value: it may quote a secret.
		h.log.ErrorContext(r.Context(), "leadsquared: panic", "in", e.name, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		body, err = nil, errInternal
	}()
	if r.Method != e.method {
		w.Header().Set("Allow", e.method)
		return nil, errMethod
	}
	c := &call{w: w, r: r}
	if e.portal {
		if c.portal = h.portalOf(r.Header, e.v2); c.portal == nil {
			// No portal, so no list of its own. That some portal lists the
			// origin, the preflight has told the page already; without this it
			// could not tell a wrong key from a dead network.
			h.cors.Apply(w, r)
			return nil, errPublicKeys
		}
		c.portal.cors.Apply(w, r)
	}
	return e.do(h, c)
}

// object reads the body. Portals send exact names; servers that accept any case
// have taught some clients otherwise, and .NET clients send null for absent.
func (c *call) object() (*strictjson.Object, error) {
	body, err := httpapi.ReadJSON(c.w, c.r)
	if err != nil {
		return nil, err
	}
	return strictjson.Parse(body, strictjson.Options{FoldNames: true, NullIsAbsent: true})
}

// origin is whom the limits count. The keys sit in browsers, so they name the
// portal and authenticate nobody: the Service counts the pair of portal and
// address, and the address alone (A82).
func (c *call) origin() recovery.Requester {
	o := c.portal.service.Requester(c.r)
	o.Caller = c.portal.caller
	return o
}

// required returns a string that must be there. An empty one is not.
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
