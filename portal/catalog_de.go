package portal

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// german addresses the reader as Sie.
func german() []i18n.Entry {
	return []i18n.Entry{
		// These are datives, because "in" stands before them.
		{Key: "seconds", Forms: []any{
			plural.One, "%[1]d Sekunde",
			plural.Other, "%[1]d Sekunden",
		}},
		{Key: "minutes", Forms: []any{
			plural.One, "%[1]d Minute",
			plural.Other, "%[1]d Minuten",
		}},
		{Key: "hours", Forms: []any{
			plural.One, "%[1]d Stunde",
			plural.Other, "%[1]d Stunden",
		}},

		{Key: "title.error", Text: "Fehler: %[1]s"},
		{Key: "language", Text: "Sprache"},
		{Key: "support", Text: "Hilfe"},
		{Key: "signin", Text: "Anmelden"},
		{Key: "signin.back", Text: "Zurück zur Anmeldung"},
		{Key: "continue", Text: "Weiter"},
		{Key: "new.link", Text: "Neuen Link anfordern"},
		{Key: "new.code", Text: "Neuen Code anfordern"},

		{Key: "forgot.heading", Text: "Passwort vergessen?"},
		{Key: "forgot.text", Text: "Geben Sie Ihre E-Mail-Adresse ein. Wir schicken Ihnen einen Link, um ein neues Passwort zu wählen."},
		{Key: "forgot.text.phone", Text: "Geben Sie Ihre E-Mail-Adresse ein, dann schicken wir Ihnen einen Link, um ein neues Passwort zu wählen; oder Ihre Telefonnummer, dann schicken wir Ihnen einen Code."},
		{Key: "forgot.label", Text: "E-Mail-Adresse"},
		{Key: "forgot.label.phone", Text: "E-Mail-Adresse oder Telefonnummer"},
		{Key: "forgot.invalid", Text: "Geben Sie eine E-Mail-Adresse ein, zum Beispiel name@example.com."},
		{Key: "forgot.invalid.phone", Text: "Geben Sie eine E-Mail-Adresse ein, zum Beispiel name@example.com, oder eine Telefonnummer mit Ländervorwahl, zum Beispiel +49 30 123456."},
		{Key: "forgot.captcha", Text: "Bitte bestätigen Sie, dass Sie ein Mensch sind, und machen Sie weiter. Dafür wird JavaScript gebraucht."},

		{Key: "sent.heading", Text: "Schauen Sie in Ihr Postfach"},
		{Key: "sent.text", Text: "Wenn es zu %[1]s ein Konto gibt, ist eine Nachricht mit einem Link unterwegs."},
		{Key: "sent.text.anonymous", Text: "Wenn es zu der Adresse, die Sie eingegeben haben, ein Konto gibt, ist eine Nachricht mit einem Link unterwegs."},
		{Key: "sent.expiry", Text: "Der Link funktioniert nur einmal und läuft in %[1]s ab."},
		{Key: "sent.spam", Text: "Nach ein paar Minuten noch nichts da? Sehen Sie im Spam-Ordner nach und prüfen Sie, ob die Adresse stimmt."},
		{Key: "sent.again", Text: "Noch einmal oder mit anderer Adresse versuchen"},

		{Key: "code.heading", Text: "Code eingeben"},
		{Key: "code.text", Text: "Wenn es zu %[1]s ein Konto gibt, ist eine SMS mit einem Code unterwegs."},
		{Key: "code.text.anonymous", Text: "Geben Sie Ihre Telefonnummer und den Code ein, den wir Ihnen geschickt haben."},
		{Key: "code.expiry", Text: "Der Code funktioniert nur einmal und läuft in %[1]s ab."},
		{Key: "code.phone", Text: "Telefonnummer"},
		{Key: "code.label", Text: "Code"},
		{Key: "code.hint", Text: "%[1]d Ziffern"},
		{Key: "code.malformed", Text: "Geben Sie den %[1]d-stelligen Code ein, den wir Ihnen geschickt haben."},
		{Key: "code.invalid", Text: "Dieser Code ist falsch oder abgelaufen. Prüfen Sie ihn oder fordern Sie einen neuen an."},
		{Key: "code.phone.invalid", Text: "Geben Sie Ihre Telefonnummer mit Ländervorwahl ein, zum Beispiel +49 30 123456."},

		{Key: "reset.heading", Text: "Neues Passwort wählen"},
		{Key: "reset.account", Text: "Konto"},
		{Key: "reset.label", Text: "Neues Passwort"},
		{Key: "reset.again", Text: "Neues Passwort wiederholen"},
		{Key: "reset.button", Text: "Neues Passwort speichern"},
		{Key: "reset.wait", Text: "Der Server ist gerade ausgelastet. Diese Seite wartet und speichert Ihr neues Passwort von selbst. Bitte lassen Sie sie geöffnet."},
		{Key: "reset.sessions", Text: "Sie werden auf allen Geräten abgemeldet."},
		{Key: "reset.show", Text: "Passwort anzeigen"},
		{Key: "reset.hide", Text: "Passwort verbergen"},
		{Key: "rules", Text: "Was ein gutes Passwort ausmacht"},
		{Key: "rules.length", Text: "Mindestens %[1]d Zeichen. Mehrere Wörter hintereinander sind leicht zu merken."},
		{Key: "rules.repeat", Text: "Nichts, was sich wiederholt, wie abcabcabc."},
		{Key: "rules.run", Text: "Keine einfache Folge wie abcdefgh oder 12345678."},
		{Key: "rules.address", Text: "Nicht nur Ihre eigene Adresse."},
		{Key: "rules.common", Text: "Keines, das viele verwenden. Das prüfen wir beim Speichern."},
		{Key: "rules.met", Text: "erfüllt"},
		{Key: "rules.unmet", Text: "noch nicht erfüllt"},

		{Key: "refused.empty", Text: "Geben Sie ein neues Passwort ein."},
		{Key: "refused.differ", Text: "Die beiden Passwörter stimmen nicht überein. Geben Sie beide noch einmal ein."},
		{Key: "refused.too_short", Text: "Dieses Passwort ist zu kurz. Verwenden Sie mindestens %[1]d Zeichen."},
		{Key: "refused.too_long", Text: "Dieses Passwort ist zu lang. Verwenden Sie höchstens %[1]d Zeichen."},
		{Key: "refused.too_large", Text: "Dieses Passwort ist zu lang. Verwenden Sie weniger Zeichen oder weniger Umlaute und Sonderzeichen."},
		{Key: "refused.encoding", Text: "Dieses Passwort enthält ein Zeichen, das nicht erlaubt ist. Geben Sie das Passwort neu ein."},
		{Key: "refused.common", Text: "Dieses Passwort ist leicht zu erraten: Viele verwenden es, oder es folgt einem einfachen Muster. Wählen Sie ein anderes."},
		{Key: "refused.context", Text: "Dieses Passwort ist kaum mehr als der Name dieses Dienstes. Wählen Sie ein anderes."},
		{Key: "refused.identifier", Text: "Dieses Passwort ist kaum mehr als Ihr eigener Name, Ihre Adresse oder Ihre Nummer. Wählen Sie ein anderes."},
		{Key: "refused.breached", Text: "Dieses Passwort ist durch ein Datenleck bei einem anderen Dienst bekannt geworden. Wählen Sie eines, das Sie sonst nirgends verwenden."},
		{Key: "refused.reused", Text: "Dieses Passwort haben Sie schon einmal verwendet. Wählen Sie ein neues."},
		{Key: "refused.other", Text: "Dieses Passwort wird nicht akzeptiert. Wählen Sie ein anderes."},

		{Key: "reset.other", Text: "Es wurde nichts geändert: In diesem Browser wurde ein anderer Link geöffnet. Diese Seite gilt jetzt für %[1]s."},
		{Key: "reset.other.anonymous", Text: "Es wurde nichts geändert: In diesem Browser wurde ein anderer Link geöffnet. Diese Seite gilt jetzt für diesen anderen."},

		{Key: "done.heading", Text: "Ihr Passwort wurde geändert"},
		{Key: "done.text", Text: "Sie wurden auf allen Geräten abgemeldet. Jetzt können Sie sich mit Ihrem neuen Passwort anmelden."},
		{Key: "done.text.kept", Text: "Jetzt können Sie sich mit Ihrem neuen Passwort anmelden."},
		{Key: "done.return", Text: "Weiter zu %[1]s"},

		{Key: "invalid-link.heading", Text: "Dieser Link funktioniert nicht"},
		{Key: "invalid-link.text", Text: "Er ist abgelaufen oder wurde bereits verwendet."},
		{Key: "invalid-link.damaged", Text: "Er ist unvollständig oder wurde unterwegs verändert. Öffnen Sie ihn noch einmal in der Nachricht, oder kopieren Sie ihn ganz."},
		{Key: "invalid-link.used", Text: "Wenn Sie damit gerade Ihr Passwort geändert haben, können Sie sich mit dem neuen anmelden."},
		{Key: "invalid-link.new", Text: "Sonst fordern Sie einen neuen Link an. Das dauert nur eine Minute."},
		{Key: "invalid-link.again", Text: "Sie können den Link in der Nachricht auch noch einmal öffnen."},
		{Key: "invalid-link.cookies", Text: "Wenn Sie gerade einen Link geöffnet haben, blockiert Ihr Browser vielleicht Cookies. Diese Seite braucht sie."},

		{Key: "invitation.heading", Text: "Passwort wählen"},
		{Key: "invitation.button", Text: "Passwort speichern"},
		{Key: "invitation.done", Text: "Ihr Passwort ist festgelegt"},
		{Key: "invitation.done.text", Text: "Jetzt können Sie sich mit Ihrem Passwort anmelden."},
		{Key: "invitation.invalid", Text: "Bitten Sie die Person, die Sie eingeladen hat, um einen neuen."},

		{Key: "many.heading", Text: "Zu viele Versuche"},
		{Key: "many.text", Text: "Es wurde nichts geändert. Bitte versuchen Sie es in %[1]s noch einmal."},
		{Key: "busy.heading", Text: "Bitte gleich noch einmal versuchen"},
		{Key: "busy.text", Text: "Das geht im Moment nicht. Es wurde nichts geändert. Bitte versuchen Sie es gleich noch einmal."},
		{Key: "unknown.heading", Text: "Wir wissen nicht, ob Ihr Passwort geändert wurde"},
		{Key: "unknown.text", Text: "Versuchen Sie, sich mit dem neuen Passwort anzumelden. Wenn das nicht geht, fordern Sie einen neuen Link an."},
		{Key: "step_up.heading", Text: "Noch ein Schritt"},
		{Key: "step_up.text", Text: "Für dieses Konto ist ein weiterer Nachweis nötig, bevor das Passwort geändert werden kann. Es wurde nichts geändert."},
		{Key: "invalid.heading", Text: "Das hat nicht funktioniert"},
		{Key: "invalid.text", Text: "Ihr Browser hat etwas gesendet, das wir nicht lesen können. Es wurde nichts geändert. Bitte beginnen Sie von vorn."},
		{Key: "foreign.heading", Text: "Bitte beginnen Sie hier"},
		{Key: "foreign.text", Text: "Das wurde von einer fremden Website aus gesendet. Zu Ihrer Sicherheit wurde nichts geändert."},
		{Key: "missing.heading", Text: "Diese Seite gibt es nicht"},
		{Key: "missing.text", Text: "Vielleicht ist die Adresse falsch geschrieben oder veraltet."},
		{Key: "failed.heading", Text: "Etwas ist schiefgegangen"},
		{Key: "failed.text", Text: "Das liegt an uns und nicht an Ihnen. Bitte versuchen Sie es später noch einmal."},
		{Key: "start", Text: "Von vorn beginnen"},
		{Key: "again", Text: "Noch einmal versuchen"},

		{Key: "not-me.heading", Text: "Das waren Sie nicht?"},
		{Key: "not-me.links", Text: "Dann sperren wir alle Links und Codes, die wir Ihnen geschickt haben. Sonst ändert sich nichts, und Sie können sich weiter wie bisher anmelden."},
		{Key: "not-me.links.button", Text: "Links und Codes sperren"},
		{Key: "not-me.password", Text: "Dann melden wir Ihr Konto auf allen Geräten ab und schicken Ihnen einen Link, um ein neues Passwort zu wählen."},
		{Key: "not-me.password.kept", Text: "Dann schicken wir Ihnen einen Link, um ein neues Passwort zu wählen."},
		{Key: "not-me.password.button", Text: "Mein Konto schützen"},
		{Key: "not-me-done.heading", Text: "Danke für den Hinweis"},
		{Key: "not-me-done.links", Text: "Die Links und Codes, die wir Ihnen geschickt haben, funktionieren nicht mehr. Ihr Passwort bleibt unverändert."},
		{Key: "not-me-done.password", Text: "Ihr Konto wird jetzt auf allen Geräten abgemeldet. Ein Link, um ein neues Passwort zu wählen, ist unterwegs zu Ihnen."},
		{Key: "not-me-done.password.kept", Text: "Ein Link, um ein neues Passwort zu wählen, ist unterwegs zu Ihnen."},
		{Key: "not-me-done.mailbox", Text: "Wer das war, kann vielleicht auch Ihre E-Mails lesen. Ändern Sie auch das Passwort Ihres Postfachs."},
	}
}
