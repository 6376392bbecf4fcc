package leadsquared

import (
	"errors"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/strictjson"
)

// emailField is the schema name that the short form of the body searches.
const emailField = "EmailAddress"

type forgotBody struct {
	Status, Message string
}

// forgot asks the Service to send a link. The answer holds neither LeadId nor
// TemporaryPassword: anybody can send the request, and only the owner of the
// mailbox may learn them (A38).
func (h *Handler) forgot(c *call) (any, error) {
	o, err := c.object()
	if err != nil {
		return nil, err
	}
	req, err := c.portal.forgotRequest(o)
	if err != nil {
		return nil, err
	}
	if req.Captcha, err = c.portal.captcha(o); err != nil {
		return nil, err
	}
	req.Link, req.Requester = &c.portal.link, c.requester()
	req.Brand = c.portal.service.Brand(c.r)
	result, err := c.portal.service.ForgotPassword(c.r.Context(), req)
	if err != nil {
		if req.RecipientField == "" && invalidField(err) == "recipientField" {
			// The Service has no field of type Email that may receive.
			return nil, errRecipient
		}
		return nil, err
	}
	result.Quotas.SetHeader(c.w.Header())
	return forgotBody{"Success", "Reset link sent successfully"}, nil
}

// invalidField returns the field that an error of the Service complains about,
// or "".
func invalidField(err error) string {
	if recovery.ErrorCodeOf(err) != recovery.ErrorCodeInvalidRequest {
		return ""
	}
	if i, ok := errors.AsType[*recovery.InvalidRequestError](err); ok {
		return i.Field
	}
	return ""
}

// forgotRequest reads the body, which has two forms. A client chooses fields by
// name and never gives the address that receives. The host has declared which
// fields may be searched and which may receive (A81).
func (p *portal) forgotRequest(o *strictjson.Object) (req recovery.ForgotRequest, err error) {
	search, hasSearch, err := o.Object("SearchKeyData")
	if err != nil {
		return req, err
	}
	recipient, hasRecipient, err := o.Object("RecipientField")
	if err != nil {
		return req, err
	}
	switch hasEmail := o.Has(emailField); {
	case hasEmail && hasSearch:
		return req, invalidInput("EmailAddress and SearchKeyData exclude each other.")
	case !hasEmail && !hasSearch:
		return req, missing("EmailAddress or SearchKeyData is required.")
	case hasEmail && hasRecipient:
		return req, invalidInput("RecipientField goes together with SearchKeyData.")
	case hasEmail:
		req.Key, err = p.emailKey(o)
		return req, err
	}
	if req.Key, err = p.searchKey(search); err != nil {
		return req, err
	}
	if hasRecipient {
		req.RecipientField, err = p.recipientField(recipient)
	}
	return req, err
}

// captcha reads what a CAPTCHA has added to the body.
func (p *portal) captcha(o *strictjson.Object) (map[string]string, error) {
	fields := map[string]string{}
	for _, name := range p.settings.CaptchaFields {
		value, given, err := o.String(name)
		if err != nil {
			return nil, err
		}
		if given {
			fields[name] = value
		}
	}
	return fields, nil
}

// emailKey reads the short form of the body.
func (p *portal) emailKey(o *strictjson.Object) (recovery.LeadKey, error) {
	email, err := required(o, "", emailField)
	if err != nil {
		return recovery.LeadKey{}, err
	}
	if f, ok := p.settings.Field(emailField); !ok || !f.Search {
		return recovery.LeadKey{}, invalidInput("EmailAddress cannot be searched in this portal.")
	}
	return recovery.LeadKey{Field: emailField, Value: email}, nil
}

// searchKey reads the member SearchKeyData.
func (p *portal) searchKey(search *strictjson.Object) (recovery.LeadKey, error) {
	schema, err := required(search, "SearchKeyData.", "SchemaName")
	if err != nil {
		return recovery.LeadKey{}, err
	}
	value, err := required(search, "SearchKeyData.", "Value")
	if err != nil {
		return recovery.LeadKey{}, err
	}
	if f, ok := p.settings.Field(schema); !ok || !f.Search {
		return recovery.LeadKey{}, invalidSchema("SearchKeyData", schema, ok, "cannot be searched: it is not unique, or not released for it")
	}
	return recovery.LeadKey{Field: schema, Value: value}, nil
}

// recipientField reads the member RecipientField.
func (p *portal) recipientField(recipient *strictjson.Object) (string, error) {
	schema, err := required(recipient, "RecipientField.", "SchemaName")
	if err != nil {
		return "", err
	}
	f, ok := p.settings.Field(schema)
	if f.Receive {
		return schema, nil
	}
	reason := "cannot receive a link: it is not of data type Email or Phone"
	if f.Type == recovery.FieldTypeEmail || f.Type == recovery.FieldTypePhone {
		reason = "cannot receive a link: it is not released for it"
	}
	return "", invalidSchema("RecipientField", schema, ok, reason)
}

// invalidSchema says what is wrong with a schema name. Schema names are not
// secret, so the text tells a client whether the name is not declared at all or
// may only not be used here.
func invalidSchema(member, schema string, declared bool, reason string) error {
	if !declared {
		reason = "is not a field of this portal"
	}
	if !isSchemaName(schema) {
		schema = "the name given" // an error holds no text of the client's
	}
	return invalidInput(member + ".SchemaName: " + schema + " " + reason + ".")
}

func isSchemaName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_') {
			return false
		}
	}
	return 0 < len(s) && len(s) <= 64
}
