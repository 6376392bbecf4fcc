package recovery

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/strictjson"
)

// Handler returns the library's own JSON API for browsers and apps:
//
//	POST /forgot-password  {"email"} or {"identifier":{"field","value"},"recipientField"?}   202 {} or {"handle"}
//	POST /check-token      {"token"}, {"leadId","token"} or {"identifier","code","handle"?}  204
//	POST /reset-password   the same and "password"                                           204
//	POST /not-me           {"token"}                                                         204
//
// and, if [Options].Invitations has a Link, for the page that it leads to:
//
//	POST /check-invitation   {"token"}              204
//	POST /accept-invitation  {"token","password"}   204
//
// If [ChangeOptions].SignedIn is set, also for whoever it says is signed in:
//
//	POST /change-password  {"currentPassword","password"}  204
//
// The answer is 401 if nobody is signed in, and 422 with the code "wrong_password" or
// "password_policy" if one of the two passwords is not accepted. It is 403 with the
// code "cross_origin" for a page of another origin, also one in [APIOptions].Origins
// (A102): the browser would send the person's cookie along.
//
// With [Options].ReturnTo, /forgot-password also takes "returnTo", which is
// [ForgotRequest].ReturnTo. The page of the link sends /check-token and
// /reset-password what the link has as "return_to", as "returnTo". Their answer is
// then 200 {"returnTo"} with the URL to offer, or 204 as without.
//
// With [Options].SecondFactor, /reset-password, /accept-invitation and
// /change-password also take "secondFactor". As long as it is missing or wrong for
// somebody who needs one, the answer is 403 with the code "second_factor". The client
// sends the same request again with a right one. The endpoints that check answer a
// valid link or code of such a person with 200 {"secondFactor":true}.
//
// [BrandOptions].Of says which brand a request is for. Its body never does.
//
// Names are exact, and unknown ones are refused. "email" stands for a key of the field
// [Options].EmailField. A code goes with it as well as with "identifier". A code that a
// help desk has read out needs no "handle", and may be typed as [CodeProof] says.
//
// Whoever asks with a recipientField of type FieldTypePhone is sent a code. A mail
// carries a link, or a code as [Options].MailCodes says: with MailCodesOnRequest, it
// carries a code if /forgot-password has "code": true.
//
// The answer to a request for a code has a "handle". The client keeps it, and sends it
// along with the code. /forgot-password takes "handle" too. The first time it is "",
// for a new one. From then on it is that of the last answer, so that a new code
// replaces the client's own, and no other: a client that sends "" each time is sent
// nothing while two of its earlier codes live. [ForgotRequest].Handle says what happens
// without "handle".
//
// With [Options].Captcha, /forgot-password takes its fields too. Errors are problem
// details (RFC 9457) with a member "code" for programs. [APIOptions] say where the API
// is mounted, and which pages of other origins may call it.
func (s *Service) Handler() http.Handler {
	endpoints := map[string]endpoint{
		"/forgot-password": s.serveForgot,
		"/check-token":     s.serveCheck,
		"/reset-password":  s.serveReset,
		"/not-me":          s.serveNotMe,
	}
	if s.opts.Invitations.Link.URL != "" {
		endpoints["/check-invitation"] = s.serveCheckInvitation
		endpoints["/accept-invitation"] = s.serveAcceptInvitation
	}
	if s.opts.Change.SignedIn != nil {
		endpoints["/change-password"] = s.serveChange
	}
	return s.api(s.cors, endpoints)
}

// An APIKey lets a server ask for reset tokens.
type APIKey struct {
	// ID names the key in limits and events: 1 to 64 of printable ASCII.
	ID string
	// Secret is what the server presents: at least 16 bytes, from a
	// cryptographic source.
	Secret Secret
}

// IssueTokenHandler returns the endpoint that hands reset tokens to servers:
//
//	POST /forgot-token  {"email"} or {"identifier":{"field","value"}}   200 {"token","expires","identityProviders"}
//
// with Authorization: Bearer and one of the keys; have two while one is being
// replaced. Unlike the public endpoints it says when there is no such lead
// (404). Never mount it where browsers reach it: it refuses every request that
// a browser marks as its own, but the key is an account-takeover credential
// (A80). A client that presents many wrong keys is answered with 429, as
// [Service.AllowSecret] says. It is found at the path of [APIOptions], and
// behind [http.StripPrefix] at any other.
func (s *Service) IssueTokenHandler(keys ...APIKey) (http.Handler, error) {
	if err := checkKeys(keys); err != nil {
		return nil, err
	}
	keys = append([]APIKey(nil), keys...)
	return s.api(nil, map[string]endpoint{"/forgot-token": func(w http.ResponseWriter, r *http.Request) error {
		return s.serveForgotToken(w, r, keys)
	}}), nil
}

// An endpoint answers a POST, or returns the error to be answered.
type endpoint func(w http.ResponseWriter, r *http.Request) error

// api routes by exact path, below the path where it is mounted. Limits are those
// of an operation and not of a path, so an alias of an endpoint has the same
// limits (A52).
func (s *Service) api(cors *httpapi.CORS, endpoints map[string]endpoint) http.Handler {
	known := func(path string) bool { return endpoints[path] != nil }
	hints := &httpapi.Hints{Package: "recovery", Option: "API.Path", Origins: "API.Origins"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httpapi.SetSecurityHeaders(w.Header())
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.log.ErrorContext(r.Context(), "recovery: panic", "in", "handler", "panic", panicText(p, unknownSecrets), "stack", string(debug.Stack()))
				s.writeError(w, r, errors.New("panic"))
			}
		}()
		path, ok := s.mount.Find(r.URL.Path, known)
		if !ok {
			cors.Apply(w, r)
			s.answerUnknownPath(w, r, hints, known)
			return
		}
		if cors.Preflight(w, r, http.MethodPost, "content-type") {
			return
		}
		cors.Apply(w, r)
		if r.Method != http.MethodPost {
			if cors != nil {
				hints.Preflight(s.log, r, cors)
			}
			w.Header().Set("Allow", http.MethodPost)
			writeProblem(w, problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Detail: "Use POST."})
			return
		}
		if err := endpoints[path](w, r); err != nil {
			s.writeError(w, r, err)
		}
	})
}

// answerUnknownPath answers 404. If the path is that of an endpoint below another
// path, it says so to whoever tries a new program.
func (s *Service) answerUnknownPath(w http.ResponseWriter, r *http.Request, hints *httpapi.Hints, known func(string) bool) {
	detail := "There is no such endpoint."
	if at, endpoint, ok := httpapi.Elsewhere(r.URL.Path, known); ok {
		hints.Mount(r.Context(), s.log, r.URL.Path, s.mount, at, endpoint)
		detail = fmt.Sprintf("There is no such endpoint below %s. This API expects %s%s.", at, s.mount, endpoint)
	}
	writeProblem(w, problem{Status: http.StatusNotFound, Code: "not_found", Detail: detail})
}

func (s *Service) serveForgot(w http.ResponseWriter, r *http.Request) error {
	body, err := readObject(w, r, append([]string{"email", "identifier", "recipientField", "returnTo", "code", "handle"}, s.opts.Captcha.Fields...)...)
	if err != nil {
		return err
	}
	req := ForgotRequest{Requester: s.Requester(r), Captcha: map[string]string{}, Brand: s.Brand(r)}
	for _, name := range s.opts.Captcha.Fields {
		value, given, err := body.String(name)
		if err != nil {
			return err
		}
		if given {
			req.Captcha[name] = value
		}
	}
	key, err := s.readKey(body)
	if err != nil {
		return err
	}
	req.Key = key.LeadKey
	if req.RecipientField, _, err = body.String("recipientField"); err != nil {
		return err
	}
	if req.ReturnTo, _, err = body.String("returnTo"); err != nil {
		return err
	}
	if req.Code, err = s.readCode(body, req.RecipientField); err != nil {
		return err
	}
	if err := s.readHandle(body, &req); err != nil {
		return err
	}
	result, err := s.ForgotPassword(r.Context(), req)
	if err != nil {
		return key.nameAsSent(err)
	}
	result.Quotas.SetHeader(w.Header())
	return writeAccepted(w, result)
}

func (s *Service) serveCheck(w http.ResponseWriter, r *http.Request) error {
	body, err := readObject(w, r, "email", "identifier", "leadId", "token", "code", "handle", "returnTo")
	if err != nil {
		return err
	}
	proof, key, err := s.readProof(body)
	if err != nil {
		return err
	}
	returnTo, _, err := body.String("returnTo")
	if err != nil {
		return err
	}
	result, err := s.CheckProof(r.Context(), CheckProofRequest{Proof: proof, Requester: s.Requester(r), Brand: s.Brand(r)})
	if err != nil {
		return key.nameAsSent(err)
	}
	result.Quotas.SetHeader(w.Header())
	return s.answerProven(w, returnTo, result.SecondFactor)
}

func (s *Service) serveReset(w http.ResponseWriter, r *http.Request) error {
	body, err := readObject(w, r, s.withSecondFactor("email", "identifier", "leadId", "token", "code", "handle", "password", "returnTo")...)
	if err != nil {
		return err
	}
	proof, key, err := s.readProof(body)
	if err != nil {
		return err
	}
	returnTo, _, err := body.String("returnTo")
	if err != nil {
		return err
	}
	pw, err := required(body, "password")
	if err != nil {
		return err
	}
	factor, _, err := body.String("secondFactor")
	if err != nil {
		return err
	}
	result, err := s.ResetPassword(r.Context(), ResetRequest{
		Proof: proof, Password: NewSecret(pw), SecondFactor: NewSecret(factor), Requester: s.Requester(r), Brand: s.Brand(r),
	})
	if err != nil {
		return key.nameAsSent(err)
	}
	result.Quotas.SetHeader(w.Header())
	return s.answerProven(w, returnTo, false)
}

// answerProven answers a request whose proof was valid: with 204, or with what there
// is to tell: where the person came from, if the link says so, and that a second
// factor is needed.
func (s *Service) answerProven(w http.ResponseWriter, returnTo string, secondFactor bool) error {
	place := s.OpenReturnTo(returnTo)
	if place == "" && !secondFactor {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	answer, err := json.Marshal(struct {
		ReturnTo     string `json:"returnTo,omitempty"`
		SecondFactor bool   `json:"secondFactor,omitempty"`
	}{place, secondFactor})
	if err != nil {
		return err
	}
	httpapi.WriteJSON(w, http.StatusOK, jsonType, answer)
	return nil
}

func (s *Service) serveCheckInvitation(w http.ResponseWriter, r *http.Request) error {
	body, err := readObject(w, r, "token")
	if err != nil {
		return err
	}
	token, err := required(body, "token")
	if err != nil {
		return err
	}
	result, err := s.CheckInvitation(r.Context(), CheckProofRequest{Proof: TokenProof(token), Requester: s.Requester(r), Brand: s.Brand(r)})
	if err != nil {
		return err
	}
	result.Quotas.SetHeader(w.Header())
	return s.answerProven(w, "", result.SecondFactor)
}

func (s *Service) serveAcceptInvitation(w http.ResponseWriter, r *http.Request) error {
	body, err := readObject(w, r, s.withSecondFactor("token", "password")...)
	if err != nil {
		return err
	}
	token, err := required(body, "token")
	if err != nil {
		return err
	}
	pw, err := required(body, "password")
	if err != nil {
		return err
	}
	factor, _, err := body.String("secondFactor")
	if err != nil {
		return err
	}
	result, err := s.AcceptInvitation(r.Context(), ResetRequest{
		Proof: TokenProof(token), Password: NewSecret(pw), SecondFactor: NewSecret(factor), Requester: s.Requester(r), Brand: s.Brand(r),
	})
	if err != nil {
		return err
	}
	result.Quotas.SetHeader(w.Header())
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// required returns the string of a member that must be given.
func required(body *strictjson.Object, name string) (string, error) {
	value, ok, err := body.String(name)
	if err == nil && !ok {
		err = invalid(name, "is required")
	}
	return value, err
}

func (s *Service) serveNotMe(w http.ResponseWriter, r *http.Request) error {
	body, err := readObject(w, r, "token")
	if err != nil {
		return err
	}
	token, err := required(body, "token")
	if err != nil {
		return err
	}
	result, err := s.NotMe(r.Context(), NotMeRequest{Token: NewSecret(token), Requester: s.Requester(r)})
	if err != nil {
		return err
	}
	result.Quotas.SetHeader(w.Header())
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) serveForgotToken(w http.ResponseWriter, r *http.Request, keys []APIKey) error {
	from, ok, err := s.authenticate(w, r, "forgot-token", keys)
	if err != nil || !ok {
		return err
	}
	body, err := readObject(w, r, "email", "identifier")
	if err != nil {
		return err
	}
	key, err := s.readKey(body)
	if err != nil {
		return err
	}
	result, err := s.IssueToken(r.Context(), IssueRequest{Key: key.LeadKey, Requester: from, Brand: s.Brand(r)})
	if err != nil {
		return key.nameAsSent(err)
	}
	providers := result.IdentityProviders
	if providers == nil {
		providers = []string{}
	}
	result.Quotas.SetHeader(w.Header())
	return answerJSON(w, struct {
		Token             string    `json:"token"`
		Expires           time.Time `json:"expires"`
		IdentityProviders []string  `json:"identityProviders"`
	}{result.Token.Reveal(), toSecond(result.Expires), providers})
}

func readObject(w http.ResponseWriter, r *http.Request, names ...string) (*strictjson.Object, error) {
	data, err := httpapi.ReadJSON(w, r)
	if err != nil {
		return nil, err
	}
	body, err := strictjson.Parse(data, strictjson.Options{})
	if err != nil {
		return nil, err
	}
	if name, found := body.Unknown(names...); found {
		return nil, invalid(name, "is not a known name")
	}
	return body, nil
}

// A sentKey is a lead key, and the member that held its value.
type sentKey struct {
	LeadKey
	member string // empty if no key was sent
}

// nameAsSent returns an error that names the member of the body, and not the
// field of the lead that it stands for.
func (k sentKey) nameAsSent(err error) error {
	if e, ok := errors.AsType[*InvalidRequestError](err); ok && k.member != "" && e.Field == k.Field {
		return invalid(k.member, e.Reason)
	}
	return err
}

// readKey reads "email" or "identifier", exactly one of them.
func (s *Service) readKey(body *strictjson.Object) (key sentKey, err error) {
	email, hasEmail, err := body.String("email")
	if err != nil {
		return sentKey{}, err
	}
	id, hasID, err := body.Object("identifier")
	if err != nil {
		return sentKey{}, err
	}
	switch {
	case hasEmail && hasID:
		return sentKey{}, invalid("identifier", "excludes email")
	case hasEmail && s.opts.EmailField == "":
		return sentKey{}, invalid("email", "is not a key of these leads, use identifier with one of "+s.searchable())
	case hasEmail:
		return sentKey{LeadKey{s.opts.EmailField, email}, "email"}, nil
	case !hasID:
		return sentKey{}, invalid("email", "is required, or identifier")
	}
	key.member = "identifier.value"
	if name, found := id.Unknown("field", "value"); found {
		return sentKey{}, invalid(name, "is not a known name")
	}
	for _, m := range []struct {
		name string
		to   *string
	}{{"field", &key.Field}, {"value", &key.Value}} {
		v, ok, err := id.String(m.name)
		if err != nil {
			return sentKey{}, err
		}
		if !ok {
			return sentKey{}, invalid("identifier."+m.name, "is required")
		}
		*m.to = v
	}
	return key, nil
}

// readProof reads a token, or a code with the key of its lead.
func (s *Service) readProof(body *strictjson.Object) (proof Proof, key sentKey, err error) {
	var token, leadID, code string
	var hasToken, hasLead, hasCode bool
	for _, m := range []struct {
		name  string
		value *string
		given *bool
	}{{"token", &token, &hasToken}, {"leadId", &leadID, &hasLead}, {"code", &code, &hasCode}} {
		if *m.value, *m.given, err = body.String(m.name); err != nil {
			return Proof{}, sentKey{}, err
		}
	}
	hasKey := body.Has("email") || body.Has("identifier")
	switch {
	case hasToken && hasCode:
		return Proof{}, sentKey{}, invalid("code", "excludes token")
	case hasToken && hasKey:
		return Proof{}, sentKey{}, invalid("token", "excludes email and identifier")
	case hasToken && body.Has("handle"):
		return Proof{}, sentKey{}, invalid("handle", "is for codes")
	case hasToken && hasLead:
		return LinkSecretProof(leadID, token), sentKey{}, nil
	case hasToken:
		return TokenProof(token), sentKey{}, nil
	case hasLead:
		return Proof{}, sentKey{}, invalid("token", "is required with leadId")
	case hasCode:
		if key, err = s.readKey(body); err != nil {
			return Proof{}, key, err
		}
		handle, _, err := body.String("handle")
		return CodeProof(key.LeadKey, code).WithHandle(handle), key, err
	}
	return Proof{}, sentKey{}, invalid("token", "is required, or code with email or identifier")
}

const (
	jsonType    = "application/json; charset=utf-8"
	problemType = "application/problem+json; charset=utf-8"
)
