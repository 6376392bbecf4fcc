package messages

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// german addresses the reader as Sie.
func german() []i18n.Entry {
	return []i18n.Entry{
		// These are datives, because "in" stands before them.
		{Key: "minutes", Forms: []any{
			plural.One, "%[1]d Minute",
			plural.Other, "%[1]d Minuten",
		}},
		{Key: "hours", Forms: []any{
			plural.One, "%[1]d Stunde",
			plural.Other, "%[1]d Stunden",
		}},
		{Key: "days", Forms: []any{
			plural.One, "%[1]d Tag",
			plural.Other, "%[1]d Tagen",
		}},

		{Key: "hello", Text: "Guten Tag %[1]s,"},
		{Key: "hello.anonymous", Text: "Guten Tag,"},
		{Key: "requested", Text: "Angefordert"},
		{Key: "changed", Text: "Geändert"},
		{Key: "expires", Text: "Gültig bis"},
		{Key: "location", Text: "Ort (ca.)"},
		{Key: "network", Text: "Netzwerk"},
		{Key: "detail", Text: "%[1]s: %[2]s"},
		{Key: "button.fallback", Text: "Wenn die Schaltfläche nicht funktioniert, öffnen Sie diesen Link in Ihrem Browser:"},
		{Key: "ignore", Text: "Wenn Sie das nicht waren, ignorieren Sie diese Nachricht."},
		{Key: "notme.ignore", Text: "Wenn Sie das nicht waren, ignorieren Sie diese Nachricht. Ihr Passwort bleibt unverändert."},
		{Key: "notme.tell", Text: "Wenn Sie das nicht waren, bleibt Ihr Passwort unverändert. Bitte teilen Sie es uns mit:"},
		{Key: "notme.link", Text: "Das war ich nicht"},
		{Key: "footer", Text: "Dies ist eine automatische Nachricht von %[1]s."},
		{Key: "support", Text: "Fragen?"},

		{Key: "reset-link.subject", Text: "Ihr %[1]s-Passwort zurücksetzen"},
		{Key: "reset-link.heading", Text: "Passwort zurücksetzen"},
		{Key: "reset-link.intro", Text: "Wir haben eine Anfrage erhalten, das Passwort Ihres %[1]s-Kontos zurückzusetzen."},
		{Key: "reset-link.intro.account", Text: "Wir haben eine Anfrage erhalten, das Passwort Ihres %[1]s-Kontos „%[2]s“ zurückzusetzen."},
		{Key: "reset-link.button", Text: "Neues Passwort wählen"},
		{Key: "reset-link.open", Text: "Öffnen Sie diesen Link, um ein neues Passwort zu wählen:"},
		{Key: "reset-link.expiry", Text: "Der Link funktioniert nur einmal und läuft in %[1]s ab."},
		{Key: "reset-link.keep", Text: "Leiten Sie diese Nachricht nicht weiter: Wer den Link hat, kann Ihr Passwort ändern."},

		{Key: "reset-links.intro", Text: "Wir haben eine Anfrage erhalten, das Passwort Ihres %[1]s-Kontos zurückzusetzen. Zu dieser Adresse gibt es mehrere Konten, deshalb hat jedes einen eigenen Link. Nehmen Sie den des Kontos, bei dem Sie sich anmelden möchten."},
		{Key: "reset-links.account", Text: "Konto %[1]d"},
		{Key: "reset-links.expiry", Text: "Jeder Link funktioniert nur einmal und läuft in %[1]s ab."},
		{Key: "reset-links.keep", Text: "Leiten Sie diese Nachricht nicht weiter: Wer einen der Links hat, kann das Passwort des zugehörigen Kontos ändern."},

		{Key: "reset-code.subject", Text: "Ihr Code zum Zurücksetzen des %[1]s-Passworts"},
		{Key: "reset-code.heading", Text: "Ihr Code"},
		{Key: "reset-code.intro", Text: "Geben Sie diesen Code ein, um das Passwort Ihres %[1]s-Kontos zurückzusetzen:"},
		{Key: "reset-code.intro.account", Text: "Geben Sie diesen Code ein, um das Passwort Ihres %[1]s-Kontos „%[2]s“ zurückzusetzen:"},
		{Key: "reset-code.expiry", Text: "Der Code funktioniert nur einmal und läuft in %[1]s ab."},
		{Key: "reset-code.keep", Text: "Geben Sie diesen Code niemals weiter. Wir werden Sie nie danach fragen."},

		{Key: "password-changed.subject", Text: "Ihr %[1]s-Passwort wurde geändert"},
		{Key: "password-changed.heading", Text: "Ihr Passwort wurde geändert"},
		{Key: "password-changed.intro", Text: "Das Passwort Ihres %[1]s-Kontos wurde geändert."},
		{Key: "password-changed.intro.account", Text: "Das Passwort Ihres %[1]s-Kontos „%[2]s“ wurde geändert."},
		{Key: "password-changed.helped", Text: "Dabei hat %[1]s geholfen."},
		{Key: "password-changed.helped.anonymous", Text: "Dabei hat unser Support geholfen."},
		{Key: "password-changed.ok", Text: "Wenn Sie das waren, brauchen Sie nichts weiter zu tun."},
		{Key: "password-changed.act", Text: "Wenn Sie das nicht waren, teilen Sie es uns sofort mit, damit wir Ihr Konto schützen können:"},
		{Key: "password-changed.help", Text: "Wenn Sie das nicht waren, setzen Sie Ihr Passwort sofort zurück und wenden Sie sich an unseren Support."},

		{Key: "invitation.subject", Text: "Ein Passwort für Ihr %[1]s-Konto wählen"},
		{Key: "invitation.heading", Text: "Passwort wählen"},
		{Key: "invitation.intro", Text: "Ihr %[1]s-Konto ist bereit. Wählen Sie ein Passwort dafür."},
		{Key: "invitation.button", Text: "Passwort wählen"},
		{Key: "invitation.open", Text: "Öffnen Sie diesen Link, um Ihr Passwort zu wählen:"},
		{Key: "invitation.keep", Text: "Leiten Sie diese Nachricht nicht weiter: Wer den Link hat, kann Ihr Konto nutzen."},
		{Key: "invitation.ignore", Text: "Wenn Sie dieses Konto nicht kennen, ignorieren Sie diese Nachricht."},

		{Key: "reset-required.subject", Text: "Sie brauchen ein neues %[1]s-Passwort"},
		{Key: "reset-required.heading", Text: "Neues Passwort wählen"},
		{Key: "reset-required.intro", Text: "Ihr %[1]s-Passwort muss ersetzt werden. Sobald Sie ein neues gewählt haben, können Sie sich wieder anmelden."},
		{Key: "reset-required.hint", Text: "Wenn der Link abgelaufen ist, wählen Sie bei der Anmeldung „Passwort vergessen?“."},

		{Key: "no-password.subject", Text: "So melden Sie sich bei %[1]s an"},
		{Key: "no-password.heading", Text: "Ihr Konto hat kein Passwort"},
		{Key: "no-password.intro", Text: "Wir haben eine Anfrage erhalten, das Passwort Ihres %[1]s-Kontos zurückzusetzen. Dieses Konto hat kein Passwort."},
		{Key: "no-password.with", Text: "Melden Sie sich mit dem Dienst an, den Sie bei der Registrierung gewählt haben:"},
		{Key: "no-password.other", Text: "Melden Sie sich mit dem Dienst an, den Sie bei der Registrierung gewählt haben."},

		{Key: "unknown-address.subject", Text: "Kein %[1]s-Konto mit dieser Adresse"},
		{Key: "unknown-address.heading", Text: "Zu dieser Adresse gibt es kein Konto"},
		{Key: "unknown-address.intro", Text: "Wir haben eine Anfrage erhalten, das Passwort eines %[1]s-Kontos mit dieser E-Mail-Adresse zurückzusetzen. Ein solches Konto gibt es nicht."},
		{Key: "unknown-address.hint", Text: "Möglicherweise haben Sie sich mit einer anderen Adresse registriert. Bitte versuchen Sie es mit dieser."},

		{Key: "sms.link", Text: "%[1]s: Öffnen Sie diesen Link, um Ihr Passwort zurückzusetzen. Er läuft in %[2]s ab."},
		{Key: "sms.link.undated", Text: "%[1]s: Öffnen Sie diesen Link, um Ihr Passwort zurückzusetzen."},
		{Key: "sms.invitation", Text: "%[1]s: Öffnen Sie diesen Link, um Ihr Passwort zu wählen. Er läuft in %[2]s ab."},
		{Key: "sms.invitation.undated", Text: "%[1]s: Öffnen Sie diesen Link, um Ihr Passwort zu wählen."},
		{Key: "sms.required", Text: "%[1]s: Ihr Passwort muss ersetzt werden. Öffnen Sie diesen Link, um ein neues zu wählen. Er läuft in %[2]s ab."},
		{Key: "sms.required.undated", Text: "%[1]s: Ihr Passwort muss ersetzt werden. Öffnen Sie diesen Link, um ein neues zu wählen."},
		{Key: "sms.code", Text: "%[2]s ist Ihr Code zum Zurücksetzen des %[1]s-Passworts. Er läuft in %[3]s ab. Nie weitergeben!"},
		{Key: "sms.code.short", Text: "Ihr %[1]s-Code: %[2]s. Nie weitergeben!"},
		{Key: "sms.code.least", Text: "%[1]s: %[2]s"},
		{Key: "sms.changed", Text: "%[1]s: Ihr Passwort wurde geändert%[2]s. Nicht von Ihnen? Setzen Sie es sofort zurück und wenden Sie sich an unseren Support."},
		{Key: "sms.changed.notme", Text: "%[1]s: Ihr Passwort wurde geändert%[2]s. Nicht von Ihnen? Sofort melden:"},
		{Key: "sms.helped", Text: "mit Hilfe von %[1]s"},
		{Key: "sms.helped.anonymous", Text: "mit Hilfe unseres Supports"},
		{Key: "sms.no-password.with", Text: "Ihr %[1]s-Konto hat kein Passwort. Melden Sie sich an mit: %[2]s"},
		{Key: "sms.no-password.other", Text: "Ihr %[1]s-Konto hat kein Passwort. Melden Sie sich mit dem Dienst an, den Sie bei der Registrierung gewählt haben."},
	}
}
