package loginradius

import (
	"github.com/seed-51359b35/recovery"
)

// posted is the answer of every public endpoint. It says that the request was
// taken and, where an identifier was submitted, nothing about it (A20).
type posted struct{ IsPosted bool }

// forgot has a link sent, or a code if the template is one for codes.
//
// It does not look at prevent_webhook: only who has proved the secret may keep
// the host's other systems from hearing of something.
func (c *call) forgot() (any, error) {
	m, err := c.mailRequest()
	if err != nil {
		return nil, err
	}
	return c.forgotPassword(m.param, recovery.ForgotRequest{
		Key: m.key, RecipientField: c.app.email, Code: m.kind == TemplateCode,
		Link: &m.link, Template: m.template,
	})
}

// A mailRequest is what both endpoints that send mail are asked.
type mailRequest struct {
	key      recovery.LeadKey
	param    string // that the identifier came in
	link     recovery.Link
	template string
	kind     TemplateKind
}

func (c *call) mailRequest() (m mailRequest, err error) {
	if m.template, m.kind, err = c.emailTemplate(); err != nil {
		return m, err
	}
	if m.link, err = c.resetURL(); err != nil {
		return m, err
	}
	body, err := c.body()
	if err != nil {
		return m, err
	}
	if err := noResetURLIn(body); err != nil {
		return m, err
	}
	m.key, m.param, err = c.identifier(body)
	return m, err
}

// forgotPassword hands a request to the Service. name is the parameter that
// the identifier came in.
func (c *call) forgotPassword(name string, req recovery.ForgotRequest) (any, error) {
	req.Requester = c.origin()
	result, err := c.app.svc.ForgotPassword(c.r.Context(), req)
	if err != nil {
		return nil, naming(err, name)
	}
	result.Quotas.SetHeader(c.w.Header())
	return posted{true}, nil
}
