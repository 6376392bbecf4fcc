package loginradius

import (
	"slices"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/strictjson"
)

// posted is the answer of every public endpoint. It says that the request was
// accepted, and nothing about the identifier in it (A20).
type posted struct{ IsPosted bool }

// forgot asks the Service to send a link, or a code if the template is one for
// codes.
//
// It does not read prevent_webhook: only a client that has proved the secret
// may keep the host's other systems from learning of an event.
func (c *call) forgot() (any, error) {
	m, err := c.mailRequest()
	if err != nil {
		return nil, err
	}
	captcha, err := c.captcha(m.body)
	if err != nil {
		return nil, err
	}
	return c.forgotPassword(m.param, recovery.ForgotRequest{
		Key: m.key, RecipientField: c.app.email, Code: m.kind == TemplateCode,
		Link: &m.link, Template: m.template, Captcha: captcha,
	})
}

// A mailRequest holds the parameters that both endpoints that send mail have.
type mailRequest struct {
	key      recovery.LeadKey
	param    string // the parameter that held the identifier
	link     recovery.Link
	template string
	kind     TemplateKind
	body     *strictjson.Object
}

func (c *call) mailRequest() (m mailRequest, err error) {
	if m.template, m.kind, err = c.emailTemplate(); err != nil {
		return m, err
	}
	if m.link, err = c.resetURL(); err != nil {
		return m, err
	}
	if m.body, err = c.body(); err != nil {
		return m, err
	}
	if err := noResetURLIn(m.body); err != nil {
		return m, err
	}
	m.key, m.param, err = c.identifier(m.body)
	return m, err
}

// forgotPassword passes a request to the Service. param is the parameter that
// held the identifier.
func (c *call) forgotPassword(param string, req recovery.ForgotRequest) (any, error) {
	req.Requester = c.requester()
	req.Brand = c.app.svc.Brand(c.r)
	result, err := c.app.svc.ForgotPassword(c.r.Context(), req)
	if err != nil {
		return nil, withParam(err, param)
	}
	result.Quotas.SetHeader(c.w.Header())
	return posted{true}, nil
}

// captcha returns the fields of a CAPTCHA. Clients send them in the query or in
// the body.
func (c *call) captcha(body *strictjson.Object) (map[string]string, error) {
	if len(c.app.captcha) == 0 {
		return nil, nil
	}
	inQuery, err := parseQuery(c.r.URL.RawQuery, func(folded string) bool {
		return slices.ContainsFunc(c.app.captcha, func(name string) bool { return canonical.FoldASCII(name) == folded })
	})
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for _, name := range c.app.captcha {
		value, given, err := member(body, name)
		if err != nil {
			return nil, err
		}
		queried, also := inQuery[canonical.FoldASCII(name)]
		switch {
		case queried != "" && value != "" && queried != value:
			return nil, invalidParameter("The " + name + " differs between query and body.")
		case value != "":
			fields[name] = value
		case given || also:
			fields[name] = queried
		}
	}
	return fields, nil
}
