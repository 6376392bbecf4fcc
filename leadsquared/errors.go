package leadsquared

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/strictjson"
	"github.com/seed-51359b35/recovery/internal/wire"
	"github.com/seed-51359b35/recovery/password"
)

// The vendor's names for what can go wrong.
const (
	typeInvalidInput = "MXInvalidInputException"
	typeMissing      = "MXMandatoryAttributeMissingException"
	typeUnauthorized = "MXUnAuthorizedAccessException"
	typeNotFound     = "MXResourceNotFoundException"
	typeRateLimit    = "MXAPIRateLimitExceededException"
	typeInternal     = "MXInternalServerException"
)

// An exception is an error as the vendor's API answers it. All its texts are
// written in this library or by the host for the client to see. An exception
// never holds the text of a store, of a driver or of a client (A83).
type exception struct {
	status  int
	kind    string
	message string
}

func (x *exception) Error() string { return x.kind + ": " + x.message }

// errorBody is the only shape of error that the vendor documents. A client of
// the vendor parses the body before it looks at the status.
type errorBody struct {
	Status           string
	ExceptionType    string
	ExceptionMessage string
	IsSuccessful     *bool `json:",omitempty"`
}

func (x *exception) body(reset bool) errorBody {
	b := errorBody{Status: "Error", ExceptionType: x.kind, ExceptionMessage: x.message}
	if reset {
		b.IsSuccessful = new(bool)
	}
	return b
}

func invalidInput(message string) *exception {
	return &exception{http.StatusBadRequest, typeInvalidInput, message}
}

func missing(message string) *exception {
	return &exception{http.StatusBadRequest, typeMissing, message}
}

// The texts of 401 and 404 begin as the vendor's texts do.
var (
	errNotFound = &exception{http.StatusNotFound, typeNotFound,
		"The API could not be found. Please check the API signature."}
	errElsewhere = &exception{http.StatusNotFound, typeNotFound,
		"The API could not be found here. It is mounted at another path."}
	errMethod = &exception{http.StatusMethodNotAllowed, typeInvalidInput,
		"The API is not called with this method. Please check the API signature."}
	errKeyPair = &exception{http.StatusUnauthorized, typeUnauthorized,
		"The API call was made with invalid access credentials. Check your AccessKey and SecretKey."}
	errQuery        = invalidInput("The query string is malformed or too long.")
	errInvalidProof = invalidInput("The LeadId or TemporaryPassword is invalid or expired. Ask for a new link.")
	errRecipient    = missing("RecipientField is required: this portal sends no mail.")
	errCaptcha      = invalidInput("The CAPTCHA is missing or was not solved.")
	errInternal     = &exception{http.StatusInternalServerError, typeInternal,
		"The API call failed."}
	errOutcomeUnknown = &exception{http.StatusInternalServerError, typeInternal,
		"It is not known whether the password was changed. Ask for a new link."}
	errUnavailable = &exception{http.StatusServiceUnavailable, typeInternal,
		"The API is temporarily unavailable. Try again later."}
)

// wrongPublicKeys names the headers that are missing or, if none is, those that
// may be wrong. Somebody who has only a key pair learns what to send instead.
func wrongPublicKeys(r *http.Request, v2 bool) *exception {
	need := []string{"Authorization"}
	if v2 {
		need = append(need, "x-lsq-registertoken", "x-lsq-portalid")
	}
	var absent []string
	for _, name := range need {
		if len(r.Header.Values(name)) == 0 {
			absent = append(absent, name)
		}
	}
	text := "Check the " + headers(need) + "."
	if absent != nil {
		text = "Missing: the " + headers(absent) + "."
	}
	return &exception{http.StatusUnauthorized, typeUnauthorized, "The API call was made with invalid access credentials. " + text}
}

// headers lists names of headers as a sentence does.
func headers(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0] + " header"
	}
	return strings.Join(names[:last], ", ") + " and " + names[last] + " headers"
}

// explain turns an error into an exception and sets the headers that go with
// it. It logs an error whose text the client must not see.
func (h *Handler) explain(header http.Header, r *http.Request, e endpoint, err error) *exception {
	if x := explainOwn(header, err); x != nil {
		return x
	}
	x := errInternal
	switch recovery.ErrorCodeOf(err) {
	case recovery.ErrorCodeInvalidRequest:
		if i, ok := errors.AsType[*recovery.InvalidRequestError](err); ok {
			return invalidInput(i.Field + " " + i.Reason + ".")
		}
	case recovery.ErrorCodeRateLimited:
		if l, ok := errors.AsType[*recovery.RateLimitError](err); ok {
			return rateLimited(header, l)
		}
	case recovery.ErrorCodePasswordPolicy:
		if p, ok := errors.AsType[*password.PolicyError](err); ok {
			return refusedPassword(p)
		}
	case recovery.ErrorCodeInvalidProof:
		return errInvalidProof
	case recovery.ErrorCodeCaptchaFailed:
		return errCaptcha
	case recovery.ErrorCodeStepUpRequired, recovery.ErrorCodeSecondFactor:
		return stepUp(err)
	case recovery.ErrorCodeOutcomeUnknown:
		x = errOutcomeUnknown
	case recovery.ErrorCodeUnavailable:
		header.Set("Retry-After", strconv.Itoa(recovery.RetryAfterSeconds(err)))
		x = errUnavailable
	}
	h.logFailure(r, e, err)
	return x
}

// explainOwn returns the exception for an error that comes from this package or
// from reading the body, or nil for an error of the Service. These errors are
// never wrapped. explainOwn does not unwrap err either: an error of the Service
// can wrap an error of the host's, and that may be of any type.
func explainOwn(header http.Header, err error) *exception {
	switch err := err.(type) {
	case *exception:
		return err
	case *httpapi.BodyError:
		if err.Close {
			header.Set("Connection", "close")
		}
		status := err.Status
		if status == http.StatusUnsupportedMediaType {
			status = http.StatusBadRequest // the vendor lists the content type under 400
		}
		return &exception{status, typeInvalidInput, "The request " + err.Reason + "."}
	case *strictjson.Error:
		if err.Field == "" {
			return invalidInput("The " + err.Error() + ".")
		}
		return invalidInput(err.Error() + ".")
	}
	return nil
}

func rateLimited(header http.Header, err *recovery.RateLimitError) *exception {
	header.Set("Retry-After", strconv.Itoa(err.RetryAfterSeconds()))
	err.Quotas.SetHeader(header)
	return &exception{http.StatusTooManyRequests, typeRateLimit,
		wire.LimitExceeded(err.Limit.N, err.Limit.Window)}
}

func refusedPassword(err *password.PolicyError) *exception {
	reasons := make([]string, len(err.Violations))
	for i, v := range err.Violations {
		reasons[i] = v.Message
	}
	return invalidInput(strings.Join(reasons, " "))
}

func stepUp(err error) *exception {
	if s, ok := errors.AsType[*recovery.StepUpError](err); ok && s.Detail != "" {
		return invalidInput(s.Detail)
	}
	return invalidInput("A further proof is required.")
}

// logFailure logs an error that the answer does not describe. If the client has
// closed the connection, the failure is no reason for an alarm: anybody can
// cause it. What is unavailable the Service has logged.
func (h *Handler) logFailure(r *http.Request, e endpoint, err error) {
	const line = "leadsquared: request failed"
	code := recovery.ErrorCodeOf(err)
	if r.Context().Err() != nil || code == recovery.ErrorCodeUnavailable {
		h.log.DebugContext(r.Context(), line, "in", e.name, "error", err)
		return
	}
	h.outages.Failed(r.Context(), h.log, slog.LevelError, e.name+" "+string(code), line, "in", e.name, "error", err)
}
