package leadsquared

import "github.com/seed-51359b35/recovery"

type resetBody struct {
	IsSuccessful bool
	ResponseText string
}

// reset sets a new password. LeadId and TemporaryPassword come from the link.
// TemporaryPassword is a proof for this one call; nobody can sign in with it.
func (h *Handler) reset(c *call) (any, error) {
	o, err := c.object()
	if err != nil {
		return nil, err
	}
	password, err := required(o, "", "Password")
	if err != nil {
		return nil, err
	}
	leadID, err := required(o, "", "LeadId")
	if err != nil {
		return nil, err
	}
	temporary, err := required(o, "", "TemporaryPassword")
	if err != nil {
		return nil, err
	}
	result, err := c.portal.service.ResetPassword(c.r.Context(), recovery.ResetRequest{
		Proof:     recovery.LinkSecretProof(leadID, temporary),
		Password:  recovery.NewSecret(password),
		Requester: c.requester(),
		Brand:     c.portal.service.Brand(c.r),
	})
	if err != nil {
		return nil, err
	}
	result.Quotas.SetHeader(c.w.Header())
	return resetBody{true, "Password changed successfully"}, nil
}
