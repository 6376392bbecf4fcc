package messages

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// french addresses the reader as vous. A no-break space stands before colons
// and question marks. Text messages have no such space, no ê, no ç and no other
// accented letter that the GSM alphabet lacks.
func french() []i18n.Entry {
	return []i18n.Entry{
		{Key: "minutes", Forms: []any{
			plural.One, "%[1]d minute",
			plural.Other, "%[1]d minutes",
		}},
		{Key: "hours", Forms: []any{
			plural.One, "%[1]d heure",
			plural.Other, "%[1]d heures",
		}},
		{Key: "days", Forms: []any{
			plural.One, "%[1]d jour",
			plural.Other, "%[1]d jours",
		}},

		{Key: "hello", Text: "Bonjour %[1]s,"},
		{Key: "hello.anonymous", Text: "Bonjour,"},
		{Key: "requested", Text: "Demande"},
		{Key: "changed", Text: "Modification"},
		{Key: "expires", Text: "Expiration"},
		{Key: "location", Text: "Près de"},
		{Key: "network", Text: "Réseau"},
		{Key: "detail", Text: "%[1]s\u00a0: %[2]s"},
		{Key: "button.fallback", Text: "Si le bouton ne fonctionne pas, ouvrez ce lien dans votre navigateur\u00a0:"},
		{Key: "ignore", Text: "Si vous n’êtes pas à l’origine de cette demande, ignorez ce message."},
		{Key: "notme.ignore", Text: "Si vous n’êtes pas à l’origine de cette demande, ignorez ce message. Votre mot de passe reste inchangé."},
		{Key: "notme.tell", Text: "Si vous n’êtes pas à l’origine de cette demande, votre mot de passe reste inchangé. Merci de nous le signaler\u00a0:"},
		{Key: "notme.link", Text: "Ce n’était pas moi"},
		{Key: "footer", Text: "Message automatique envoyé par %[1]s."},
		{Key: "support", Text: "Une question\u00a0?"},

		{Key: "reset-link.subject", Text: "Réinitialisez votre mot de passe %[1]s"},
		{Key: "reset-link.heading", Text: "Réinitialisez votre mot de passe"},
		{Key: "reset-link.intro", Text: "Nous avons reçu une demande de réinitialisation du mot de passe de votre compte %[1]s."},
		{Key: "reset-link.intro.account", Text: "Nous avons reçu une demande de réinitialisation du mot de passe de votre compte %[1]s «\u00a0%[2]s\u00a0»."},
		{Key: "reset-link.button", Text: "Choisir un nouveau mot de passe"},
		{Key: "reset-link.open", Text: "Ouvrez ce lien pour choisir un nouveau mot de passe\u00a0:"},
		{Key: "reset-link.expiry", Text: "Le lien ne fonctionne qu’une seule fois et expire dans %[1]s."},
		{Key: "reset-link.keep", Text: "Ne transférez pas ce message\u00a0: toute personne qui possède ce lien peut changer votre mot de passe."},

		{Key: "reset-links.intro", Text: "Nous avons reçu une demande de réinitialisation du mot de passe de votre compte %[1]s. Plusieurs comptes sont associés à cette adresse, et chacun a donc son propre lien. Utilisez celui du compte auquel vous voulez vous connecter."},
		{Key: "reset-links.account", Text: "Compte %[1]d"},
		{Key: "reset-links.expiry", Text: "Chaque lien ne fonctionne qu’une seule fois et expire dans %[1]s."},
		{Key: "reset-links.keep", Text: "Ne transférez pas ce message\u00a0: toute personne qui possède l’un de ces liens peut changer le mot de passe du compte correspondant."},

		{Key: "reset-code.subject", Text: "Votre code de réinitialisation du mot de passe %[1]s"},
		{Key: "reset-code.heading", Text: "Votre code"},
		{Key: "reset-code.intro", Text: "Saisissez ce code pour réinitialiser le mot de passe de votre compte %[1]s\u00a0:"},
		{Key: "reset-code.intro.account", Text: "Saisissez ce code pour réinitialiser le mot de passe de votre compte %[1]s «\u00a0%[2]s\u00a0»\u00a0:"},
		{Key: "reset-code.expiry", Text: "Le code ne fonctionne qu’une seule fois et expire dans %[1]s."},
		{Key: "reset-code.keep", Text: "Ne communiquez ce code à personne. Nous ne vous le demanderons jamais."},

		{Key: "password-changed.subject", Text: "Votre mot de passe %[1]s a été modifié"},
		{Key: "password-changed.heading", Text: "Votre mot de passe a été modifié"},
		{Key: "password-changed.intro", Text: "Le mot de passe de votre compte %[1]s a été modifié."},
		{Key: "password-changed.intro.account", Text: "Le mot de passe de votre compte %[1]s «\u00a0%[2]s\u00a0» a été modifié."},
		{Key: "password-changed.helped", Text: "Aide apportée par\u00a0: %[1]s."},
		{Key: "password-changed.helped.anonymous", Text: "Cela a été fait avec l’aide de notre assistance."},
		{Key: "password-changed.ok", Text: "Si vous êtes à l’origine de ce changement, vous n’avez rien d’autre à faire."},
		{Key: "password-changed.act", Text: "Sinon, signalez-le-nous immédiatement afin que nous puissions protéger votre compte\u00a0:"},
		{Key: "password-changed.help", Text: "Sinon, réinitialisez immédiatement votre mot de passe et contactez notre assistance."},

		{Key: "invitation.subject", Text: "Choisissez un mot de passe pour votre compte %[1]s"},
		{Key: "invitation.heading", Text: "Choisissez votre mot de passe"},
		{Key: "invitation.intro", Text: "Votre compte %[1]s est prêt. Choisissez un mot de passe."},
		{Key: "invitation.button", Text: "Choisir un mot de passe"},
		{Key: "invitation.open", Text: "Ouvrez ce lien pour choisir votre mot de passe\u00a0:"},
		{Key: "invitation.keep", Text: "Ne transférez pas ce message\u00a0: toute personne qui possède ce lien peut utiliser votre compte."},
		{Key: "invitation.ignore", Text: "Si vous ne connaissez pas ce compte, ignorez ce message."},

		{Key: "reset-required.subject", Text: "Il vous faut un nouveau mot de passe %[1]s"},
		{Key: "reset-required.heading", Text: "Choisissez un nouveau mot de passe"},
		{Key: "reset-required.intro", Text: "Votre mot de passe %[1]s doit être remplacé. Vous pourrez vous reconnecter dès que vous en aurez choisi un nouveau."},
		{Key: "reset-required.hint", Text: "Si le lien a expiré, choisissez «\u00a0Mot de passe oublié\u00a0?\u00a0» au moment de vous connecter."},

		{Key: "no-password.subject", Text: "Comment vous connecter à %[1]s"},
		{Key: "no-password.heading", Text: "Votre compte n’a pas de mot de passe"},
		{Key: "no-password.intro", Text: "Nous avons reçu une demande de réinitialisation du mot de passe de votre compte %[1]s. Ce compte n’a pas de mot de passe."},
		{Key: "no-password.with", Text: "Connectez-vous avec le service choisi lors de votre inscription\u00a0:"},
		{Key: "no-password.other", Text: "Connectez-vous avec le service choisi lors de votre inscription."},

		{Key: "unknown-address.subject", Text: "Aucun compte %[1]s à cette adresse"},
		{Key: "unknown-address.heading", Text: "Aucun compte n’existe à cette adresse"},
		{Key: "unknown-address.intro", Text: "Nous avons reçu une demande de réinitialisation du mot de passe d’un compte %[1]s associé à cette adresse e-mail. Ce compte n’existe pas."},
		{Key: "unknown-address.hint", Text: "Vous vous êtes peut-être inscrit avec une autre adresse. Veuillez réessayer avec celle-ci."},

		{Key: "sms.link", Text: "%[1]s: ouvrez ce lien pour changer de mot de passe. Il expire dans %[2]s."},
		{Key: "sms.link.undated", Text: "%[1]s: ouvrez ce lien pour changer de mot de passe."},
		{Key: "sms.invitation", Text: "%[1]s: ouvrez ce lien pour choisir votre mot de passe. Il expire dans %[2]s."},
		{Key: "sms.invitation.undated", Text: "%[1]s: ouvrez ce lien pour choisir votre mot de passe."},
		{Key: "sms.required", Text: "%[1]s: votre mot de passe doit changer. Ouvrez ce lien pour en choisir un autre. Le lien expire dans %[2]s."},
		{Key: "sms.required.undated", Text: "%[1]s: votre mot de passe doit changer. Ouvrez ce lien pour en choisir un autre."},
		{Key: "sms.code", Text: "%[2]s est votre code %[1]s pour changer de mot de passe. Il expire dans %[3]s. Ne le partagez pas."},
		{Key: "sms.code.short", Text: "Votre code %[1]s: %[2]s. Ne le partagez pas."},
		{Key: "sms.code.least", Text: "%[1]s: %[2]s"},
		{Key: "sms.changed", Text: "%[1]s: votre mot de passe a été modifié%[2]s. Si ce n'est pas vous, changez-le vite et contactez notre assistance."},
		{Key: "sms.changed.notme", Text: "%[1]s: votre mot de passe a été modifié%[2]s. Si ce n'est pas vous, signalez-le vite:"},
		{Key: "sms.helped", Text: "(aide: %[1]s)"},
		{Key: "sms.helped.anonymous", Text: "avec l'aide de notre assistance"},
		{Key: "sms.no-password.with", Text: "Votre compte %[1]s n'a pas de mot de passe. Connectez-vous avec: %[2]s"},
		{Key: "sms.no-password.other", Text: "Votre compte %[1]s n'a pas de mot de passe. Connectez-vous avec le service choisi pour votre inscription."},
	}
}
