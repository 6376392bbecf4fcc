package loginradius

import "github.com/seed-51359b35/recovery"

// forgotByPhone asks the Service to send a code by SMS, to the number that is
// stored on the lead.
func (c *call) forgotByPhone() (any, error) {
	voice, err := boolean(paramVoice, c.query[paramVoice])
	if err != nil {
		return nil, err
	}
	if voice {
		// A text message instead would not reach whoever needs a call.
		return nil, invalidParameter("The isvoiceotp is not supported here: codes are sent as text messages.")
	}
	template := c.query[paramSMSTemplate]
	if template == "" {
		template = c.app.defaultSMS
	} else if !c.app.smsTemplates[template] {
		return nil, invalidParameter("The smstemplate is not registered.")
	}
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	key, err := c.phone(body)
	if err != nil {
		return nil, err
	}
	captcha, err := c.captcha(body)
	if err != nil {
		return nil, err
	}
	return c.forgotPassword("phone", recovery.ForgotRequest{
		Key: key, RecipientField: c.app.phone, Code: true, Template: template, Captcha: captcha,
	})
}

// resetByPhone sets a new password for whoever presents the code.
func (c *call) resetByPhone() (any, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	key, err := c.phone(body)
	if err != nil {
		return nil, err
	}
	code, err := requiredMember(body, "otp")
	if err != nil {
		return nil, err
	}
	return c.resetPassword(body, recovery.CodeProof(key, code), "phone", errInvalidCode)
}
