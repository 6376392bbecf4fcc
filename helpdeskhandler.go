package recovery

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery/internal/ascii"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/secret"
)

// HelpDeskHandler returns the endpoints for a tool of the host's help desk, which
// runs on a server:
//
//	POST /help-desk/issue    {"leadId","operator","kind","ttl"?}   200 {"code","expires"} or {"url","token","expires"}
//	POST /help-desk/pending  {"leadId"}                            200 {"tokens":[{"id","kind","purpose","operator"?,"created"?,"expires"}]}
//	POST /help-desk/revoke   {"leadId","operator","id"?}           204
//
// with Authorization: Bearer and one of the keys, as [Service.IssueTokenHandler]
// says. "kind" is "code" for a code to be read out, or "link". "ttl" is a text such
// as "15m". Without "id", all that is pending is ended. Times are in UTC, to the
// second, and "created" is left out if the store does not know. /help-desk/pending,
// and /help-desk/revoke with "id", answer 501 if the TokenStore is no
// [TokenLister].
//
// The server must have authenticated the operator, and must know that the operator
// may do this: what "operator" says is believed. Whoever has one of the keys can
// take over any account, so never mount it where browsers reach it (A101). It
// refuses every request that a browser marks as its own. Each key counts against
// [Limits].Caller.
func (s *Service) HelpDeskHandler(keys ...APIKey) (http.Handler, error) {
	if err := checkKeys(keys); err != nil {
		return nil, err
	}
	keys = append([]APIKey(nil), keys...)
	endpoints := map[string]endpoint{}
	for path, serve := range map[string]serverEndpoint{
		"/help-desk/issue": s.serveHelpDeskIssue, "/help-desk/pending": s.serveHelpDeskPending, "/help-desk/revoke": s.serveHelpDeskRevoke,
	} {
		endpoints[path] = func(w http.ResponseWriter, r *http.Request) error {
			from, ok, err := s.authenticate(w, r, "help-desk", keys)
			if err != nil || !ok {
				return err
			}
			quotas, err := s.allowCaller(r.Context(), from)
			if err != nil {
				return err
			}
			quotas.SetHeader(w.Header())
			return serve(w, r, from)
		}
	}
	return s.api(nil, endpoints), nil
}

// A serverEndpoint answers a POST of a server that proved a secret.
type serverEndpoint func(w http.ResponseWriter, r *http.Request, from Requester) error

func (s *Service) serveHelpDeskIssue(w http.ResponseWriter, r *http.Request, from Requester) error {
	body, err := readObject(w, r, "leadId", "operator", "kind", "ttl")
	if err != nil {
		return err
	}
	req := HelpDeskRequest{Requester: from}
	if req.LeadID, err = required(body, "leadId"); err != nil {
		return err
	}
	if req.Operator, err = required(body, "operator"); err != nil {
		return err
	}
	kind, err := required(body, "kind")
	if err != nil {
		return err
	}
	if req.Code = kind == "code"; !req.Code && kind != "link" {
		return invalid("kind", `must be "code" or "link"`)
	}
	ttl, given, err := body.String("ttl")
	if err != nil {
		return err
	}
	if given {
		if req.TTL, err = time.ParseDuration(ttl); err != nil || req.TTL == 0 {
			return invalid("ttl", `must be a time such as "15m", of 1 min to 24 h`)
		}
	}
	issued, err := s.IssueForHelpDesk(r.Context(), req)
	if err != nil {
		return err
	}
	return answerJSON(w, struct {
		URL     string    `json:"url,omitempty"`
		Token   string    `json:"token,omitempty"`
		Code    string    `json:"code,omitempty"`
		Expires time.Time `json:"expires"`
	}{issued.URL.Reveal(), issued.Token.Reveal(), issued.Code.Reveal(), toSecond(issued.Expires)})
}

func (s *Service) serveHelpDeskPending(w http.ResponseWriter, r *http.Request, _ Requester) error {
	body, err := readObject(w, r, "leadId")
	if err != nil {
		return err
	}
	leadID, err := required(body, "leadId")
	if err != nil {
		return err
	}
	pending, err := s.PendingTokens(r.Context(), leadID)
	if errors.Is(err, errors.ErrUnsupported) {
		return s.answerUnsupported(w, err)
	}
	if err != nil {
		return err
	}
	type token struct {
		ID       string    `json:"id"`
		Kind     ProofKind `json:"kind"`
		Purpose  Purpose   `json:"purpose"`
		Operator string    `json:"operator,omitempty"`
		Created  time.Time `json:"created,omitzero"`
		Expires  time.Time `json:"expires"`
	}
	tokens := make([]token, len(pending))
	for i, t := range pending {
		tokens[i] = token{t.ID, t.Kind, t.Purpose, t.Operator, toSecond(t.Created), toSecond(t.Expires)}
	}
	return answerJSON(w, struct {
		Tokens []token `json:"tokens"`
	}{tokens})
}

func (s *Service) serveHelpDeskRevoke(w http.ResponseWriter, r *http.Request, from Requester) error {
	body, err := readObject(w, r, "leadId", "operator", "id")
	if err != nil {
		return err
	}
	leadID, err := required(body, "leadId")
	if err != nil {
		return err
	}
	e := Event{Caller: from.Caller, Client: from.Client}
	if e.Operator, err = required(body, "operator"); err != nil {
		return err
	}
	if !validOperator(e.Operator) {
		return invalid("operator", operatorRule)
	}
	id, one, err := body.String("id")
	if err != nil {
		return err
	}
	if one {
		err = s.revokeToken(r.Context(), leadID, id, e)
	} else {
		err = s.revokeTokens(r.Context(), leadID, e)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return s.answerUnsupported(w, err)
	}
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// answerUnsupported answers what the host's token store cannot do. Only servers of
// the host see it.
func (s *Service) answerUnsupported(w http.ResponseWriter, err error) error {
	writeProblem(w, problem{Status: http.StatusNotImplemented, Code: "unsupported", Detail: sentence(err.Error())})
	return nil
}

func answerJSON(w http.ResponseWriter, v any) error {
	answer, err := json.Marshal(v)
	if err != nil {
		return err
	}
	httpapi.WriteJSON(w, http.StatusOK, jsonType, answer)
	return nil
}

// toSecond leaves the zero time as it is.
func toSecond(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}

// checkKeys returns what is wrong with the keys of an API for servers.
func checkKeys(keys []APIKey) error {
	var mistakes OptionErrors
	if len(keys) == 0 {
		mistakes.Add("keys", "at least one is required")
	}
	seen := map[string]bool{}
	for i, k := range keys {
		if !ascii.IsName(k.ID, 1, 64) {
			mistakes.Add("keys", "the ID of key %d must be 1 to 64 of printable ASCII", i)
		}
		if len(k.Secret.Reveal()) < 16 {
			mistakes.Add("keys", "the secret of key %d has fewer than 16 bytes", i)
		}
		if seen["id "+k.ID] || seen["secret "+k.Secret.Reveal()] {
			mistakes.Add("keys", "key %d repeats another's ID or secret", i)
		}
		seen["id "+k.ID], seen["secret "+k.Secret.Reveal()] = true, true
	}
	return mistakes.Err()
}

// authenticate returns the server that sent the request, with the ID of its key as
// Caller. If it returns false and no error, it has answered the request.
func (s *Service) authenticate(w http.ResponseWriter, r *http.Request, realm string, keys []APIKey) (from Requester, ok bool, err error) {
	if r.Header["Origin"] != nil || r.Header["Sec-Fetch-Site"] != nil {
		writeProblem(w, problem{Status: http.StatusForbidden, Code: "browser", Detail: "This endpoint is not for browsers."})
		return from, false, nil
	}
	authorization, single := httpapi.SingleHeader(r.Header, "Authorization")
	scheme, presented, _ := strings.Cut(authorization, " ")
	from = s.ServerRequester(r)
	var quotas Quotas
	if presented != "" {
		if quotas, err = s.AllowSecret(r.Context(), from, NewSecret(presented)); err != nil {
			return from, false, err
		}
	}
	for _, k := range keys {
		// Every key is compared, so the time does not say which one is close.
		if secret.Equal(presented, k.Secret.Reveal()) && single && strings.EqualFold(scheme, "Bearer") {
			from.Caller = k.ID
		}
	}
	if from.Caller == "" {
		quotas.SetHeader(w.Header())
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`"`)
		writeProblem(w, problem{Status: http.StatusUnauthorized, Code: "unauthorized", Detail: "A valid API key is required."})
		return from, false, nil
	}
	return from, true, nil
}
