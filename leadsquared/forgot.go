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

// forgot has a link sent. The answer holds neither LeadId nor
// TemporaryPassword: whoever asks is anybody, and only the mailbox may learn
// them (A38).
func (h *Handler) forgot(c *call) (any, error) {
	o, err := c.object()
	if err != nil {
		return nil, err
	}
	req, err := c.portal.forgotRequest(o)
	if err != nil {
		return nil, err
	}
	req.Link, req.Requester = &c.portal.link, c.origin()
	result, err := c.portal.service.ForgotPassword(c.r.Context(), req)
	if i, ok := errors.AsType[*recovery.InvalidRequestError](err); ok && i.Field == "recipientField" && req.RecipientField == "" {
		// The Service has no field of type Email that may receive.
		return nil, missing("RecipientField is required: this portal sends no mail.")
	}
	if err != nil {
		return nil, err
	}
	result.Quotas.SetHeader(c.w.Header())
	return forgotBody{"Success", "Reset link sent successfully"}, nil
}

// forgotRequest reads the two forms of the body. A client chooses fields by
// name and never an address: the host has declared which may be searched and
// which may receive (A81).
func (p *portal) forgotRequest(o *strictjson.Object) (recovery.ForgotRequest, error) {
	search, byKey, err := o.Object("SearchKeyData")
	if err != nil {
		return recovery.ForgotRequest{}, err
	}
	to, hasRecipient, err := o.Object("RecipientField")
	if err != nil {
		return recovery.ForgotRequest{}, err
	}
	switch byEmail := o.Has(emailField); {
	case byEmail && byKey:
		return recovery.ForgotRequest{}, invalidInput("EmailAddress and SearchKeyData exclude each other.")
	case !byEmail && !byKey:
		return recovery.ForgotRequest{}, missing("EmailAddress or SearchKeyData is required.")
	case byEmail && hasRecipient:
		return recovery.ForgotRequest{}, invalidInput("RecipientField goes together with SearchKeyData.")
	case byEmail:
		email, err := required(o, "", emailField)
		if err != nil {
			return recovery.ForgotRequest{}, err
		}
		if f, ok := p.settings.Field(emailField); !ok || !f.Search {
			return recovery.ForgotRequest{}, invalidInput("EmailAddress cannot be searched in this portal.")
		}
		return recovery.ForgotRequest{Key: recovery.LeadKey{Field: emailField, Value: email}}, nil
	}
	schema, err := required(search, "SearchKeyData.", "SchemaName")
	if err != nil {
		return recovery.ForgotRequest{}, err
	}
	value, err := required(search, "SearchKeyData.", "Value")
	if err != nil {
		return recovery.ForgotRequest{}, err
	}
	if f, ok := p.settings.Field(schema); !ok || !f.Search {
		return recovery.ForgotRequest{}, badSchema("SearchKeyData", schema, ok, "cannot be searched: it is not unique, or not released for it")
	}
	req := recovery.ForgotRequest{Key: recovery.LeadKey{Field: schema, Value: value}}
	if !hasRecipient {
		return req, nil
	}
	if req.RecipientField, err = required(to, "RecipientField.", "SchemaName"); err != nil {
		return recovery.ForgotRequest{}, err
	}
	f, ok := p.settings.Field(req.RecipientField)
	switch {
	case !ok || !f.Receive && (f.Type == recovery.FieldEmail || f.Type == recovery.FieldPhone):
		return recovery.ForgotRequest{}, badSchema("RecipientField", req.RecipientField, ok, "cannot receive a link: it is not released for it")
	case !f.Receive:
		return recovery.ForgotRequest{}, badSchema("RecipientField", req.RecipientField, ok, "cannot receive a link: it is not of data type Email or Phone")
	}
	return req, nil
}

// badSchema says what is wrong with a schema name. Schema names are no secrets,
// so the text tells an undeclared one from one that may not.
func badSchema(member, schema string, declared bool, reason string) error {
	if !declared {
		reason = "is not a field of this portal"
	}
	if !isSchemaName(schema) {
		schema = "the name given" // no text of a stranger's in an error
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
