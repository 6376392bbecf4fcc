package portal

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// english is the catalogue that the others translate. The comment above a
// sentence names its arguments. Durations follow a preposition. The key of a
// sentence begins with the name of its page, or of its variant.
func english() []i18n.Entry {
	return []i18n.Entry{
		{Key: "seconds", Forms: []any{
			plural.One, "%[1]d second",
			plural.Other, "%[1]d seconds",
		}},
		{Key: "minutes", Forms: []any{
			plural.One, "%[1]d minute",
			plural.Other, "%[1]d minutes",
		}},
		{Key: "hours", Forms: []any{
			plural.One, "%[1]d hour",
			plural.Other, "%[1]d hours",
		}},

		// The title of a page with a mistake in its form. The argument is the
		// usual title.
		{Key: "title.error", Text: "Error: %[1]s"},
		// Labels of the lists at the end of a page.
		{Key: "language", Text: "Language"},
		{Key: "support", Text: "Help"},
		{Key: "signin", Text: "Sign in"},
		{Key: "signin.back", Text: "Back to sign-in"},
		{Key: "continue", Text: "Continue"},
		{Key: "new.link", Text: "Ask for a new link"},
		{Key: "new.code", Text: "Ask for a new code"},

		// The page where a reset is asked for. Without an ending, people type an
		// address. The ending says what else: "phone" a phone number, "name" a user
		// name, "all" both. With "user" they type nothing but a user name.
		{Key: "forgot.heading", Text: "Forgot your password?"},
		{Key: "forgot.text", Text: "Enter your e-mail address. We will send you a link to choose a new password."},
		{Key: "forgot.text.phone", Text: "Enter your e-mail address, and we will send you a link to choose a new password; or your phone number, and we will send you a code."},
		{Key: "forgot.text.name", Text: "Enter your e-mail address or user name. We will e-mail you a link to choose a new password."},
		{Key: "forgot.text.all", Text: "Enter your e-mail address or user name, and we will e-mail you a link to choose a new password; or your phone number, and we will send you a code."},
		{Key: "forgot.text.user", Text: "Enter your user name. We will e-mail you a link to choose a new password."},
		// Where mails can carry codes: "choice" if the person chooses, "code" if they
		// carry codes alone.
		{Key: "forgot.text.choice", Text: "We will send you a link or a code with which you can choose a new password."},
		{Key: "forgot.text.code", Text: "We will send you a code with which you can choose a new password."},
		{Key: "forgot.label", Text: "E-mail address"},
		{Key: "forgot.label.phone", Text: "E-mail address or phone number"},
		{Key: "forgot.label.name", Text: "E-mail address or user name"},
		{Key: "forgot.label.all", Text: "E-mail address, user name or phone number"},
		{Key: "forgot.label.user", Text: "User name"},
		{Key: "forgot.invalid", Text: "Enter an e-mail address, such as name@example.com."},
		{Key: "forgot.invalid.phone", Text: "Enter an e-mail address, such as name@example.com, or a phone number with its country code, such as +49 30 123456."},
		{Key: "forgot.invalid.name", Text: "Enter an e-mail address, such as name@example.com, or a user name."},
		{Key: "forgot.invalid.all", Text: "Enter an e-mail address, such as name@example.com, a user name, or a phone number with its country code, such as +49 30 123456."},
		{Key: "forgot.invalid.user", Text: "Enter your user name."},
		// The choice between a link and a code.
		{Key: "forgot.send", Text: "What should the e-mail contain?"},
		{Key: "forgot.send.link", Text: "A link to open"},
		{Key: "forgot.send.code", Text: "A code to type in on the next page"},
		// What is written above the widget of a CAPTCHA that was not solved.
		{Key: "forgot.captcha", Text: "Please confirm that you are human, and continue. This needs JavaScript."},

		// The page after that. The argument is an address or a user name.
		// "anonymous" is for when that is not known, and "name" for where people can
		// type a user name.
		{Key: "sent.heading", Text: "Check your inbox"},
		{Key: "sent.text", Text: "If there is an account for %[1]s, a message with a link is on its way."},
		{Key: "sent.text.anonymous", Text: "If there is an account with the address that you entered, a message with a link is on its way."},
		{Key: "sent.text.anonymous.name", Text: "If there is an account with what you entered, a message with a link is on its way."},
		// The argument is how long.
		{Key: "sent.expiry", Text: "The link works once and expires in %[1]s."},
		{Key: "sent.spam", Text: "Nothing there after a few minutes? Look in your spam folder, and check that the address is right."},
		{Key: "sent.spam.name", Text: "Nothing there after a few minutes? Look in your spam folder, and check that what you entered is right."},
		{Key: "sent.again", Text: "Try again or use another address"},
		{Key: "sent.again.name", Text: "Try again or enter something else"},

		// The page for a code. The argument is a phone number. "anonymous" is
		// for when the number is not known.
		{Key: "code.heading", Text: "Enter your code"},
		{Key: "code.text", Text: "If there is an account for %[1]s, a text message with a code is on its way."},
		{Key: "code.text.anonymous", Text: "Enter your phone number and the code that we sent you."},
		// The same for a code that went out by mail, and where it may have.
		{Key: "code.text.mail", Text: "If there is an account for %[1]s, an e-mail with a code is on its way."},
		{Key: "code.text.anonymous.mail", Text: "Enter the code that we sent you, and the account that it is for."},
		// What is said where this browser did not ask for a code.
		{Key: "code.browser", Text: "The code works only in the browser in which you asked for it."},
		// The argument is how long.
		{Key: "code.expiry", Text: "The code works once and expires in %[1]s."},
		{Key: "code.phone", Text: "Phone number"},
		{Key: "code.label", Text: "Code"},
		// The argument is the number of digits.
		{Key: "code.hint", Text: "%[1]d digits"},
		{Key: "code.malformed", Text: "Enter the code that we sent you: %[1]d digits."},
		{Key: "code.invalid", Text: "This code is wrong, or it has expired. Check it, or ask for a new one."},
		{Key: "code.phone.invalid", Text: "Enter your phone number with its country code, such as +49 30 123456."},
		// The code that a help desk has read out. "have" is a link to its form.
		{Key: "code.have", Text: "I have a code from the help desk"},
		{Key: "code.text.read-out", Text: "Enter the code that our help desk gave you, and who you are. Nobody from our help desk will ask you for it."},
		{Key: "code.hint.read-out", Text: "15 letters and digits. Hyphens and capitals do not matter."},
		{Key: "code.malformed.read-out", Text: "Enter the code that you were given: 15 letters and digits."},

		// The page for the new password.
		{Key: "reset.heading", Text: "Choose a new password"},
		{Key: "reset.account", Text: "Account"},
		{Key: "reset.label", Text: "New password"},
		{Key: "reset.again", Text: "New password again"},
		{Key: "reset.button", Text: "Save new password"},
		{Key: "reset.wait", Text: "The server is busy. This page waits and saves your new password by itself. Please leave it open."},
		{Key: "reset.sessions", Text: "You will be signed out on all devices."},
		{Key: "reset.show", Text: "Show password"},
		{Key: "reset.hide", Text: "Hide password"},
		// The rules for a password. The argument is a number of characters.
		{Key: "rules", Text: "What makes a good password"},
		{Key: "rules.length", Text: "At least %[1]d characters. Several words in a row are easy to remember."},
		{Key: "rules.repeat", Text: "Nothing that repeats itself, such as abcabcabc."},
		{Key: "rules.run", Text: "No run, such as abcdefgh or 12345678."},
		{Key: "rules.address", Text: "Not just your own address."},
		{Key: "rules.common", Text: "Not one that many people use. We check this when you save."},
		// Whether what is typed meets a rule. Screen readers read this after
		// the rule.
		{Key: "rules.met", Text: "met"},
		{Key: "rules.unmet", Text: "not met yet"},

		// Why a password was refused. The arguments are numbers of characters.
		{Key: "refused.empty", Text: "Enter a new password."},
		{Key: "refused.differ", Text: "The two passwords are not the same. Type both again."},
		{Key: "refused.too_short", Text: "This password is too short. Use at least %[1]d characters."},
		{Key: "refused.too_long", Text: "This password is too long. Use at most %[1]d characters."},
		{Key: "refused.too_large", Text: "This password is too long. Use fewer characters, or fewer accented letters and symbols."},
		{Key: "refused.encoding", Text: "This password has a character that cannot be used. Type it anew."},
		{Key: "refused.common", Text: "This password is easy to guess: many people use it, or it is a simple pattern. Choose another one."},
		{Key: "refused.context", Text: "This password is little more than the name of this service. Choose another one."},
		{Key: "refused.identifier", Text: "This password is little more than your own name, address or number. Choose another one."},
		{Key: "refused.breached", Text: "This password has appeared in a data breach of another service. Choose one that you use nowhere else."},
		{Key: "refused.reused", Text: "You have used this password before. Choose a new one."},
		{Key: "refused.other", Text: "This password is not accepted. Choose another one."},

		// The field for a second factor, on the page for the new password. "again" is
		// said of the password if the second factor was wrong.
		{Key: "factor.label", Text: "Code from your authenticator app"},
		{Key: "factor.hint", Text: "Your account is protected by a second factor."},
		{Key: "factor.empty", Text: "Enter the code from your authenticator app."},
		{Key: "factor.wrong", Text: "This code is wrong, or it was used before. Enter the next one."},
		{Key: "factor.again", Text: "Enter your new password again."},

		// Another link was opened since. The argument is an account.
		{Key: "reset.other", Text: "Nothing was changed: another link was opened in this browser. This page is now for %[1]s."},
		{Key: "reset.other.anonymous", Text: "Nothing was changed: another link was opened in this browser. This page is now for that one."},

		{Key: "done.heading", Text: "Your password was changed"},
		{Key: "done.text", Text: "You have been signed out on all devices. You can now sign in with your new password."},
		// "kept" is for hosts where a reset does not end sessions.
		{Key: "done.text.kept", Text: "You can now sign in with your new password."},
		// The button that leads back to where the person came from. The argument is
		// the name of a host.
		{Key: "done.return", Text: "Continue to %[1]s"},

		// A link that no longer works.
		{Key: "invalid-link.heading", Text: "This link does not work"},
		{Key: "invalid-link.text", Text: "It has expired, or it was used before."},
		{Key: "invalid-link.damaged", Text: "It is not complete, or was changed on its way. Open it in the message again, or copy all of it."},
		{Key: "invalid-link.missing", Text: "No link has reached this page. Open the link in the message again, or copy all of it."},
		// The argument is a URL.
		{Key: "invalid-link.address", Text: "This page does not work at the address where it was opened. Open it at %[1]s, with the link from the message."},
		{Key: "invalid-link.used", Text: "If you have just changed your password with it, you can sign in with the new one."},
		{Key: "invalid-link.new", Text: "Otherwise, ask for a new link. It takes a minute."},
		{Key: "invalid-link.again", Text: "You can also open the link in the message again."},
		{Key: "invalid-link.cookies", Text: "If you have just opened a link, your browser may be blocking cookies, which this page needs."},

		// What differs for somebody who was invited to choose a first password.
		{Key: "invitation.heading", Text: "Choose your password"},
		{Key: "invitation.button", Text: "Save password"},
		{Key: "invitation.done", Text: "Your password is set"},
		{Key: "invitation.done.text", Text: "You can now sign in with your password."},
		{Key: "invitation.invalid", Text: "Ask whoever invited you for a new one."},

		// What may happen instead of the page that was asked for. The argument
		// of many.text is how long to wait.
		{Key: "many.heading", Text: "Too many tries"},
		{Key: "many.text", Text: "Nothing was changed. Please try again in %[1]s."},
		{Key: "busy.heading", Text: "Please try again in a moment"},
		{Key: "busy.text", Text: "This does not work right now. Nothing was changed. Please try again in a moment."},
		{Key: "unknown.heading", Text: "It is not certain that your password was changed"},
		{Key: "unknown.text", Text: "Try to sign in with the new password. If that does not work, ask for a new link."},
		{Key: "step_up.heading", Text: "One more step"},
		{Key: "step_up.text", Text: "This account needs a further proof before its password can be changed. Nothing was changed."},
		{Key: "invalid.heading", Text: "This did not work"},
		{Key: "invalid.text", Text: "Your browser sent something that we cannot read. Nothing was changed. Please start again."},
		{Key: "foreign.heading", Text: "Please start here"},
		{Key: "foreign.text", Text: "This was sent from a page of another site. For your safety, nothing was changed."},
		{Key: "missing.heading", Text: "There is no such page"},
		{Key: "missing.text", Text: "The address may be mistyped or out of date."},
		{Key: "signed_out.heading", Text: "Please sign in"},
		{Key: "signed_out.text", Text: "You are not signed in. Nothing was changed."},
		{Key: "failed.heading", Text: "Something went wrong"},
		{Key: "failed.text", Text: "This is our fault and not yours. Please try again later."},
		{Key: "start", Text: "Start again"},
		{Key: "again", Text: "Try again"},

		// The page where somebody who is signed in changes the password. Its button and
		// its rules are those of the page reset.
		{Key: "change-password.heading", Text: "Change your password"},
		{Key: "change-password.current", Text: "Current password"},
		{Key: "change-password.empty", Text: "Enter your current password."},
		{Key: "change-password.wrong", Text: "This is not your current password."},
		{Key: "change-password.sessions", Text: "You will be signed out on all other devices."},
		{Key: "change-password.other", Text: "Nothing was changed, because you have signed in to another account in this browser. This page is now for that account."},
		{Key: "change-password.done", Text: "You have been signed out on all other devices."},

		// "This was not me": "links" is about links and codes that were sent,
		// "password" about a password that was changed.
		{Key: "not-me.heading", Text: "This was not you?"},
		{Key: "not-me.links", Text: "Then we will cancel every link and code that we sent you. Nothing else will change, and you can still sign in as before."},
		{Key: "not-me.links.button", Text: "Cancel links and codes"},
		{Key: "not-me.password", Text: "Then we will sign everybody out of your account, and send you a link to choose a new password."},
		{Key: "not-me.password.kept", Text: "Then we will send you a link to choose a new password."},
		{Key: "not-me.password.button", Text: "Secure my account"},
		{Key: "not-me-done.heading", Text: "Thank you for telling us"},
		{Key: "not-me-done.links", Text: "The links and codes that we sent you no longer work. Your password is still the same."},
		{Key: "not-me-done.password", Text: "Everybody is being signed out of your account. A link to choose a new password is on its way to you."},
		{Key: "not-me-done.password.kept", Text: "A link to choose a new password is on its way to you."},
		{Key: "not-me-done.mailbox", Text: "Whoever did this may be able to read your mail. Change the password of your mailbox as well."},
	}
}
