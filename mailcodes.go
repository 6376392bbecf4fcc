package recovery

import "github.com/seed-51359b35/recovery/internal/strictjson"

// MailCodes says whether mails carry links or codes, if they are asked for by the
// JSON API or by the pages of package portal. Text messages carry codes in any case.
// A link works in every browser, and a code where it was asked for. So a code suits
// apps, and people who read their mail on another device.
//
// Two things need a link: one address of several accounts (see [MultiLeadStore]), and
// an invitation by [InvitationOptions].OnForgot. Whoever asks for a code is sent
// nothing then, and an event says why.
type MailCodes string

// The values of [Options].MailCodes.
const (
	// MailCodesNever sends links by mail. It is the default.
	MailCodesNever MailCodes = ""
	// MailCodesOnRequest lets the person choose. A request that says nothing gets a
	// link.
	MailCodesOnRequest MailCodes = "on_request"
	// MailCodesOnly sends codes by mail.
	MailCodesOnly MailCodes = "only"
)

func (m MailCodes) check(mistakes *OptionErrors) {
	switch m {
	case MailCodesNever, MailCodesOnRequest, MailCodesOnly:
	default:
		mistakes.Add("MailCodes", "%.40q must be MailCodesNever, MailCodesOnRequest or MailCodesOnly", m)
	}
}

// readCode reads whether a request asks for a code. The answer to it depends on the
// options alone.
func (s *Service) readCode(body *strictjson.Object, field string) (bool, error) {
	wanted, given, err := body.Bool("code")
	if err != nil {
		return false, err
	}
	switch only := s.opts.MailCodes == MailCodesOnly; {
	case s.fields[field].Type == FieldTypePhone:
		// This API has a way to redeem a code, and a link in a text message is what
		// phishing looks like.
		if given && !wanted {
			return false, invalid("code", "must be true: text messages carry codes")
		}
		return true, nil
	case only && given && !wanted:
		return false, invalid("code", "must be true: mails carry codes here")
	case s.opts.MailCodes == MailCodesNever && wanted:
		return false, invalid("code", "must be false: mails carry links here")
	default:
		return only || wanted, nil
	}
}
