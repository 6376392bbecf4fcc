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

// retryUnavailable is the Retry-After of a 503: long enough for a queue of
// hashes to drain, short enough for a person to wait.
const retryUnavailable = "5"

// An exception is an error in the vendor's words, all of which are ours: no
// text of a store, a driver or a stranger gets into one (A83).
type exception struct {
	status  int
	kind    string
	message string
}

func (x *exception) Error() string { return x.kind + ": " + x.message }

// errorBody is the one shape of error that the vendor prints, and a vendor
// client parses the body before it looks at the status.
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

func invalidInput(message string) error {
	return &exception{http.StatusBadRequest, typeInvalidInput, message}
}

func missing(message string) error {
	return &exception{http.StatusBadRequest, typeMissing, message}
}

// The texts of 401 and 404 begin as the vendor's do.
var (
	errNotFound error = &exception{http.StatusNotFound, typeNotFound,
		"The API could not be found. Please check the API signature."}
	errMethod error = &exception{http.StatusMethodNotAllowed, typeInvalidInput,
		"The API is not called with this method. Please check the API signature."}
	errPublicKeys error = &exception{http.StatusUnauthorized, typeUnauthorized,
		"The API call was made with invalid access credentials. Check the Authorization, x-lsq-registertoken and x-lsq-portalid headers."}
	errKeyPair error = &exception{http.StatusUnauthorized, typeUnauthorized,
		"The API call was made with invalid access credentials. Check your AccessKey and SecretKey."}
	errQuery error = &exception{http.StatusBadRequest, typeInvalidInput,
		"The query string is malformed or too long."}
	errInternal error = &exception{http.StatusInternalServerError, typeInternal,
		"The API call failed."}
)

// explain turns an error into an exception and sets the headers that go with
// it. What the exception must not say is logged.
func (h *Handler) explain(header http.Header, r *http.Request, e endpoint, err error) *exception {
	// These two come first: the cause they wrap is the host's, and may be an
	// error of any kind itself.
	switch {
	case errors.Is(err, recovery.ErrOutcomeUnknown):
		h.logFailure(r, e, err)
		return &exception{http.StatusInternalServerError, typeInternal,
			"It is not known whether the password was changed. Ask for a new link."}
	case errors.Is(err, recovery.ErrUnavailable):
		h.logFailure(r, e, err)
		header.Set("Retry-After", retryUnavailable)
		return &exception{http.StatusServiceUnavailable, typeInternal,
			"The API is temporarily unavailable. Try again later."}
	}
	if x, ok := errors.AsType[*exception](err); ok {
		return x
	}
	if b, ok := errors.AsType[*httpapi.BodyError](err); ok {
		if b.Close {
			header.Set("Connection", "close")
		}
		return &exception{b.Status, typeInvalidInput, "The request " + b.Reason + "."}
	}
	if j, ok := errors.AsType[*strictjson.Error](err); ok {
		text := j.Error()
		if j.Field == "" {
			text = "The " + text
		}
		return &exception{http.StatusBadRequest, typeInvalidInput, text + "."}
	}
	if i, ok := errors.AsType[*recovery.InvalidRequestError](err); ok {
		return &exception{http.StatusBadRequest, typeInvalidInput, i.Field + " " + i.Reason + "."}
	}
	if l, ok := errors.AsType[*recovery.RateLimitError](err); ok {
		header.Set("Retry-After", strconv.Itoa(l.RetryAfterSeconds()))
		l.Quotas.SetHeader(header)
		return &exception{http.StatusTooManyRequests, typeRateLimit,
			wire.LimitExceeded(l.Limit.N, l.Limit.Window)}
	}
	if p, ok := errors.AsType[*password.PolicyError](err); ok {
		reasons := make([]string, len(p.Violations))
		for i, v := range p.Violations {
			reasons[i] = v.Message
		}
		return &exception{http.StatusBadRequest, typeInvalidInput, strings.Join(reasons, " ")}
	}
	switch {
	case errors.Is(err, recovery.ErrInvalidProof):
		return &exception{http.StatusBadRequest, typeInvalidInput,
			"The LeadId or TemporaryPassword is invalid or expired. Ask for a new link."}
	case errors.Is(err, recovery.ErrStepUpRequired):
		text := "A further proof is required."
		if s, ok := errors.AsType[*recovery.StepUpError](err); ok && s.Detail != "" {
			text = s.Detail
		}
		return &exception{http.StatusBadRequest, typeInvalidInput, text}
	}
	h.logFailure(r, e, err)
	return &exception{http.StatusInternalServerError, typeInternal, "The API call failed."}
}

// logFailure logs what the answer does not say. A client that hung up has made
// calls fail, and is no cause for an alarm.
func (h *Handler) logFailure(r *http.Request, e endpoint, err error) {
	level := slog.LevelError
	if r.Context().Err() != nil {
		level = slog.LevelDebug
	}
	h.log.Log(r.Context(), level, "leadsquared: request failed", "in", e.name, "error", err)
}
