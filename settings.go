package recovery

import (
	"log/slog"
	"slices"
	"time"

	"github.com/seed-51359b35/recovery/password"
)

// Settings tell the authors of pages and APIs how a [Service] is configured.
// They are a copy: changing them does not change the Service.
type Settings struct {
	_ [0]func()

	// Link and NotMe are those of [Options]. NotMe is zero if there is no such
	// page.
	Link, NotMe Link
	// Invitations are those of [Options]. Their Link is zero if there are none.
	Invitations InvitationOptions
	// Links are Link and what was added by [Service.AddLink] so far.
	Links []Link
	// ReturnTo are those of [Options].
	ReturnTo []string
	// Fields are the fields of a lead that requests may name.
	Fields []Field
	// SignInField is that of [Options], or empty.
	SignInField string
	// LinkTTL is the lifetime of a link, CodeTTL that of a code.
	LinkTTL, CodeTTL time.Duration
	// MailCodes is that of [Options].
	MailCodes MailCodes
	// CodeDigits is how many digits a code has.
	CodeDigits int
	// PasswordPolicy holds the rules for new passwords. It is never nil.
	PasswordPolicy *password.Policy
	// EndsSessions says that a reset signs the lead out everywhere. It is false
	// if [Options].DangerouslyKeepSessions is set.
	EndsSessions bool
	// CaptchaFields are those of [CaptchaOptions], whose values belong into
	// [ForgotRequest].Captcha. They are empty if no request needs a CAPTCHA.
	CaptchaFields []string
	// SecondFactor says that [Options].SecondFactor is set, so that pages need a
	// field for it.
	SecondFactor bool
	// Logger is the logger of the Service. It is never nil.
	Logger *slog.Logger
	// Brands are those of [Options].
	Brands BrandOptions
	// Change says that people who are signed in can change their passwords:
	// [ChangeOptions].SignedIn is set.
	Change bool
}

// Settings returns the configuration of the Service, as far as pages and APIs
// need it.
func (s *Service) Settings() Settings {
	link, notMe := s.opts.Link, s.opts.NotMe
	link.Fixed, notMe.Fixed = slices.Clone(link.Fixed), slices.Clone(notMe.Fixed)
	invitations := s.opts.Invitations
	invitations.Link.Fixed = slices.Clone(invitations.Link.Fixed)
	return Settings{
		Invitations: invitations,
		Link:        link, NotMe: notMe, Links: s.allLinks(), ReturnTo: slices.Clone(s.opts.ReturnTo), Fields: slices.Clone(s.opts.Fields), SignInField: s.opts.SignInField,
		LinkTTL: s.opts.Tokens.LinkTTL, CodeTTL: s.opts.Tokens.CodeTTL, CodeDigits: codeDigits, MailCodes: s.opts.MailCodes,
		PasswordPolicy: s.opts.Passwords.Policy, EndsSessions: s.opts.Sessions != nil,
		CaptchaFields: slices.Clone(s.opts.Captcha.Fields), SecondFactor: s.opts.SecondFactor.isSet(), Logger: s.log, Brands: s.opts.Brands,
		Change: s.opts.Change.SignedIn != nil,
	}
}

// Field returns the declaration of the field with this name. The bool is false
// if no such field is declared.
func (s Settings) Field(name string) (Field, bool) {
	i := slices.IndexFunc(s.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return s.Fields[i], true
}
