package portal

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// french addresses the reader as vous. It avoids participles that treat the
// reader as a man or as a woman: the account is signed out, not the person. A
// no-break space stands before colons and question marks.
func french() []i18n.Entry {
	return []i18n.Entry{
		{Key: "seconds", Forms: []any{
			plural.One, "%[1]d seconde",
			plural.Other, "%[1]d secondes",
		}},
		{Key: "minutes", Forms: []any{
			plural.One, "%[1]d minute",
			plural.Other, "%[1]d minutes",
		}},
		{Key: "hours", Forms: []any{
			plural.One, "%[1]d heure",
			plural.Other, "%[1]d heures",
		}},

		{Key: "title.error", Text: "Erreur\u00a0: %[1]s"},
		{Key: "language", Text: "Langue"},
		{Key: "support", Text: "Aide"},
		{Key: "signin", Text: "Se connecter"},
		{Key: "signin.back", Text: "Retour à la connexion"},
		{Key: "continue", Text: "Continuer"},
		{Key: "new.link", Text: "Demander un nouveau lien"},
		{Key: "new.code", Text: "Demander un nouveau code"},

		{Key: "forgot.heading", Text: "Mot de passe oublié\u00a0?"},
		{Key: "forgot.text", Text: "Saisissez votre adresse e-mail. Nous vous enverrons un lien pour choisir un nouveau mot de passe."},
		{Key: "forgot.text.phone", Text: "Saisissez votre adresse e-mail et nous vous enverrons un lien pour choisir un nouveau mot de passe, ou votre numéro de téléphone et nous vous enverrons un code."},
		{Key: "forgot.label", Text: "Adresse e-mail"},
		{Key: "forgot.label.phone", Text: "Adresse e-mail ou numéro de téléphone"},
		{Key: "forgot.invalid", Text: "Saisissez une adresse e-mail, comme name@example.com."},
		{Key: "forgot.invalid.phone", Text: "Saisissez une adresse e-mail, comme name@example.com, ou un numéro de téléphone avec l’indicatif du pays, comme +49 30 123456."},
		{Key: "forgot.captcha", Text: "Veuillez confirmer que vous êtes humain, puis continuer. Pour cela, JavaScript est nécessaire."},

		{Key: "sent.heading", Text: "Consultez vos e-mails"},
		{Key: "sent.text", Text: "S’il existe un compte associé à %[1]s, vous allez recevoir un message contenant un lien."},
		{Key: "sent.text.anonymous", Text: "Si un compte existe à l’adresse que vous avez saisie, vous allez recevoir un message contenant un lien."},
		{Key: "sent.expiry", Text: "Le lien ne fonctionne qu’une seule fois et expire dans %[1]s."},
		{Key: "sent.spam", Text: "Rien au bout de quelques minutes\u00a0? Regardez dans vos courriers indésirables et vérifiez que l’adresse est correcte."},
		{Key: "sent.again", Text: "Réessayer ou utiliser une autre adresse"},

		{Key: "code.heading", Text: "Saisissez votre code"},
		{Key: "code.text", Text: "S’il existe un compte associé à %[1]s, vous allez recevoir un SMS contenant un code."},
		{Key: "code.text.anonymous", Text: "Saisissez votre numéro de téléphone et le code que nous vous avons envoyé."},
		{Key: "code.expiry", Text: "Le code ne fonctionne qu’une seule fois et expire dans %[1]s."},
		{Key: "code.phone", Text: "Numéro de téléphone"},
		{Key: "code.label", Text: "Code"},
		{Key: "code.hint", Text: "%[1]d chiffres"},
		{Key: "code.malformed", Text: "Saisissez le code à %[1]d chiffres que nous vous avons envoyé."},
		{Key: "code.invalid", Text: "Ce code est incorrect ou a expiré. Vérifiez-le ou demandez-en un nouveau."},
		{Key: "code.phone.invalid", Text: "Saisissez votre numéro de téléphone avec l’indicatif du pays, comme +49 30 123456."},

		{Key: "reset.heading", Text: "Choisissez un nouveau mot de passe"},
		{Key: "reset.account", Text: "Compte"},
		{Key: "reset.label", Text: "Nouveau mot de passe"},
		{Key: "reset.again", Text: "Répétez le nouveau mot de passe"},
		{Key: "reset.button", Text: "Enregistrer le mot de passe"},
		{Key: "reset.wait", Text: "Le serveur est occupé. Cette page patiente et enregistre elle-même votre nouveau mot de passe. Veuillez la laisser ouverte."},
		{Key: "reset.sessions", Text: "Votre compte sera déconnecté de tous les appareils."},
		{Key: "reset.show", Text: "Afficher le mot de passe"},
		{Key: "reset.hide", Text: "Masquer le mot de passe"},
		{Key: "rules", Text: "Ce qui fait un bon mot de passe"},
		{Key: "rules.length", Text: "Au moins %[1]d caractères. Plusieurs mots mis bout à bout sont faciles à retenir."},
		{Key: "rules.repeat", Text: "Pas de répétition, comme abcabcabc."},
		{Key: "rules.run", Text: "Pas de suite logique, comme abcdefgh ou 12345678."},
		{Key: "rules.address", Text: "Pas seulement votre propre adresse."},
		{Key: "rules.common", Text: "Pas un mot de passe très répandu. Nous le vérifions à l’enregistrement."},
		{Key: "rules.met", Text: "règle respectée"},
		{Key: "rules.unmet", Text: "règle pas encore respectée"},

		{Key: "refused.empty", Text: "Saisissez un nouveau mot de passe."},
		{Key: "refused.differ", Text: "Les deux mots de passe ne sont pas identiques. Saisissez-les à nouveau."},
		{Key: "refused.too_short", Text: "Ce mot de passe est trop court. Utilisez au moins %[1]d caractères."},
		{Key: "refused.too_long", Text: "Ce mot de passe est trop long. Utilisez au plus %[1]d caractères."},
		{Key: "refused.too_large", Text: "Ce mot de passe est trop long. Utilisez moins de caractères, ou moins de lettres accentuées et de symboles."},
		{Key: "refused.encoding", Text: "Ce mot de passe contient un caractère non autorisé. Saisissez-le à nouveau."},
		{Key: "refused.common", Text: "Ce mot de passe est facile à deviner\u00a0: il est très répandu ou suit un schéma simple. Choisissez-en un autre."},
		{Key: "refused.context", Text: "Ce mot de passe ressemble trop au nom de ce service. Choisissez-en un autre."},
		{Key: "refused.identifier", Text: "Ce mot de passe ressemble trop à votre nom, à votre adresse ou à votre numéro. Choisissez-en un autre."},
		{Key: "refused.breached", Text: "Ce mot de passe est apparu dans une fuite de données d’un autre service. Choisissez-en un que vous n’utilisez nulle part ailleurs."},
		{Key: "refused.reused", Text: "Vous avez déjà utilisé ce mot de passe. Choisissez-en un nouveau."},
		{Key: "refused.other", Text: "Ce mot de passe n’est pas accepté. Choisissez-en un autre."},

		{Key: "reset.other", Text: "Rien n’a été modifié\u00a0: un autre lien a été ouvert dans ce navigateur. Cette page concerne maintenant %[1]s."},
		{Key: "reset.other.anonymous", Text: "Rien n’a été modifié\u00a0: un autre lien a été ouvert dans ce navigateur. Cette page concerne maintenant cet autre lien."},

		{Key: "done.heading", Text: "Votre mot de passe a été modifié"},
		{Key: "done.text", Text: "Votre compte a été déconnecté de tous les appareils. Vous pouvez vous connecter avec votre nouveau mot de passe."},
		{Key: "done.text.kept", Text: "Vous pouvez vous connecter avec votre nouveau mot de passe."},
		{Key: "done.return", Text: "Continuer vers %[1]s"},

		{Key: "invalid-link.heading", Text: "Ce lien ne fonctionne pas"},
		{Key: "invalid-link.text", Text: "Il a expiré ou a déjà été utilisé."},
		{Key: "invalid-link.damaged", Text: "Il est incomplet ou a été modifié en chemin. Rouvrez-le depuis le message ou copiez-le en entier."},
		{Key: "invalid-link.used", Text: "Si vous venez de changer votre mot de passe avec ce lien, connectez-vous avec le nouveau."},
		{Key: "invalid-link.new", Text: "Sinon, demandez un nouveau lien. Cela ne prend qu’une minute."},
		{Key: "invalid-link.again", Text: "Vous pouvez aussi rouvrir le lien du message."},
		{Key: "invalid-link.cookies", Text: "Si vous venez d’ouvrir un lien, votre navigateur bloque peut-être les cookies, dont cette page a besoin."},

		{Key: "invitation.heading", Text: "Choisissez votre mot de passe"},
		{Key: "invitation.button", Text: "Enregistrer le mot de passe"},
		{Key: "invitation.done", Text: "Votre mot de passe est enregistré"},
		{Key: "invitation.done.text", Text: "Vous pouvez vous connecter avec votre mot de passe."},
		{Key: "invitation.invalid", Text: "Demandez-en un nouveau à la personne qui vous a envoyé l’invitation."},

		{Key: "many.heading", Text: "Trop de tentatives"},
		{Key: "many.text", Text: "Rien n’a été modifié. Veuillez réessayer dans %[1]s."},
		{Key: "busy.heading", Text: "Veuillez réessayer dans un instant"},
		{Key: "busy.text", Text: "Cela ne fonctionne pas pour le moment. Rien n’a été modifié. Veuillez réessayer dans un instant."},
		{Key: "unknown.heading", Text: "Nous ne savons pas si votre mot de passe a été modifié"},
		{Key: "unknown.text", Text: "Essayez de vous connecter avec le nouveau mot de passe. Si cela ne fonctionne pas, demandez un nouveau lien."},
		{Key: "step_up.heading", Text: "Encore une étape"},
		{Key: "step_up.text", Text: "Une vérification supplémentaire est nécessaire pour changer le mot de passe de ce compte. Rien n’a été modifié."},
		{Key: "invalid.heading", Text: "Cela n’a pas fonctionné"},
		{Key: "invalid.text", Text: "Votre navigateur a envoyé quelque chose que nous ne pouvons pas lire. Rien n’a été modifié. Veuillez recommencer."},
		{Key: "foreign.heading", Text: "Veuillez commencer ici"},
		{Key: "foreign.text", Text: "Cette demande provient de la page d’un autre site. Pour votre sécurité, rien n’a été modifié."},
		{Key: "missing.heading", Text: "Cette page n’existe pas"},
		{Key: "missing.text", Text: "L’adresse est peut-être mal saisie ou n’est plus valable."},
		{Key: "failed.heading", Text: "Un problème est survenu"},
		{Key: "failed.text", Text: "Cela vient de nous et non de vous. Veuillez réessayer plus tard."},
		{Key: "start", Text: "Recommencer"},
		{Key: "again", Text: "Réessayer"},

		{Key: "not-me.heading", Text: "Ce n’était pas vous\u00a0?"},
		{Key: "not-me.links", Text: "Dans ce cas, nous annulerons tous les liens et codes que nous vous avons envoyés. Rien d’autre ne changera et vous pourrez toujours vous connecter comme avant."},
		{Key: "not-me.links.button", Text: "Annuler liens et codes"},
		{Key: "not-me.password", Text: "Dans ce cas, nous déconnecterons votre compte de tous les appareils et vous enverrons un lien pour choisir un nouveau mot de passe."},
		{Key: "not-me.password.kept", Text: "Dans ce cas, nous vous enverrons un lien pour choisir un nouveau mot de passe."},
		{Key: "not-me.password.button", Text: "Protéger mon compte"},
		{Key: "not-me-done.heading", Text: "Merci de nous l’avoir signalé"},
		{Key: "not-me-done.links", Text: "Les liens et codes que nous vous avons envoyés ne fonctionnent plus. Votre mot de passe reste inchangé."},
		{Key: "not-me-done.password", Text: "Nous déconnectons votre compte de tous les appareils. Vous allez recevoir un lien pour choisir un nouveau mot de passe."},
		{Key: "not-me-done.password.kept", Text: "Vous allez recevoir un lien pour choisir un nouveau mot de passe."},
		{Key: "not-me-done.mailbox", Text: "La personne qui a fait cela a peut-être accès à vos e-mails. Changez aussi le mot de passe de votre messagerie."},
	}
}
