package recovery

import (
	"log/slog"
	"slices"
	"time"

	"github.com/seed-51359b35/recovery/password"
)

// Settings are what pages and wires have to know of a [Service]. They are a copy:
// to change them changes nothing.
type Settings struct {
	_ [0]func()

	// Link and NotMe are those of [Options].
	Link, NotMe Link
	// Fields are the fields of a lead that requests may name.
	Fields []Field
	// LinkTTL and CodeTTL are how long a link and a code live.
	LinkTTL, CodeTTL time.Duration
	// CodeDigits is how many digits a code has.
	CodeDigits int
	// PasswordPolicy is the rules for new passwords.
	PasswordPolicy *password.Policy
	// EndsSessions says that a reset signs the lead out everywhere. It is false
	// with [Options.DangerouslyKeepSessions].
	EndsSessions bool
	// Logger is what the Service logs to.
	Logger *slog.Logger
}

// Settings returns what pages and wires have to know of the Service.
func (s *Service) Settings() Settings {
	link, notMe := s.opts.Link, s.opts.NotMe
	link.Fixed, notMe.Fixed = slices.Clone(link.Fixed), slices.Clone(notMe.Fixed)
	return Settings{
		Link: link, NotMe: notMe, Fields: slices.Clone(s.opts.Fields),
		LinkTTL: s.opts.Tokens.LinkTTL, CodeTTL: s.opts.Tokens.CodeTTL, CodeDigits: codeDigits,
		PasswordPolicy: s.opts.Passwords.Policy, EndsSessions: s.opts.Sessions != nil, Logger: s.log,
	}
}

// Field returns the declaration of a field, and whether there is one.
func (s Settings) Field(name string) (Field, bool) {
	i := slices.IndexFunc(s.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return s.Fields[i], true
}
