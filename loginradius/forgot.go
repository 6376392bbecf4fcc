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
	template, kind, err := c.emailTemplate()
	if err != nil {
		return nil, err
	}
	link, err := c.resetURL()
	if err != nil {
		return nil, err
	}
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	if err := noResetURLIn(body); err != nil {
		return nil, err
	}
	key, name, err := c.identifier(body)
	if err != nil {
		return nil, err
	}
	return c.forgotPassword(name, recovery.ForgotRequest{
		Key: key, RecipientField: c.app.email, Code: kind == TemplateCode,
		Link: &link, Template: template,
	})
}

// forgotPassword hands a request to the Service. name is the parameter that
// the identifier came in.
func (c *call) forgotPassword(name string, req recovery.ForgotRequest) (any, error) {
	req.Origin = c.origin()
	result, err := c.app.svc.ForgotPassword(c.r.Context(), req)
	if err != nil {
		return nil, naming(err, name)
	}
	result.Quotas.SetHeader(c.w.Header())
	return posted{true}, nil
}
