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

// forgotTokenAnswer has exactly the keys that a strict decoder of the vendor's
// expects, always both.
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
		// What is sent here is always a link, which that template has no
		// place for.
		m.template = ""
	}
	result, err := c.app.svc.IssueToken(c.r.Context(), recovery.IssueRequest{
		Key: m.key, Send: send, RecipientField: c.app.email, Link: &m.link, Template: m.template,
		Labels: labels,
		// No Client: the limit is the key's. The languages are the server's
		// and say nothing about the person.
		Requester: recovery.Requester{Caller: c.app.caller},
	})
	if err != nil {
		return nil, issueFailure(err, m.param)
	}
	result.Quotas.SetHeader(c.w.Header())
	return forgotTokenAnswer{result.Token.Reveal(), providers(result.IdentityProviders)}, nil
}

// issueFailure maps the errors that mean something else to a caller who holds
// the secret than to the public.
func issueFailure(err error, name string) error {
	if errors.Is(err, recovery.ErrLeadNotFound) {
		return errNoSuchUser
	}
	limited, ok := errors.AsType[*recovery.RateLimitError](err)
	if !ok {
		return naming(err, name)
	}
	switch limited.Scope {
	case recovery.ScopeIssue:
		return &limitFailure{limited, errTokenLimit}
	case recovery.ScopeRecipient, recovery.ScopeLead, recovery.ScopeBudget:
		return &limitFailure{limited, errMailLimit}
	}
	return err
}

// preventWebhook reads the caller's wish. The header wins.
func (c *call) preventWebhook() (bool, error) {
	prevent, err := boolean(paramPreventWebhook, c.query[paramPreventWebhook])
	if err != nil {
		return false, err
	}
	value, once := httpapi.SingleHeader(c.r.Header, headerPreventWebhook)
	if !once {
		return false, badParameter("The " + headerPreventWebhook + " header must not be given more than once.")
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
		return "", "", badParameter("The emailtemplate is not registered.")
	}
	return name, kind, nil
}

// resetURL returns the link to the page that the request names, or the default.
func (c *call) resetURL() (recovery.Link, error) {
	link, ok := c.app.resetURLs.find(c.query[paramResetURL])
	if !ok {
		return recovery.Link{}, badParameter("The resetpasswordurl is not one of the configured ones.")
	}
	return link, nil
}

// noResetURLIn refuses the parameter in a body, where somebody else may have
// looked for it (A02).
func noResetURLIn(body *strictjson.Object) error {
	if body.Has(paramResetURL) {
		return badParameter("The resetpasswordurl must be given in the query.")
	}
	return nil
}

// providers is never nil, so that it marshals as a list. Two SDKs look for
// certain words in the text of an answer and take it for a failure; no provider
// is called that, but what is on a lead came from elsewhere.
func providers(names []string) []string {
	list := make([]string, 0, len(names))
	for _, name := range names {
		if !strings.Contains(name, "Description") && !strings.Contains(name, "rrorCode") {
			list = append(list, name)
		}
	}
	return list
}

// What only a caller that holds the secret is told.
var (
	errNoSuchUser = &failure{
		status: http.StatusForbidden, code: 938, message: "User does not exist",
		description: "There is no user with this identifier who can reset a password.",
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
