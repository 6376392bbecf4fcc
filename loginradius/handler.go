package loginradius

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/outage"
	"github.com/seed-51359b35/recovery/internal/strictjson"
)

const (
	contentType = "application/json; charset=utf-8"

	// corsHeaders are what the vendor's SDK for browsers sends with every request,
	// and X-Origin-IP, which some pages send and which is believed from nobody
	// whom the host does not list.
	corsHeaders = "content-type, x-requested-with, x-origin-ip"
)

// A Handler serves four paths below /identity/. All others it answers with an
// error, or passes on to [Options].Next. Use [New] to make one. A Handler is
// immutable and safe for concurrent use.
type Handler struct {
	apps  map[string]*app
	mount httpapi.Mount
	next  *httpapi.Next
	log   *slog.Logger // for requests whose app is not known

	outages *outage.Log
	hints   httpapi.Hints
}

// New returns a Handler. It reports every mistake in opts at once, as
// [*recovery.OptionError] values joined by [errors.Join].
func New(opts Options) (*Handler, error) {
	apps, err := opts.check()
	if err != nil {
		return nil, err
	}
	return &Handler{
		apps: apps, mount: httpapi.Mount(opts.Path), next: httpapi.NewNext(opts.Next, Paths()),
		log: opts.Apps[0].Service.Settings().Logger, outages: outage.New("loginradius: works again"),
		hints: httpapi.Hints{Package: "loginradius", Option: "Path", Origins: "Apps[].Origins"},
	}, nil
}

// A call is one request. Its app is nil until the API key was found.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	query query
	app   *app
	log   *slog.Logger

	outages *outage.Log
}

// An operation serves one method of an endpoint. It returns the answer, which
// is then written as JSON.
type operation func(c *call) (answer any, err error)

// An endpoint says how to serve a path. The operation of a method that it does
// not serve is nil.
type endpoint struct {
	// management says that only servers with the secret may call the endpoint.
	// Browsers may call the others.
	management bool
	post, put  operation
}

// route finds the endpoint of a request. It refuses a path with percent escapes,
// because a gateway in front of the handler may read it differently (A52). No
// limit depends on the path: limits count by operation.
func (h *Handler) route(r *http.Request) (endpoint, error) {
	if r.URL.RawPath != "" {
		return endpoint{}, errNoSuchPath
	}
	known := func(path string) bool {
		_, ok := endpointAt(path)
		return ok
	}
	path, ok := h.mount.Find(r.URL.Path, known)
	if !ok {
		if at, elsewhere, ok := httpapi.Elsewhere(r.URL.Path, known); ok {
			h.hints.Mount(r.Context(), h.log, r.URL.Path, h.mount, at, elsewhere)
			return endpoint{}, errElsewhere
		}
		return endpoint{}, errNoSuchPath
	}
	e, _ := endpointAt(path)
	return e, nil
}

// oneSlash returns the request with one slash in front of identity, below the
// mount or at the root. SDKs that were set up with a base URL that ends in a slash
// send two.
func (h *Handler) oneSlash(r *http.Request) *http.Request {
	twice := func(path string) bool { return strings.HasPrefix(path, "//identity/") }
	path, ok := h.mount.Find(r.URL.Path, twice)
	if !ok || r.URL.RawPath != "" {
		return r
	}
	one, u := *r, *r.URL
	u.Path = strings.TrimSuffix(u.Path, path) + path[1:]
	one.URL = &u
	return &one
}

// Paths returns the paths that a [Handler] serves, below [Options].Path.
func Paths() []string {
	return []string{
		"/identity/v2/manage/account/forgot/token",
		"/identity/v2/auth/password", "/identity/v2/auth/password/reset", "/identity/v2/auth/password/otp",
	}
}

// endpointAt finds the endpoint of a path below the mount.
func endpointAt(path string) (endpoint, bool) {
	switch path {
	case "/identity/v2/manage/account/forgot/token":
		return endpoint{management: true, post: (*call).forgotToken}, true
	case "/identity/v2/auth/password":
		return endpoint{post: (*call).forgot, put: (*call).reset}, true
	case "/identity/v2/auth/password/reset":
		return endpoint{put: (*call).reset}, true
	case "/identity/v2/auth/password/otp":
		return endpoint{post: (*call).forgotByPhone, put: (*call).resetByPhone}, true
	}
	return endpoint{}, false
}

// methods returns the value of the Allow header.
func (e endpoint) methods() string {
	switch {
	case e.put == nil:
		return "POST"
	case e.post == nil:
		return "PUT"
	}
	return "POST, PUT"
}

// operation returns nil for a method that is not served. No header overrides
// the method (A67).
func (e endpoint) operation(method string) operation {
	switch method {
	case http.MethodPost:
		return e.post
	case http.MethodPut:
		return e.put
	}
	return nil
}

// ServeHTTP answers every request with a JSON object, except a preflight and
// what [Options].Next serves.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = h.oneSlash(httpapi.ShowSecrets(r))
	if h.next.Serve(w, r) {
		return
	}
	httpapi.SetSecurityHeaders(w.Header())
	c := &call{w: w, r: r, log: h.log, outages: h.outages}
	answer, err := h.serve(c)
	switch {
	case err != nil:
		c.fail(err)
	case answer != nil:
		c.write(http.StatusOK, answer)
	}
}

// serve returns the answer to a request. For a preflight that it has already
// answered itself it returns neither an answer nor an error.
func (h *Handler) serve(c *call) (answer any, err error) {
	defer c.recoverPanic(&err)
	e, err := h.route(c.r)
	if err != nil {
		return nil, err
	}
	if e.management && isBrowser(c.r) {
		return nil, errBrowser
	}
	if c.query, err = parseQuery(c.r.URL.RawQuery, isParam); err == nil {
		c.app, err = h.findApp(c)
	}
	if c.app != nil {
		c.log = c.app.log
		if !e.management {
			if c.app.cors.Preflight(c.w, c.r, e.methods(), corsHeaders) {
				return nil, nil
			}
			h.hints.Preflight(c.log, c.r, c.app.cors)
			c.app.cors.Apply(c.w, c.r)
		}
	}
	run := e.operation(c.r.Method)
	if run == nil {
		return nil, wrongMethod(e.methods())
	}
	if err != nil {
		return nil, err
	}
	if e.management {
		if err := c.authenticate(); err != nil {
			return nil, err
		}
	}
	return run(c)
}

// recoverPanic turns a panic in the host's code into an error. Without it the
// connection would be closed, and an SDK would send the request again (ASVS
// v5.0.0-16.5.4).
func (c *call) recoverPanic(err *error) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	// The log gets the type of the panic and not its value, which may quote a
	// secret.
	c.log.ErrorContext(c.r.Context(), "loginradius: panic", "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
	*err = errFailed
}

// body reads the body of a request: one JSON object, whose names are matched
// ignoring ASCII case.
func (c *call) body() (*strictjson.Object, error) {
	data, err := httpapi.ReadJSON(c.w, c.r)
	if e, ok := errors.AsType[*httpapi.BodyError](err); ok {
		return nil, c.unreadBody(e)
	}
	if err != nil {
		return nil, err
	}
	// A null counts as absent, because .NET clients send null for a value that
	// is not set.
	o, err := strictjson.Parse(data, strictjson.Options{FoldNames: true, NullIsAbsent: true})
	if err != nil {
		return nil, c.invalidBody(http.StatusBadRequest, err.Error(), true)
	}
	return o, nil
}

// member returns a string member of a body. given is false if the member is
// absent or null.
func member(body *strictjson.Object, name string) (value string, given bool, err error) {
	if value, given, err = body.String(name); err != nil {
		return "", false, malformed(name)
	}
	return value, given, nil
}

// requiredMember returns a string member that must be given and must not be
// empty.
func requiredMember(body *strictjson.Object, name string) (string, error) {
	value, _, err := member(body, name)
	if err == nil && value == "" {
		err = required(name)
	}
	return value, err
}

// identifier reads the e-mail address or the user name and returns the
// parameter that held it. Exactly one of the two must be given.
func (c *call) identifier(body *strictjson.Object) (key recovery.LeadKey, param string, err error) {
	email, hasEmail, err := member(body, "email")
	if err != nil {
		return key, "", err
	}
	username, hasUsername, err := member(body, "username")
	if err != nil {
		return key, "", err
	}
	switch {
	case hasEmail && hasUsername:
		return key, "", invalidParameter("Exactly one of email and username must be given.")
	case hasUsername && username == "":
		return key, "", required("username")
	case hasUsername && c.app.username == "":
		return key, "", invalidParameter("The username cannot be used here; use the email.")
	case hasUsername:
		return recovery.LeadKey{Field: c.app.username, Value: username}, "username", nil
	case email == "":
		return key, "", required("email")
	}
	return recovery.LeadKey{Field: c.app.email, Value: email}, "email", nil
}

// phone reads the telephone number.
func (c *call) phone(body *strictjson.Object) (recovery.LeadKey, error) {
	number, err := requiredMember(body, "phone")
	if err == nil && c.app.phone == "" {
		err = invalidParameter("The phone cannot be used here.")
	}
	return recovery.LeadKey{Field: c.app.phone, Value: number}, err
}

// requester returns the Requester that a public request is counted for. The key
// is public, so the Service limits the pair of key and client address (A82). A
// server that also sends the secret may call for other people's addresses.
func (c *call) requester() recovery.Requester {
	var from recovery.Requester
	if c.r.Header.Get(headerOriginIP) != "" && c.provesSecret() {
		from = c.app.svc.ServerRequester(c.r)
	} else {
		from = c.app.svc.Requester(c.r)
	}
	from.Caller = c.app.caller
	return from
}

func (c *call) write(status int, answer any) {
	b, err := json.Marshal(answer)
	if err != nil {
		// This cannot happen: answers are made of strings, numbers and bools.
		status, b = http.StatusInternalServerError, []byte(`{}`)
	}
	httpapi.WriteJSON(c.w, status, contentType, b)
}
