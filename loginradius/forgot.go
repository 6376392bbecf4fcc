package loginradius

import "github.com/seed-51359b35/recovery"

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
	return c.forgotPassword(m.param, recovery.ForgotRequest{
		Key: m.key, RecipientField: c.app.email, Code: m.kind == TemplateCode,
		Link: &m.link, Template: m.template,
	})
}

// A mailRequest holds the parameters that both endpoints that send mail have.
type mailRequest struct {
	key      recovery.LeadKey
	param    string // the parameter that held the identifier
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

// forgotPassword passes a request to the Service. param is the parameter that
// held the identifier.
func (c *call) forgotPassword(param string, req recovery.ForgotRequest) (any, error) {
	req.Requester = c.requester()
	result, err := c.app.svc.ForgotPassword(c.r.Context(), req)
	if err != nil {
		return nil, withParam(err, param)
	}
	result.Quotas.SetHeader(c.w.Header())
	return posted{true}, nil
}
