package loginradius

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/wire"
	"github.com/seed-51359b35/recovery/password"
)

// retryAfter is how many seconds a client waits out a 503, where nobody knows
// how long the trouble lasts.
const retryAfter = "5"

// A failure is an answer that is an error. Its texts are fixed here or come
// from where they are made to be shown; none echoes a value that a client sent
// or an error of a dependency (A83).
type failure struct {
	status      int
	code        int
	message     string
	description string
	fields      []fieldError
	allow       string
	// close ends the connection: where in its bytes the next request would
	// begin is not known.
	close bool
}

func (f *failure) Error() string { return f.message + ": " + f.description }

// errorAnswer is the vendor's error, with its five keys always there.
type errorAnswer struct {
	Description           string
	ErrorCode             int
	Message               string
	IsProviderError       bool
	ProviderErrorResponse *string
	Errors                []fieldError `json:",omitempty"`
}

type fieldError struct {
	FieldName    string
	ErrorMessage string
}

const messageParameter = "A parameter is not formatted correctly"

var (
	errUnknownKey = &failure{
		status: http.StatusForbidden, code: 901, message: "The API key is unauthorized",
		description: "This API key belongs to no app, or the keys in query and header differ.",
	}
	errWrongSecret = &failure{
		status: http.StatusUnauthorized, code: 902, message: "The API secret is unauthorized",
		description: "This API secret is not the app's, or the secrets in query and header differ.",
	}
	errBrowser = &failure{
		status: http.StatusForbidden, code: 909,
		message:     "Your LoginRadius site does not have permission to access this endpoint",
		description: "This endpoint is for servers and refuses requests from browsers.",
	}
	errNoSuchPath = &failure{
		status: http.StatusNotFound, code: 908, message: messageParameter,
		description: "There is no such endpoint.",
	}
	errNoPassword = &failure{
		status: http.StatusBadRequest, code: 1089, message: "Password is missing",
		description: "The password is a required parameter.",
	}
	errBadToken = &failure{
		status: http.StatusForbidden, code: 1063, message: "Verification token (vtoken) is invalid",
		description: "The token is invalid, was used already or has expired. Ask for a new one.",
	}
	errBadCode = &failure{
		status: http.StatusForbidden, code: 1185, message: "email OTP is invalid",
		description: "The code is invalid, was used already or has expired. Ask for a new one.",
	}
	errFailed = &failure{
		status: http.StatusInternalServerError, code: 950, message: "Operation failed due to an unknown error",
		description: "The operation failed.",
	}
	errOutcomeUnknown = &failure{
		status: errFailed.status, code: errFailed.code, message: errFailed.message,
		description: "It is not known whether the password was changed. Ask for a new link or code.",
	}
	errUnavailable = &failure{
		status: http.StatusServiceUnavailable, code: errFailed.code, message: errFailed.message,
		description: "The service is temporarily unavailable. Try again.",
	}
)

func badParameter(description string) *failure {
	return &failure{status: http.StatusBadRequest, code: 908, message: messageParameter, description: description}
}

func required(name string) *failure { return badParameter("The " + name + " is a required parameter.") }

func malformed(name string) *failure {
	return badParameter("The " + name + " is not formatted correctly.")
}

func wrongMethod(allow string) *failure {
	return &failure{
		status: http.StatusMethodNotAllowed, code: 908, message: messageParameter,
		description: "This endpoint does not have that method.", allow: allow,
	}
}

// badBody is for a body that was not read to its end.
func (c *call) badBody(e *httpapi.BodyError) *failure {
	if e.Status != http.StatusUnsupportedMediaType {
		return c.invalidBody(e.Status, e.Error(), e.Close)
	}
	f := &failure{
		status: http.StatusBadRequest, code: 1083, message: "This content type header is not supported",
		description: sentence(e.Error()),
	}
	if len(c.r.Header["Content-Encoding"]) > 0 {
		// The vendor has no code for a compressed body, so the status says it.
		f.status = e.Status
	}
	return f
}

// invalidBody closes where the body may have been cut: an SDK counts
// characters, not bytes, in Content-Length, and what is left of its body would
// be read as the next request.
func (c *call) invalidBody(status int, why string, closes bool) *failure {
	f := &failure{status: status, code: 965, message: "The post body is invalid", description: sentence(why), close: closes}
	if c.r.Method == http.MethodPut {
		f.code, f.message = 1079, "Put body is invalid"
	}
	return f
}

func sentence(why string) string { return "The " + why + "." }

// naming makes the failure of a malformed identifier, by the name that the
// parameter has on this wire.
func naming(err error, name string) error {
	if errors.Is(err, recovery.ErrInvalidRequest) {
		return malformed(name)
	}
	return err
}

// limitFailure is a limit that this wire does not answer with 429.
type limitFailure struct {
	limit *recovery.RateLimitError
	*failure
}

// fail answers with an error.
func (c *call) fail(err error) {
	h := c.w.Header()
	f := c.failure(err)
	if f.allow != "" {
		h.Set("Allow", f.allow)
	}
	if f.close {
		h.Set("Connection", "close")
	}
	c.write(f.status, errorAnswer{
		Description: f.description, ErrorCode: f.code, Message: f.message, Errors: f.fields,
	})
}

// failure finds the answer to an error, and sets the headers that need more of
// it than the answer has.
func (c *call) failure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if limited, ok := errors.AsType[*limitFailure](err); ok {
		c.setLimit(limited.limit)
		return limited.failure
	}
	if limited, ok := errors.AsType[*recovery.RateLimitError](err); ok {
		c.setLimit(limited)
		message := wire.LimitExceeded(limited.Limit.N, limited.Limit.Window)
		return &failure{
			status: http.StatusTooManyRequests, code: 908, message: message, description: message + ".",
			// The Node SDK waits for the end of the connection.
			close: true,
		}
	}
	if refused, ok := errors.AsType[*password.PolicyError](err); ok {
		return weakPassword(refused)
	}
	if errors.Is(err, recovery.ErrStepUpRequired) {
		f := *errBrowser
		f.description = "A further proof is required."
		if asked, ok := errors.AsType[*recovery.StepUpError](err); ok && asked.Detail != "" {
			f.description = asked.Detail
		}
		return &f
	}
	f := errFailed
	switch {
	case errors.Is(err, recovery.ErrUnavailable):
		c.w.Header().Set("Retry-After", retryAfter)
		f = errUnavailable
	case errors.Is(err, recovery.ErrOutcomeUnknown):
		f = errOutcomeUnknown
	}
	// The path is one of ours. The query is not logged: it may hold the secret.
	level := slog.LevelError
	if c.r.Context().Err() != nil {
		level = slog.LevelDebug // the client hung up; anybody can
	}
	c.log.Log(c.r.Context(), level, "loginradius: request failed",
		"method", c.r.Method, "path", c.r.URL.Path, "status", f.status, "error", err)
	return f
}

func (c *call) setLimit(e *recovery.RateLimitError) {
	h := c.w.Header()
	h.Set("Retry-After", strconv.Itoa(e.RetryAfterSeconds()))
	e.Quotas.SetHeader(h)
}

// weakPassword has a code of its own for a password that leaked, and one for
// passwords that are well known or derived from the person. Any other reason,
// or one of those along with another, is the general code with a list.
func weakPassword(e *password.PolicyError) *failure {
	f := &failure{status: http.StatusForbidden}
	var texts []string
	var fields []fieldError
	known, breached := true, true
	for _, v := range e.Violations {
		switch v.Rule {
		case password.RuleCommon, password.RuleContext, password.RuleIdentifier:
			breached = false
		case password.RuleBreached:
			known = false
		default:
			known, breached = false, false
		}
		texts = append(texts, v.Message)
		fields = append(fields, fieldError{"password", v.Message})
	}
	f.description = strings.Join(texts, " ")
	switch {
	case known:
		f.code, f.message = 1216, "Weak password"
	case breached:
		f.code, f.message = 1315, "breached password"
	default:
		f.code, f.message, f.fields = 1134, "Validation failed for one or more fields", fields
	}
	return f
}
