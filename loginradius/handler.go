package loginradius

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/strictjson"
)

const contentType = "application/json; charset=utf-8"

// A Handler serves everything below /identity/. It is immutable and safe for
// concurrent use.
type Handler struct {
	apps map[string]*app
	log  *slog.Logger // for requests whose app is not known
}

// New returns a Handler. It reports every mistake in opts at once, as
// [*recovery.OptionError] values joined by [errors.Join].
func New(opts Options) (*Handler, error) {
	apps, err := opts.check()
	if err != nil {
		return nil, err
	}
	return &Handler{apps, opts.Apps[0].Service.Settings().Logger}, nil
}

// A call is one request on its way through the handler.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	query query
	app   *app
	log   *slog.Logger
}

// An operation is what a method does at an endpoint. It returns the answer to
// be marshalled.
type operation func(c *call) (answer any, err error)

// An endpoint is one path.
type endpoint struct {
	// management is for servers that prove the secret; the other endpoints are
	// for browsers too.
	management bool
	post, put  operation
}

// route finds the endpoint of a path. A path that is spelled with escapes is
// none: what stands in front of the handler may have read it differently
// (A52). Limits hold by operation in any case, not by path.
func route(u *url.URL) (endpoint, bool) {
	if u.RawPath != "" {
		return endpoint{}, false
	}
	switch u.Path {
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

// methods is the value of Allow.
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

// ServeHTTP answers every request with a JSON object.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	httpapi.SetSecurityHeaders(w.Header())
	c := &call{w: w, r: r, log: h.log}
	answer, err := h.serve(c)
	switch {
	case err != nil:
		c.fail(err)
	case answer != nil:
		c.write(http.StatusOK, answer)
	}
}

// serve returns neither an answer nor an error for a preflight that it has
// answered itself.
func (h *Handler) serve(c *call) (answer any, err error) {
	defer c.recoverPanic(&err)
	e, ok := route(c.r.URL)
	if !ok {
		return nil, errNoSuchPath
	}
	if e.management && isBrowser(c.r) {
		return nil, errBrowser
	}
	if c.query, err = parseQuery(c.r.URL.RawQuery); err == nil {
		c.app, err = h.findApp(c)
	}
	if c.app != nil {
		c.log = c.app.svc.Settings().Logger
		if !e.management {
			if c.app.cors.Preflight(c.w, c.r, e.methods(), "content-type") {
				return nil, nil
			}
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

// recoverPanic makes an error of a panic in the host's code: an SDK that gets a
// closed connection in place of an error tries again (ASVS v5.0.0-16.5.4).
func (c *call) recoverPanic(err *error) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	// Not the value, which may quote a secret.
	c.log.ErrorContext(c.r.Context(), "loginradius: panic", "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
	*err = errFailed
}

// body reads the body of a request, one JSON object whose names have any case.
func (c *call) body() (*strictjson.Object, error) {
	data, err := httpapi.ReadJSON(c.w, c.r)
	if e, ok := errors.AsType[*httpapi.BodyError](err); ok {
		return nil, c.badBody(e)
	}
	if err != nil {
		return nil, err
	}
	// null counts as absent: clients in .NET send it for what is not set.
	o, err := strictjson.Parse(data, strictjson.Options{FoldNames: true, NullIsAbsent: true})
	if err != nil {
		return nil, c.invalidBody(http.StatusBadRequest, err.Error(), true)
	}
	return o, nil
}

// member returns a string member of a body. Given is what is not null.
func member(body *strictjson.Object, name string) (value string, given bool, err error) {
	if value, given, err = body.String(name); err != nil {
		return "", false, malformed(name)
	}
	return value, given, nil
}

// requiredMember is member for one that must be there and not empty.
func requiredMember(body *strictjson.Object, name string) (string, error) {
	value, _, err := member(body, name)
	if err == nil && value == "" {
		err = required(name)
	}
	return value, err
}

// identifier reads the e-mail address or the user name, exactly one of them,
// and says which.
func (c *call) identifier(body *strictjson.Object) (key recovery.LeadKey, name string, err error) {
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
		return key, "", badParameter("Exactly one of email and username must be given.")
	case hasUsername && username == "":
		return key, "", required("username")
	case hasUsername && c.app.username == "":
		return key, "", badParameter("The username cannot be used here; use the email.")
	case hasUsername:
		return recovery.LeadKey{Field: c.app.username, Value: username}, "username", nil
	case email == "":
		return key, "", required("email")
	}
	return recovery.LeadKey{Field: c.app.email, Value: email}, "email", nil
}

// phone reads the phone number.
func (c *call) phone(body *strictjson.Object) (recovery.LeadKey, error) {
	number, err := requiredMember(body, "phone")
	if err == nil && c.app.phone == "" {
		err = badParameter("The phone cannot be used here.")
	}
	return recovery.LeadKey{Field: c.app.phone, Value: number}, err
}

// origin is where a public request comes from. With the client's address, the
// Service limits the pair of it and the key, which is public (A82).
func (c *call) origin() recovery.Requester {
	o := c.app.svc.Requester(c.r)
	o.Caller = c.app.caller
	return o
}

func (c *call) write(status int, answer any) {
	b, err := json.Marshal(answer)
	if err != nil {
		// Of strings, numbers and booleans it cannot fail.
		status, b = http.StatusInternalServerError, []byte(`{}`)
	}
	httpapi.WriteJSON(c.w, status, contentType, b)
}
