package messages

import "golang.org/x/text/feature/plural"

// german addresses the reader as Sie.
func german() []entry {
	return []entry{
		// The dative, which follows "in".
		{key: "minutes", forms: []any{
			plural.One, "%[1]d Minute",
			plural.Other, "%[1]d Minuten",
		}},
		{key: "hours", forms: []any{
			plural.One, "%[1]d Stunde",
			plural.Other, "%[1]d Stunden",
		}},

		{key: "hello", text: "Guten Tag %[1]s,"},
		{key: "hello.anonymous", text: "Guten Tag,"},
		{key: "requested", text: "Angefordert"},
		{key: "changed", text: "Geändert"},
		{key: "expires", text: "Gültig bis"},
		{key: "location", text: "Ort (ca.)"},
		{key: "network", text: "Netzwerk"},
		{key: "detail", text: "%[1]s: %[2]s"},
		{key: "button.fallback", text: "Wenn die Schaltfläche nicht funktioniert, öffnen Sie diesen Link in Ihrem Browser:"},
		{key: "ignore", text: "Wenn Sie das nicht waren, ignorieren Sie diese Nachricht."},
		{key: "notme.ignore", text: "Wenn Sie das nicht waren, ignorieren Sie diese Nachricht. Ihr Passwort bleibt unverändert."},
		{key: "notme.tell", text: "Wenn Sie das nicht waren, bleibt Ihr Passwort unverändert. Bitte teilen Sie es uns mit:"},
		{key: "notme.link", text: "Das war ich nicht"},
		{key: "footer", text: "Dies ist eine automatische Nachricht von %[1]s."},
		{key: "support", text: "Fragen?"},

		{key: "reset-link.subject", text: "Ihr %[1]s-Passwort zurücksetzen"},
		{key: "reset-link.heading", text: "Passwort zurücksetzen"},
		{key: "reset-link.intro", text: "Wir haben eine Anfrage erhalten, das Passwort Ihres %[1]s-Kontos zurückzusetzen."},
		{key: "reset-link.button", text: "Neues Passwort wählen"},
		{key: "reset-link.open", text: "Öffnen Sie diesen Link, um ein neues Passwort zu wählen:"},
		{key: "reset-link.expiry", text: "Der Link funktioniert nur einmal und läuft in %[1]s ab."},
		{key: "reset-link.keep", text: "Leiten Sie diese Nachricht nicht weiter: Wer den Link hat, kann Ihr Passwort ändern."},

		{key: "reset-code.subject", text: "Ihr Code zum Zurücksetzen des %[1]s-Passworts"},
		{key: "reset-code.heading", text: "Ihr Code"},
		{key: "reset-code.intro", text: "Geben Sie diesen Code ein, um das Passwort Ihres %[1]s-Kontos zurückzusetzen:"},
		{key: "reset-code.expiry", text: "Der Code funktioniert nur einmal und läuft in %[1]s ab."},
		{key: "reset-code.keep", text: "Geben Sie diesen Code niemals weiter. Wir werden Sie nie danach fragen."},

		{key: "password-changed.subject", text: "Ihr %[1]s-Passwort wurde geändert"},
		{key: "password-changed.heading", text: "Ihr Passwort wurde geändert"},
		{key: "password-changed.intro", text: "Das Passwort Ihres %[1]s-Kontos wurde geändert."},
		{key: "password-changed.ok", text: "Wenn Sie das waren, brauchen Sie nichts weiter zu tun."},
		{key: "password-changed.act", text: "Wenn Sie das nicht waren, teilen Sie es uns sofort mit, damit wir Ihr Konto schützen können:"},
		{key: "password-changed.help", text: "Wenn Sie das nicht waren, setzen Sie Ihr Passwort sofort zurück und wenden Sie sich an unseren Support."},

		{key: "no-password.subject", text: "So melden Sie sich bei %[1]s an"},
		{key: "no-password.heading", text: "Ihr Konto hat kein Passwort"},
		{key: "no-password.intro", text: "Wir haben eine Anfrage erhalten, das Passwort Ihres %[1]s-Kontos zurückzusetzen. Dieses Konto hat kein Passwort."},
		{key: "no-password.with", text: "Melden Sie sich mit dem Dienst an, den Sie bei der Registrierung gewählt haben:"},
		{key: "no-password.other", text: "Melden Sie sich mit dem Dienst an, den Sie bei der Registrierung gewählt haben."},

		{key: "unknown-address.subject", text: "Kein %[1]s-Konto mit dieser Adresse"},
		{key: "unknown-address.heading", text: "Zu dieser Adresse gibt es kein Konto"},
		{key: "unknown-address.intro", text: "Wir haben eine Anfrage erhalten, das Passwort eines %[1]s-Kontos mit dieser E-Mail-Adresse zurückzusetzen. Ein solches Konto gibt es nicht."},
		{key: "unknown-address.hint", text: "Möglicherweise haben Sie sich mit einer anderen Adresse registriert. Bitte versuchen Sie es mit dieser."},

		{key: "sms.link", text: "%[1]s: Öffnen Sie diesen Link, um Ihr Passwort zurückzusetzen. Er läuft in %[2]s ab."},
		{key: "sms.link.undated", text: "%[1]s: Öffnen Sie diesen Link, um Ihr Passwort zurückzusetzen."},
		{key: "sms.code", text: "%[2]s ist Ihr Code zum Zurücksetzen des %[1]s-Passworts. Er läuft in %[3]s ab. Nie weitergeben!"},
		{key: "sms.code.short", text: "Ihr %[1]s-Code: %[2]s. Nie weitergeben!"},
		{key: "sms.code.least", text: "%[1]s: %[2]s"},
		{key: "sms.changed", text: "%[1]s: Ihr Passwort wurde geändert%[2]s. Nicht von Ihnen? Setzen Sie es sofort zurück und wenden Sie sich an unseren Support."},
		{key: "sms.changed.notme", text: "%[1]s: Ihr Passwort wurde geändert%[2]s. Nicht von Ihnen? Sofort melden:"},
		{key: "sms.no-password.with", text: "Ihr %[1]s-Konto hat kein Passwort. Melden Sie sich an mit: %[2]s"},
		{key: "sms.no-password.other", text: "Ihr %[1]s-Konto hat kein Passwort. Melden Sie sich mit dem Dienst an, den Sie bei der Registrierung gewählt haben."},
	}
}
