package messages

import "golang.org/x/text/feature/plural"

// french addresses the reader as vous. A no-break space stands before colons
// and question marks, but not in text messages: the GSM alphabet has none, and
// neither ê, ç nor the other accents they avoid.
func french() []entry {
	return []entry{
		{key: "minutes", forms: []any{
			plural.One, "%[1]d minute",
			plural.Other, "%[1]d minutes",
		}},
		{key: "hours", forms: []any{
			plural.One, "%[1]d heure",
			plural.Other, "%[1]d heures",
		}},

		{key: "hello", text: "Bonjour %[1]s,"},
		{key: "hello.anonymous", text: "Bonjour,"},
		{key: "requested", text: "Demande"},
		{key: "changed", text: "Modification"},
		{key: "expires", text: "Expiration"},
		{key: "location", text: "Près de"},
		{key: "network", text: "Réseau"},
		{key: "detail", text: "%[1]s\u00a0: %[2]s"},
		{key: "button.fallback", text: "Si le bouton ne fonctionne pas, ouvrez ce lien dans votre navigateur\u00a0:"},
		{key: "ignore", text: "Si vous n’êtes pas à l’origine de cette demande, ignorez ce message."},
		{key: "notme.ignore", text: "Si vous n’êtes pas à l’origine de cette demande, ignorez ce message. Votre mot de passe reste inchangé."},
		{key: "notme.tell", text: "Si vous n’êtes pas à l’origine de cette demande, votre mot de passe reste inchangé. Merci de nous le signaler\u00a0:"},
		{key: "notme.link", text: "Ce n’était pas moi"},
		{key: "footer", text: "Message automatique envoyé par %[1]s."},
		{key: "support", text: "Une question\u00a0?"},

		{key: "reset-link.subject", text: "Réinitialisez votre mot de passe %[1]s"},
		{key: "reset-link.heading", text: "Réinitialisez votre mot de passe"},
		{key: "reset-link.intro", text: "Nous avons reçu une demande de réinitialisation du mot de passe de votre compte %[1]s."},
		{key: "reset-link.button", text: "Choisir un nouveau mot de passe"},
		{key: "reset-link.open", text: "Ouvrez ce lien pour choisir un nouveau mot de passe\u00a0:"},
		{key: "reset-link.expiry", text: "Le lien ne fonctionne qu’une seule fois et expire dans %[1]s."},
		{key: "reset-link.keep", text: "Ne transférez pas ce message\u00a0: toute personne qui possède ce lien peut changer votre mot de passe."},

		{key: "reset-code.subject", text: "Votre code de réinitialisation du mot de passe %[1]s"},
		{key: "reset-code.heading", text: "Votre code"},
		{key: "reset-code.intro", text: "Saisissez ce code pour réinitialiser le mot de passe de votre compte %[1]s\u00a0:"},
		{key: "reset-code.expiry", text: "Le code ne fonctionne qu’une seule fois et expire dans %[1]s."},
		{key: "reset-code.keep", text: "Ne communiquez ce code à personne. Nous ne vous le demanderons jamais."},

		{key: "password-changed.subject", text: "Votre mot de passe %[1]s a été modifié"},
		{key: "password-changed.heading", text: "Votre mot de passe a été modifié"},
		{key: "password-changed.intro", text: "Le mot de passe de votre compte %[1]s a été modifié."},
		{key: "password-changed.ok", text: "Si vous êtes à l’origine de ce changement, vous n’avez rien d’autre à faire."},
		{key: "password-changed.act", text: "Sinon, signalez-le-nous immédiatement afin que nous puissions protéger votre compte\u00a0:"},
		{key: "password-changed.help", text: "Sinon, réinitialisez immédiatement votre mot de passe et contactez notre assistance."},

		{key: "no-password.subject", text: "Comment vous connecter à %[1]s"},
		{key: "no-password.heading", text: "Votre compte n’a pas de mot de passe"},
		{key: "no-password.intro", text: "Nous avons reçu une demande de réinitialisation du mot de passe de votre compte %[1]s. Ce compte n’a pas de mot de passe."},
		{key: "no-password.with", text: "Connectez-vous avec le service choisi lors de votre inscription\u00a0:"},
		{key: "no-password.other", text: "Connectez-vous avec le service choisi lors de votre inscription."},

		{key: "unknown-address.subject", text: "Aucun compte %[1]s à cette adresse"},
		{key: "unknown-address.heading", text: "Aucun compte n’existe à cette adresse"},
		{key: "unknown-address.intro", text: "Nous avons reçu une demande de réinitialisation du mot de passe d’un compte %[1]s associé à cette adresse e-mail. Ce compte n’existe pas."},
		{key: "unknown-address.hint", text: "Vous vous êtes peut-être inscrit avec une autre adresse. Veuillez réessayer avec celle-ci."},

		{key: "sms.link", text: "%[1]s: ouvrez ce lien pour changer de mot de passe. Il expire dans %[2]s."},
		{key: "sms.link.undated", text: "%[1]s: ouvrez ce lien pour changer de mot de passe."},
		{key: "sms.code", text: "%[2]s est votre code %[1]s pour changer de mot de passe. Il expire dans %[3]s. Ne le partagez pas."},
		{key: "sms.code.short", text: "Votre code %[1]s: %[2]s. Ne le partagez pas."},
		{key: "sms.code.least", text: "%[1]s: %[2]s"},
		{key: "sms.changed", text: "%[1]s: votre mot de passe a été modifié%[2]s. Si ce n'est pas vous, changez-le vite et contactez notre assistance."},
		{key: "sms.changed.notme", text: "%[1]s: votre mot de passe a été modifié%[2]s. Si ce n'est pas vous, signalez-le vite:"},
		{key: "sms.no-password.with", text: "Votre compte %[1]s n'a pas de mot de passe. Connectez-vous avec: %[2]s"},
		{key: "sms.no-password.other", text: "Votre compte %[1]s n'a pas de mot de passe. Connectez-vous avec le service choisi pour votre inscription."},
	}
}
