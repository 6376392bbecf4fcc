package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

// compose writes a message in plain English. Whatever stands in it comes from
// the lead and from the Service, never from the request: a stranger who asks
// for a reset must not get to write into somebody's mail.
//
// A portal with more than one language chooses here, by Locale and Languages.
func compose(m recovery.Message, base string) (subject, text string) {
	if m.Channel == recovery.ChannelSMS {
		return "", shortText(m, base)
	}
	greeting := "Hello,"
	if m.Name != "" {
		greeting = "Hello " + m.Name + ","
	}
	var body []string
	switch m.Kind {
	case recovery.MessageResetLink:
		subject = "Choose a new password"
		body = []string{
			fmt.Sprintf("you, or somebody else, asked for a new password for your account on %s. To choose one, open this link:", stamp(m.RequestedAt)),
			m.URL.Reveal(),
			fmt.Sprintf("It works once, until %s (%s). After that you can ask for another one at %s/", stamp(m.Expires), lifetime(m), base),
			"If it was not you, you need not do anything: your password stays as it is. Do not give the link to anybody; we never ask for it.",
		}
	case recovery.MessageResetCode:
		subject = "Your code for a new password"
		body = []string{
			fmt.Sprintf("you, or somebody else, asked for a new password for your account on %s. The code is:", stamp(m.RequestedAt)),
			m.Code.Reveal(),
			fmt.Sprintf("It works once, until %s (%s).", stamp(m.Expires), lifetime(m)),
			"If it was not you, you need not do anything: your password stays as it is. Do not give the code to anybody; we never ask for it.",
		}
	case recovery.MessagePasswordChanged:
		subject = "Your password was changed"
		body = []string{
			"the password of your account has just been changed, and everybody who was signed in to it has been signed out.",
			"If it was you, all is well.",
			fmt.Sprintf("If it was not you, somebody else can read your messages or has got hold of your link. Secure your mailbox and your phone first, then choose a new password at %s/ and tell us.", base),
		}
	case recovery.MessageNoPassword:
		subject = "How to sign in"
		body = []string{
			fmt.Sprintf("you, or somebody else, asked for a new password for your account on %s. Your account has none: you sign in with %s.", stamp(m.RequestedAt), strings.Join(m.IdentityProviders, " or ")),
			"If it was not you, you need not do anything.",
		}
	case recovery.MessageUnknownAddress:
		greeting = "Hello,"
		subject = "There is no account with this address"
		body = []string{
			fmt.Sprintf("you, or somebody else, asked for a new password with this address on %s, but we have no account with it. Perhaps you signed up with another address?", stamp(m.RequestedAt)),
			"If it was not you, you need not do anything.",
		}
	default:
		subject = "About your account"
	}
	return subject, strings.Join(append([]string{greeting}, body...), "\n\n")
}

// shortText is for SMS: one thought, the secret early, the rest of it short.
func shortText(m recovery.Message, base string) string {
	switch m.Kind {
	case recovery.MessageResetLink:
		return fmt.Sprintf("Choose a new password: %s (works once, %s). Not you? Ignore this.", m.URL.Reveal(), lifetime(m))
	case recovery.MessageResetCode:
		return fmt.Sprintf("%s is your code for a new password (works once, %s). Not you? Ignore this and tell nobody the code.", m.Code.Reveal(), lifetime(m))
	case recovery.MessagePasswordChanged:
		return fmt.Sprintf("Your password was changed. Not you? Choose a new one at %s/ and tell us.", base)
	}
	return fmt.Sprintf("About your account: %s/", base)
}

func stamp(t time.Time) string { return t.UTC().Format("2 January 2006 at 15:04 UTC") }

// lifetime is how long link or code last, in whole minutes, which is how their
// life is configured.
func lifetime(m recovery.Message) string {
	return fmt.Sprintf("%d minutes", int(m.Expires.Sub(m.RequestedAt).Round(time.Minute)/time.Minute))
}
