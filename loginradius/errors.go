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

// A failure is an answer that is an error. All its texts are written in this
// library or by the host for the client to see. A failure never holds a value
// that a client sent or the error of a dependency (A83).
type failure struct {
	status      int
	code        int
	message     string
	description string
	fields      []fieldError
	allow       string
	// close ends the connection after the answer.
	close bool
}

func (f *failure) Error() string { return f.message + ": " + f.description }

// errorAnswer is an error in the vendor's shape. Its five keys are always
// given.
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
		// The vendor's text, which also stands for secrets that differ.
		description: "The provided LoginRadius API secret is invalid or is not authorized, please use a valid or authorized LoginRadius API secret or check the API secret for your LoginRadius account.",
	}
	// Every SDK spells what it signs in another way, so signatures cannot be
	// checked. Without this answer people would look for a missing secret, which
	// their SDK leaves out on purpose.
	errSigned  = invalidParameter("Request signing is not supported here. Switch it off in the SDK, so that it sends the apisecret.")
	errBrowser = &failure{
		status: http.StatusForbidden, code: 909,
		message:     "Your LoginRadius site does not have permission to access this endpoint",
		description: "This endpoint is for servers and refuses requests from browsers.",
	}
	errNoSuchPath = &failure{
		status: http.StatusNotFound, code: 908, message: messageParameter,
		description: "There is no such endpoint.",
	}
	errElsewhere = &failure{
		status: http.StatusNotFound, code: 908, message: messageParameter,
		description: "There is no such endpoint here. The API is mounted at another path.",
	}
	errNoPassword = &failure{
		status: http.StatusBadRequest, code: 1089, message: "Password is missing",
		description: "The password is a required parameter.",
	}
	errInvalidToken = &failure{
		status: http.StatusForbidden, code: 1063, message: "Verification token (vtoken) is invalid",
		description: "The token is invalid, was used already or has expired. Ask for a new one.",
	}
	errInvalidCode = &failure{
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

func invalidParameter(description string) *failure {
	return &failure{status: http.StatusBadRequest, code: 908, message: messageParameter, description: description}
}

func required(name string) *failure {
	return invalidParameter("The " + name + " is a required parameter.")
}

func malformed(name string) *failure {
	return invalidParameter("The " + name + " is not formatted correctly.")
}

func wrongMethod(allow string) *failure {
	return &failure{
		status: http.StatusMethodNotAllowed, code: 908, message: messageParameter,
		description: "This endpoint does not have that method.", allow: allow,
	}
}

// unreadBody makes the failure for a body that was not read to its end.
func (c *call) unreadBody(e *httpapi.BodyError) *failure {
	if e.Status != http.StatusUnsupportedMediaType {
		return c.invalidBody(e.Status, e.Error(), e.Close)
	}
	f := &failure{
		status: http.StatusBadRequest, code: 1083, message: "This content type header is not supported",
		description: sentence(e.Error()),
	}
	if len(c.r.Header["Content-Encoding"]) > 0 {
		// The vendor has no code for a compressed body. So the status tells it.
		f.status = e.Status
	}
	return f
}

// invalidBody makes the failure for a body that is not valid. Set closes if the
// body may be incomplete: one SDK sends the number of characters, not of bytes,
// as Content-Length. The server would read the rest of such a body as the next
// request.
func (c *call) invalidBody(status int, why string, closes bool) *failure {
	f := &failure{status: status, code: 965, message: "The post body is invalid", description: sentence(why), close: closes}
	if c.r.Method == http.MethodPut {
		f.code, f.message = 1079, "Put body is invalid"
	}
	return f
}

func sentence(why string) string { return "The " + why + "." }

// withParam replaces an error of the Service about a malformed identifier by
// one that names the parameter of this API. It returns any other error as it
// is.
func withParam(err error, param string) error {
	if recovery.ErrorCodeOf(err) == recovery.ErrorCodeInvalidRequest {
		return malformed(param)
	}
	return err
}

// A limitFailure is an exceeded limit for which the vendor's API has an answer
// other than 429.
type limitFailure struct {
	limit *recovery.RateLimitError
	*failure
}

// fail answers with an error.
func (c *call) fail(err error) {
	h := c.w.Header()
	f := c.failureOf(err)
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

// failureOf returns the answer to an error, and sets the headers that the
// failure does not hold. It logs an error whose text the client must not see.
func (c *call) failureOf(err error) *failure {
	if f := c.ownFailure(err); f != nil {
		return f
	}
	f := errFailed
	switch recovery.ErrorCodeOf(err) {
	case recovery.ErrorCodeRateLimited:
		if limited, ok := errors.AsType[*recovery.RateLimitError](err); ok {
			return c.rateLimited(limited)
		}
	case recovery.ErrorCodePasswordPolicy:
		if refused, ok := errors.AsType[*password.PolicyError](err); ok {
			return weakPassword(refused)
		}
	case recovery.ErrorCodeCaptchaFailed:
		return invalidParameter("The CAPTCHA is missing or was not solved.")
	case recovery.ErrorCodeStepUpRequired, recovery.ErrorCodeSecondFactor:
		return stepUp(err)
	case recovery.ErrorCodeOutcomeUnknown:
		f = errOutcomeUnknown
	case recovery.ErrorCodeUnavailable:
		c.w.Header().Set("Retry-After", strconv.Itoa(recovery.RetryAfterSeconds(err)))
		f = errUnavailable
	}
	c.logFailure(f, err)
	return f
}

// ownFailure returns the failure for an error of this package, or nil for an
// error of the Service. Errors of this package are never wrapped. ownFailure
// does not unwrap err either: an error of the Service can wrap an error of the
// host's, and that may be of any type.
func (c *call) ownFailure(err error) *failure {
	switch err := err.(type) {
	case *failure:
		return err
	case *limitFailure:
		c.setLimit(err.limit)
		return err.failure
	}
	return nil
}

func (c *call) rateLimited(err *recovery.RateLimitError) *failure {
	c.setLimit(err)
	message := wire.LimitExceeded(err.Limit.N, err.Limit.Window)
	return &failure{
		status: http.StatusTooManyRequests, code: 908, message: message, description: message + ".",
		// The vendor's SDK for Node waits until the connection is closed.
		close: true,
	}
}

func (c *call) setLimit(err *recovery.RateLimitError) {
	h := c.w.Header()
	h.Set("Retry-After", strconv.Itoa(err.RetryAfterSeconds()))
	err.Quotas.SetHeader(h)
}

func stepUp(err error) *failure {
	f := *errBrowser
	f.description = "A further proof is required."
	if s, ok := errors.AsType[*recovery.StepUpError](err); ok && s.Detail != "" {
		f.description = s.Detail
	}
	return &f
}

// logFailure logs an error that the answer does not describe. The path is one
// of this package's own. The query is not logged, because it may hold the
// secret.
func (c *call) logFailure(f *failure, err error) {
	const line = "loginradius: request failed"
	args := []any{"method", c.r.Method, "path", c.r.URL.Path, "status", f.status, "error", err}
	code := recovery.ErrorCodeOf(err)
	// Anybody can close a connection, and the Service has logged what is
	// unavailable.
	if c.r.Context().Err() != nil || code == recovery.ErrorCodeUnavailable {
		c.log.DebugContext(c.r.Context(), line, args...)
		return
	}
	c.outages.Failed(c.r.Context(), c.log, slog.LevelError, string(code), line, args...)
}

// weakPassword makes the failure for a refused password. There is one code for
// a breached password, and one for a password that is well known or derived
// from the person. For any other reason, and for several reasons of different
// kinds, there is the general code with a list.
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
