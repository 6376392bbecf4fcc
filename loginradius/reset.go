package loginradius

import (
	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/strictjson"
)

// reset sets a new password for whoever presents a token, or a mailed code
// together with the identifier that the code was requested for. The token
// decides which lead it is, whatever else the body says (A36).
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
		return nil, invalidParameter("Exactly one of resettoken and otp must be given.")
	case hasCode && code == "":
		return nil, required("otp")
	case hasCode:
		key, name, err := c.identifier(body)
		if err != nil {
			return nil, err
		}
		return c.resetPassword(body, recovery.CodeProof(key, code), name, errInvalidCode)
	case token == "":
		return nil, required("resettoken")
	}
	return c.resetPassword(body, recovery.TokenProof(token), "resettoken", errInvalidToken)
}

// resetPassword passes a request to the Service. param is the parameter that
// held the identifier or token. invalidProof is the answer to every proof that
// the Service refuses.
func (c *call) resetPassword(body *strictjson.Object, proof recovery.Proof, param string, invalidProof *failure) (any, error) {
	password, _, err := member(body, "password")
	if err != nil {
		return nil, err
	}
	if password == "" {
		return nil, errNoPassword
	}
	result, err := c.app.svc.ResetPassword(c.r.Context(), recovery.ResetRequest{
		Proof: proof, Password: recovery.NewSecret(password), Requester: c.requester(), Brand: c.app.svc.Brand(c.r),
	})
	if recovery.ErrorCodeOf(err) == recovery.ErrorCodeInvalidProof {
		return nil, invalidProof
	}
	if err != nil {
		return nil, withParam(err, param)
	}
	result.Quotas.SetHeader(c.w.Header())
	return posted{true}, nil
}
