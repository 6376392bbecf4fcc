package recovery

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/strictjson"
	"github.com/seed-51359b35/recovery/password"
)

// A problem is the body of an error (RFC 9457).
type problem struct {
	Type             string      `json:"type"`
	Title            string      `json:"title"`
	Status           int         `json:"status"`
	Detail           string      `json:"detail,omitempty"`
	Code             ErrorCode   `json:"code"`
	Field            string      `json:"field,omitempty"`
	Damaged          bool        `json:"damaged,omitempty"`
	Violations       []violation `json:"violations,omitempty"`
	ViolatedPolicies []string    `json:"violated-policies,omitempty"`
}

type violation struct {
	Rule    string `json:"rule"`
	Message string `json:"message"`
	Min     int    `json:"min,omitempty"`
	Max     int    `json:"max,omitempty"`
}

// The problem types that IANA's registry has for what happens here.
const (
	typeQuotaExceeded   = "https://iana.org/assignments/http-problem-types#quota-exceeded"
	typeReducedCapacity = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
)

// problems are the answers to the errors of a [Service], by the table at
// [ErrInvalidRequest].
var problems = map[ErrorCode]problem{
	ErrorCodeInvalidRequest: {Status: http.StatusBadRequest},
	ErrorCodeInvalidProof:   {Status: http.StatusBadRequest, Detail: "The link or code is invalid or expired."},
	ErrorCodePasswordPolicy: {Status: http.StatusUnprocessableEntity, Field: "password", Detail: "The password is not accepted."},
	ErrorCodeRateLimited:    {Status: http.StatusTooManyRequests, Type: typeQuotaExceeded, Detail: "Too many requests."},
	ErrorCodeStepUpRequired: {Status: http.StatusForbidden, Detail: "A further proof is required."},
	ErrorCodeSecondFactor:   {Status: http.StatusForbidden, Field: "secondFactor", Detail: "A second factor is required, and is missing or wrong."},
	ErrorCodeCaptchaFailed:  {Status: http.StatusForbidden, Detail: "The CAPTCHA is missing or was not solved."},
	ErrorCodeNoSuchLead:     {Status: http.StatusNotFound, Detail: "There is no lead that could reset a password."},
	ErrorCodeWrongPassword:  {Status: http.StatusUnprocessableEntity, Field: "currentPassword", Detail: "The current password is wrong."},
	ErrorCodeNotSignedIn:    {Status: http.StatusUnauthorized, Detail: "Nobody is signed in."},
	ErrorCodeOutcomeUnknown: {Status: http.StatusInternalServerError, Detail: "It is not certain that the password was changed. Please ask for a new link."},
	ErrorCodeUnavailable:    {Status: http.StatusServiceUnavailable, Type: typeReducedCapacity, Detail: "Please try again in a moment."},
	ErrorCodeInternal:       {Status: http.StatusInternalServerError, Detail: "Something went wrong."},
}

// writeError answers with an error.
func (s *Service) writeError(w http.ResponseWriter, r *http.Request, err error) {
	if body, ok := errors.AsType[*httpapi.BodyError](err); ok {
		if body.Close {
			w.Header().Set("Connection", "close")
		}
		writeProblem(w, problem{Status: body.Status, Code: "invalid_body", Detail: "The request " + body.Reason + "."})
		return
	}
	if syntax, ok := errors.AsType[*strictjson.Error](err); ok {
		writeProblem(w, problem{Status: http.StatusBadRequest, Code: ErrorCodeInvalidRequest, Field: syntax.Field, Detail: sentence(syntax.Error())})
		return
	}
	code := ErrorCodeOf(err)
	p := problems[code]
	p.Code = code
	switch code {
	case ErrorCodeInvalidProof:
		if p.Damaged = errors.Is(err, ErrDamagedProof); p.Damaged {
			p.Detail = "The link is not complete, was changed on its way, or was not made here. Open it in the message again, or copy all of it."
		}
	case ErrorCodeInvalidRequest:
		if request, ok := errors.AsType[*InvalidRequestError](err); ok {
			p.Field, p.Detail = request.Field, sentence(request.Field+" "+request.Reason)
		}
	case ErrorCodePasswordPolicy:
		policy, _ := errors.AsType[*password.PolicyError](err)
		for _, v := range policy.Violations {
			p.Violations = append(p.Violations, violation{string(v.Rule), v.Message, v.Min, v.Max})
		}
	case ErrorCodeRateLimited:
		limit, _ := errors.AsType[*RateLimitError](err)
		limit.Quotas.SetHeader(w.Header())
		w.Header().Set("Retry-After", strconv.Itoa(limit.RetryAfterSeconds()))
		p.ViolatedPolicies = []string{string(appendPolicyName(nil, limit.Scope, limit.Limit))}
	case ErrorCodeStepUpRequired:
		if stepUp, ok := errors.AsType[*StepUpError](err); ok && stepUp.Detail != "" {
			p.Detail = stepUp.Detail
		}
	case ErrorCodeNotSignedIn:
		// An answer with 401 needs this field (RFC 9110, section 15.5.2). How people
		// sign in is the host's affair.
		w.Header().Set("WWW-Authenticate", `Session realm="change-password"`)
	case ErrorCodeUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(RetryAfterSeconds(err)))
		s.log.DebugContext(r.Context(), "recovery: unavailable", "error", err) // watch tells the cause
	case ErrorCodeOutcomeUnknown:
		s.logFailure(r, "recovery: the outcome of a reset is unknown", err)
	case ErrorCodeInternal:
		s.logFailure(r, "recovery: internal error", err)
	}
	writeProblem(w, p)
}

// logFailure logs what an answer does not say. A client that hung up is no fault
// of the host: anybody can do that.
func (s *Service) logFailure(r *http.Request, what string, err error) {
	if r.Context().Err() != nil {
		s.log.DebugContext(r.Context(), what, "error", err)
		return
	}
	s.outages.Failed(r.Context(), s.log, slog.LevelError, what, what, "error", err)
}

func sentence(s string) string {
	s = strings.TrimPrefix(s, "recovery: ")
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

func writeProblem(w http.ResponseWriter, p problem) {
	p.Title = http.StatusText(p.Status)
	if p.Type == "" {
		p.Type = "about:blank"
	}
	b, err := json.Marshal(p)
	if err != nil {
		b = []byte(`{"type":"about:blank","title":"Internal Server Error","status":500,"code":"internal"}`)
	}
	httpapi.WriteJSON(w, p.Status, problemType, b)
}
