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

// unavailableSeconds is the Retry-After of a 503. Nothing is known about when
// the dependency comes back; the client should neither hammer nor give up.
const unavailableSeconds = 5

// problems are the answers to the errors of a [Service], by the table at
// [ErrInvalidRequest].
var problems = map[ErrorCode]problem{
	CodeInvalidRequest: {Status: http.StatusBadRequest},
	CodeInvalidProof:   {Status: http.StatusBadRequest, Detail: "The link or code is invalid or expired."},
	CodePasswordPolicy: {Status: http.StatusUnprocessableEntity, Field: "password", Detail: "The password is not accepted."},
	CodeRateLimited:    {Status: http.StatusTooManyRequests, Type: typeQuotaExceeded, Detail: "Too many requests."},
	CodeStepUpRequired: {Status: http.StatusForbidden, Detail: "A further proof is required."},
	CodeNoSuchLead:     {Status: http.StatusNotFound, Detail: "There is no lead that could reset a password."},
	CodeOutcomeUnknown: {Status: http.StatusInternalServerError, Detail: "It is not certain that the password was changed. Please ask for a new link."},
	CodeUnavailable:    {Status: http.StatusServiceUnavailable, Type: typeReducedCapacity, Detail: "Please try again in a moment."},
	CodeInternal:       {Status: http.StatusInternalServerError, Detail: "Something went wrong."},
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
		writeProblem(w, problem{Status: http.StatusBadRequest, Code: CodeInvalidRequest, Field: syntax.Field, Detail: sentence(syntax.Error())})
		return
	}
	code := ErrorCodeOf(err)
	p := problems[code]
	p.Code = code
	switch code {
	case CodeInvalidRequest:
		if request, ok := errors.AsType[*InvalidRequestError](err); ok {
			p.Field, p.Detail = request.Field, sentence(request.Field+" "+request.Reason)
		}
	case CodePasswordPolicy:
		policy, _ := errors.AsType[*password.PolicyError](err)
		for _, v := range policy.Violations {
			p.Violations = append(p.Violations, violation{string(v.Rule), v.Message, v.Min, v.Max})
		}
	case CodeRateLimited:
		limit, _ := errors.AsType[*RateLimitError](err)
		limit.Quotas.SetHeader(w.Header())
		w.Header().Set("Retry-After", strconv.Itoa(limit.RetryAfterSeconds()))
		p.ViolatedPolicies = []string{string(appendPolicyName(nil, limit.Scope, limit.Limit))}
	case CodeStepUpRequired:
		if stepUp, ok := errors.AsType[*StepUpError](err); ok && stepUp.Detail != "" {
			p.Detail = stepUp.Detail
		}
	case CodeUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(unavailableSeconds))
		s.logFailure(r, "recovery: unavailable", err)
	case CodeOutcomeUnknown:
		s.logFailure(r, "recovery: the outcome of a reset is unknown", err)
	case CodeInternal:
		s.logFailure(r, "recovery: internal error", err)
	}
	writeProblem(w, p)
}

// logFailure logs what an answer does not say. A client that hung up is no fault
// of the host: anybody can do that.
func (s *Service) logFailure(r *http.Request, what string, err error) {
	level := slog.LevelError
	if r.Context().Err() != nil {
		level = slog.LevelDebug
	}
	s.log.Log(r.Context(), level, what, "error", err)
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
