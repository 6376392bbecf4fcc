package messages

import "golang.org/x/text/feature/plural"

// english is the catalogue that the others translate. In all of them %[1]s is
// the product, unless the comment says otherwise, and durations follow a
// preposition.
func english() []entry {
	return []entry{
		{key: "minutes", forms: []any{
			plural.One, "%[1]d minute",
			plural.Other, "%[1]d minutes",
		}},
		{key: "hours", forms: []any{
			plural.One, "%[1]d hour",
			plural.Other, "%[1]d hours",
		}},

		// The person's name.
		{key: "hello", text: "Hello %[1]s,"},
		{key: "hello.anonymous", text: "Hello,"},
		// Labels of a small table.
		{key: "requested", text: "Requested"},
		{key: "changed", text: "Changed"},
		{key: "expires", text: "Valid until"},
		{key: "location", text: "Near"},
		{key: "network", text: "Network"},
		// Label, value, in plain text.
		{key: "detail", text: "%[1]s: %[2]s"},
		{key: "button.fallback", text: "If the button does not work, open this link in your browser:"},
		{key: "ignore", text: "If this was not you, ignore this message."},
		{key: "notme.ignore", text: "If this was not you, ignore this message. Your password stays as it is."},
		{key: "notme.tell", text: "If this was not you, your password stays as it is. Please tell us:"},
		{key: "notme.link", text: "This was not me"},
		{key: "footer", text: "This is an automatic message from %[1]s."},
		// The address for help follows.
		{key: "support", text: "Questions?"},

		{key: "reset-link.subject", text: "Reset your %[1]s password"},
		{key: "reset-link.heading", text: "Reset your password"},
		{key: "reset-link.intro", text: "We received a request to reset the password of your %[1]s account."},
		{key: "reset-link.button", text: "Choose a new password"},
		{key: "reset-link.open", text: "Open this link to choose a new password:"},
		// How long.
		{key: "reset-link.expiry", text: "The link works once and expires in %[1]s."},
		{key: "reset-link.keep", text: "Do not forward this message: whoever has the link can change your password."},

		{key: "reset-code.subject", text: "Your code to reset your %[1]s password"},
		{key: "reset-code.heading", text: "Your code"},
		{key: "reset-code.intro", text: "Enter this code to reset the password of your %[1]s account:"},
		// How long.
		{key: "reset-code.expiry", text: "The code works once and expires in %[1]s."},
		{key: "reset-code.keep", text: "Never share this code. We will never ask you for it."},

		{key: "password-changed.subject", text: "Your %[1]s password was changed"},
		{key: "password-changed.heading", text: "Your password was changed"},
		{key: "password-changed.intro", text: "The password of your %[1]s account was changed."},
		{key: "password-changed.ok", text: "If this was you, there is nothing more to do."},
		{key: "password-changed.act", text: "If this was not you, tell us at once, so that we can protect your account:"},
		{key: "password-changed.help", text: "If this was not you, reset your password at once and contact our support."},

		{key: "no-password.subject", text: "How you sign in to %[1]s"},
		{key: "no-password.heading", text: "Your account has no password"},
		{key: "no-password.intro", text: "We received a request to reset the password of your %[1]s account. This account has no password."},
		{key: "no-password.with", text: "Sign in with the service that you chose when you registered:"},
		{key: "no-password.other", text: "Sign in with the service that you chose when you registered."},

		{key: "unknown-address.subject", text: "No %[1]s account with this address"},
		{key: "unknown-address.heading", text: "There is no account with this address"},
		{key: "unknown-address.intro", text: "We received a request to reset the password of an account at %[1]s with this e-mail address. There is no such account."},
		{key: "unknown-address.hint", text: "You may have registered with another address. Please try that one."},

		// Product, duration; the link follows on a line of its own.
		{key: "sms.link", text: "%[1]s: open this link to reset your password. It expires in %[2]s."},
		{key: "sms.link.undated", text: "%[1]s: open this link to reset your password."},
		// Product, code, duration.
		{key: "sms.code", text: "%[2]s is your code to reset your %[1]s password. It expires in %[3]s. Never share it."},
		// Product, code; for those who have no room for more, then for less.
		{key: "sms.code.short", text: "Your %[1]s code: %[2]s. Never share it."},
		{key: "sms.code.least", text: "%[1]s: %[2]s"},
		// Product, " (time)" or nothing.
		{key: "sms.changed", text: "%[1]s: your password was changed%[2]s. Not you? Reset it at once and contact our support."},
		// The same; the link follows on a line of its own.
		{key: "sms.changed.notme", text: "%[1]s: your password was changed%[2]s. Not you? Tell us at once:"},
		// Product, services.
		{key: "sms.no-password.with", text: "Your %[1]s account has no password. Sign in with: %[2]s"},
		{key: "sms.no-password.other", text: "Your %[1]s account has no password. Sign in with the service that you chose when you registered."},
	}
}
