package messages

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// english is the catalogue that the others translate. %[1]s is the product,
// unless the comment above a sentence names its arguments. Durations follow a
// preposition.
func english() []i18n.Entry {
	return []i18n.Entry{
		{Key: "minutes", Forms: []any{
			plural.One, "%[1]d minute",
			plural.Other, "%[1]d minutes",
		}},
		{Key: "hours", Forms: []any{
			plural.One, "%[1]d hour",
			plural.Other, "%[1]d hours",
		}},
		{Key: "days", Forms: []any{
			plural.One, "%[1]d day",
			plural.Other, "%[1]d days",
		}},

		// The argument is the person's name.
		{Key: "hello", Text: "Hello %[1]s,"},
		{Key: "hello.anonymous", Text: "Hello,"},
		// Labels of a small table.
		{Key: "requested", Text: "Requested"},
		{Key: "changed", Text: "Changed"},
		{Key: "expires", Text: "Valid until"},
		{Key: "location", Text: "Near"},
		{Key: "network", Text: "Network"},
		// The arguments are label and value, in plain text.
		{Key: "detail", Text: "%[1]s: %[2]s"},
		{Key: "button.fallback", Text: "If the button does not work, open this link in your browser:"},
		{Key: "ignore", Text: "If this was not you, ignore this message."},
		{Key: "notme.ignore", Text: "If this was not you, ignore this message. Your password stays as it is."},
		{Key: "notme.tell", Text: "If this was not you, your password stays as it is. Please tell us:"},
		{Key: "notme.link", Text: "This was not me"},
		{Key: "footer", Text: "This is an automatic message from %[1]s."},
		// The address for help follows the sentence.
		{Key: "support", Text: "Questions?"},

		{Key: "reset-link.subject", Text: "Reset your %[1]s password"},
		{Key: "reset-link.heading", Text: "Reset your password"},
		{Key: "reset-link.intro", Text: "We received a request to reset the password of your %[1]s account."},
		// The second argument is what the person signs in with.
		{Key: "reset-link.intro.account", Text: "We received a request to reset the password of your %[1]s account “%[2]s”."},
		{Key: "reset-link.button", Text: "Choose a new password"},
		{Key: "reset-link.open", Text: "Open this link to choose a new password:"},
		// The argument is how long.
		{Key: "reset-link.expiry", Text: "The link works once and expires in %[1]s."},
		{Key: "reset-link.keep", Text: "Do not forward this message: whoever has the link can change your password."},

		{Key: "reset-links.intro", Text: "We received a request to reset the password of your %[1]s account. Several accounts have this address, so each has a link of its own. Use the one of the account that you want to sign in to."},
		// The argument is a number: the first account, the second one.
		{Key: "reset-links.account", Text: "Account %[1]d"},
		// The argument is how long.
		{Key: "reset-links.expiry", Text: "Each link works once and expires in %[1]s."},
		{Key: "reset-links.keep", Text: "Do not forward this message: whoever has one of the links can change that account’s password."},

		{Key: "reset-code.subject", Text: "Your code to reset your %[1]s password"},
		{Key: "reset-code.heading", Text: "Your code"},
		{Key: "reset-code.intro", Text: "Enter this code to reset the password of your %[1]s account:"},
		// The second argument is what the person signs in with.
		{Key: "reset-code.intro.account", Text: "Enter this code to reset the password of your %[1]s account “%[2]s”:"},
		// The argument is how long.
		{Key: "reset-code.expiry", Text: "The code works once and expires in %[1]s."},
		{Key: "reset-code.keep", Text: "Never share this code. We will never ask you for it."},

		{Key: "password-changed.subject", Text: "Your %[1]s password was changed"},
		{Key: "password-changed.heading", Text: "Your password was changed"},
		{Key: "password-changed.intro", Text: "The password of your %[1]s account was changed."},
		// The second argument is what the person signs in with.
		{Key: "password-changed.intro.account", Text: "The password of your %[1]s account “%[2]s” was changed."},
		// The argument is who of the host helped. "anonymous" is for when the name is
		// not fit to be shown.
		{Key: "password-changed.helped", Text: "This was done with the help of %[1]s."},
		{Key: "password-changed.helped.anonymous", Text: "This was done with the help of our support."},
		{Key: "password-changed.ok", Text: "If this was you, there is nothing more to do."},
		{Key: "password-changed.act", Text: "If this was not you, tell us at once, so that we can protect your account:"},
		{Key: "password-changed.help", Text: "If this was not you, reset your password at once and contact our support."},

		{Key: "invitation.subject", Text: "Choose a password for your %[1]s account"},
		{Key: "invitation.heading", Text: "Choose your password"},
		{Key: "invitation.intro", Text: "Your %[1]s account is ready. Choose a password for it."},
		{Key: "invitation.button", Text: "Choose a password"},
		{Key: "invitation.open", Text: "Open this link to choose your password:"},
		{Key: "invitation.keep", Text: "Do not forward this message: whoever has the link can use your account."},
		{Key: "invitation.ignore", Text: "If you do not know this account, ignore this message."},

		{Key: "reset-required.subject", Text: "You need a new password for %[1]s"},
		{Key: "reset-required.heading", Text: "Choose a new password"},
		{Key: "reset-required.intro", Text: "Your %[1]s password has to be replaced. You can sign in again once you have chosen a new one."},
		{Key: "reset-required.hint", Text: "If the link has expired, choose “Forgot your password?” where you sign in."},

		{Key: "no-password.subject", Text: "How you sign in to %[1]s"},
		{Key: "no-password.heading", Text: "Your account has no password"},
		{Key: "no-password.intro", Text: "We received a request to reset the password of your %[1]s account. This account has no password."},
		{Key: "no-password.with", Text: "Sign in with the service that you chose when you registered:"},
		{Key: "no-password.other", Text: "Sign in with the service that you chose when you registered."},

		{Key: "unknown-address.subject", Text: "No %[1]s account with this address"},
		{Key: "unknown-address.heading", Text: "There is no account with this address"},
		{Key: "unknown-address.intro", Text: "We received a request to reset the password of an account at %[1]s with this e-mail address. There is no such account."},
		{Key: "unknown-address.hint", Text: "You may have registered with another address. Please try that one."},

		// The arguments are product and duration. The link follows on a line of
		// its own.
		{Key: "sms.link", Text: "%[1]s: open this link to reset your password. It expires in %[2]s."},
		{Key: "sms.link.undated", Text: "%[1]s: open this link to reset your password."},
		// The same, for the links that the host asks for.
		{Key: "sms.invitation", Text: "%[1]s: open this link to choose your password. It expires in %[2]s."},
		{Key: "sms.invitation.undated", Text: "%[1]s: open this link to choose your password."},
		{Key: "sms.required", Text: "%[1]s: your password has to be replaced. Open this link to choose a new one. It expires in %[2]s."},
		{Key: "sms.required.undated", Text: "%[1]s: your password has to be replaced. Open this link to choose a new one."},
		// The arguments are product, code and duration.
		{Key: "sms.code", Text: "%[2]s is your code to reset your %[1]s password. It expires in %[3]s. Never share it."},
		// The arguments are product and code. These are for messages without
		// room for the text above, the second for those with the least room.
		{Key: "sms.code.short", Text: "Your %[1]s code: %[2]s. Never share it."},
		{Key: "sms.code.least", Text: "%[1]s: %[2]s"},
		// The arguments are product, and " (time)", " (time)" and who helped, or nothing.
		{Key: "sms.changed", Text: "%[1]s: your password was changed%[2]s. Not you? Reset it at once and contact our support."},
		// The arguments are the same. The link follows on a line of its own.
		{Key: "sms.changed.notme", Text: "%[1]s: your password was changed%[2]s. Not you? Tell us at once:"},
		// These follow the time in the second argument, after a space. The argument is
		// who of the host helped.
		{Key: "sms.helped", Text: "with the help of %[1]s"},
		{Key: "sms.helped.anonymous", Text: "with the help of our support"},
		// The arguments are product and services.
		{Key: "sms.no-password.with", Text: "Your %[1]s account has no password. Sign in with: %[2]s"},
		{Key: "sms.no-password.other", Text: "Your %[1]s account has no password. Sign in with the service that you chose when you registered."},
	}
}
