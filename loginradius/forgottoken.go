package loginradius

import (
	"errors"
	"net/http"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/strictjson"
)

const headerPreventWebhook = "X-PreventWebhook"

// forgotTokenAnswer has exactly the two keys that a strict decoder of the
// vendor's expects. Both are always given.
type forgotTokenAnswer struct {
	ForgotToken       string
	IdentityProviders []string
}

// forgotToken issues a token to a server that has proved the secret.
func (c *call) forgotToken() (any, error) {
	send, err := boolean(paramSendEmail, c.query[paramSendEmail])
	if err != nil {
		return nil, err
	}
	prevent, err := c.preventWebhook()
	if err != nil {
		return nil, err
	}
	var labels map[string]string
	if prevent {
		labels = map[string]string{recovery.LabelNoWebhook: "true"}
	}
	m, err := c.mailRequest()
	if err != nil {
		return nil, err
	}
	if m.kind == TemplateCode {
		// This endpoint always sends a link, and a template for codes has no
		// place for one.
		m.template = ""
	}
	// AcceptLanguage stays empty, because the header is the server's and says
	// nothing about the person. The limit belongs to the key, so Client is for
	// events: the address of the person, if the server passes it on.
	from := recovery.Requester{Caller: c.app.caller}
	if server := c.app.svc.ServerRequester(c.r); server.Server.IsValid() {
		from.Client, from.Server = server.Client, server.Server
	}
	result, err := c.app.svc.IssueToken(c.r.Context(), recovery.IssueRequest{
		Key: m.key, Send: send, RecipientField: c.app.email, Link: &m.link, Template: m.template,
		Labels: labels, Requester: from, Brand: c.app.svc.Brand(c.r),
	})
	if err != nil {
		return nil, issueFailure(err, m.param)
	}
	result.Quotas.SetHeader(c.w.Header())
	return forgotTokenAnswer{result.Token.Reveal(), providers(result.IdentityProviders)}, nil
}

// issueFailure replaces the errors that have another answer for a client with
// the secret than for the public.
func issueFailure(err error, param string) error {
	switch recovery.ErrorCodeOf(err) {
	case recovery.ErrorCodeNoSuchLead:
		return errNoSuchUser
	case recovery.ErrorCodeRateLimited:
		return issueLimit(err)
	}
	return withParam(err, param)
}

func issueLimit(err error) error {
	limited, ok := errors.AsType[*recovery.RateLimitError](err)
	if !ok {
		return err
	}
	switch limited.Scope {
	case recovery.ScopeIssueToken:
		return &limitFailure{limited, errTokenLimit}
	case recovery.ScopeRecipient, recovery.ScopeLead, recovery.ScopeBudget:
		return &limitFailure{limited, errMailLimit}
	}
	return err
}

// preventWebhook reads the parameter from the query and from the header. The
// header takes precedence.
func (c *call) preventWebhook() (bool, error) {
	prevent, err := boolean(paramPreventWebhook, c.query[paramPreventWebhook])
	if err != nil {
		return false, err
	}
	value, once := httpapi.SingleHeader(c.r.Header, headerPreventWebhook)
	if !once {
		return false, invalidParameter("The " + headerPreventWebhook + " header must not be given more than once.")
	}
	if value == "" {
		return prevent, nil
	}
	return boolean(headerPreventWebhook, value)
}

// emailTemplate returns the registered template that the request names, or the
// default.
func (c *call) emailTemplate() (name string, kind TemplateKind, err error) {
	if name = c.query[paramEmailTemplate]; name == "" {
		name = c.app.defaultEmail
	}
	if name == "" {
		return "", TemplateLink, nil
	}
	kind, ok := c.app.emailTemplates[name]
	if !ok {
		return "", "", invalidParameter("The emailtemplate is not registered.")
	}
	return name, kind, nil
}

// resetURL returns the link to the page that the request names, or the default.
func (c *call) resetURL() (recovery.Link, error) {
	link, ok := c.app.resetURLs.find(c.query[paramResetURL])
	if !ok {
		return recovery.Link{}, invalidParameter("The resetpasswordurl is not one of the configured ones.")
	}
	return link, nil
}

// noResetURLIn refuses resetpasswordurl in a body, where another server may
// have looked for it (A02).
func noResetURLIn(body *strictjson.Object) error {
	if body.Has(paramResetURL) {
		return invalidParameter("The resetpasswordurl must be given in the query.")
	}
	return nil
}

// providers returns a list that is never nil, so that it becomes a JSON list.
// It leaves out names with certain words: two SDKs look for these words in the
// text of an answer and then treat it as a failure. No real provider has such a
// name, but the names on a lead come from another system.
func providers(names []string) []string {
	list := make([]string, 0, len(names))
	for _, name := range names {
		if !strings.Contains(name, "Description") && !strings.Contains(name, "rrorCode") {
			list = append(list, name)
		}
	}
	return list
}

// Answers for clients that hold the secret.
var (
	errNoSuchUser = &failure{
		status: http.StatusForbidden, code: 938, message: "User does not exist",
		// The vendor's text.
		description: "The user does not exist, please use a valid user in order to process this request.",
	}
	errTokenLimit = &failure{
		status: http.StatusForbidden, code: 1178, message: "You have reached a limit for generating token",
		description: "Too many tokens were generated for this user. Try again later.",
	}
	errMailLimit = &failure{
		status: http.StatusForbidden, code: 1122, message: "You have reached a limit for sending emails",
		description: "Too many emails were sent to this user, or by this site. Try again later.",
	}
)
