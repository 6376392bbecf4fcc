package loginradius

import (
	"errors"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/strictjson"
)

// reset sets a new password for whoever presents a token, or the code that was
// mailed together with the identifier it was asked for with. The lead is the
// token's, whatever else the body says (A36).
func (c *call) reset() (any, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	token, hasToken, err := member(body, "resettoken")
	if err != nil {
		return nil, err
	}
	code, hasCode, err := member(body, "otp")
	switch {
	case err != nil:
		return nil, err
	case hasToken && hasCode:
		return nil, badParameter("Exactly one of resettoken and otp must be given.")
	case hasCode && code == "":
		return nil, required("otp")
	case hasCode:
		key, name, err := c.identifier(body)
		if err != nil {
			return nil, err
		}
		return c.resetPassword(body, recovery.CodeProof(key, code), name, errBadCode)
	case token == "":
		return nil, required("resettoken")
	}
	return c.resetPassword(body, recovery.TokenProof(token), "resettoken", errBadToken)
}

// resetPassword hands a request to the Service. name is the parameter that a
// malformed identifier came in, refused the answer to every bad proof.
func (c *call) resetPassword(body *strictjson.Object, proof recovery.Proof, name string, refused *failure) (any, error) {
	password, _, err := member(body, "password")
	if err != nil {
		return nil, err
	}
	if password == "" {
		return nil, errNoPassword
	}
	result, err := c.app.svc.ResetPassword(c.r.Context(), recovery.ResetRequest{
		Proof: proof, Password: recovery.NewSecret(password), Requester: c.origin(),
	})
	if errors.Is(err, recovery.ErrInvalidProof) {
		return nil, refused
	}
	if err != nil {
		return nil, naming(err, name)
	}
	result.Quotas.SetHeader(c.w.Header())
	return posted{true}, nil
}
