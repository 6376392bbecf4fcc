package messages

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// portuguese uses words that are right in Brazil and in Portugal: senha, conta,
// link, and verbs in the third person without você. Its text messages have no
// word with ã, á, í, ó, ú, ê or ç, because the GSM alphabet lacks these
// letters.
func portuguese() []i18n.Entry {
	return []i18n.Entry{
		{Key: "minutes", Forms: []any{
			plural.One, "%[1]d minuto",
			plural.Other, "%[1]d minutos",
		}},
		{Key: "hours", Forms: []any{
			plural.One, "%[1]d hora",
			plural.Other, "%[1]d horas",
		}},
		{Key: "days", Forms: []any{
			plural.One, "%[1]d dia",
			plural.Other, "%[1]d dias",
		}},

		{Key: "hello", Text: "Olá, %[1]s,"},
		{Key: "hello.anonymous", Text: "Olá,"},
		{Key: "requested", Text: "Pedido"},
		{Key: "changed", Text: "Alteração"},
		{Key: "expires", Text: "Validade"},
		{Key: "location", Text: "Perto de"},
		{Key: "network", Text: "Rede"},
		{Key: "detail", Text: "%[1]s: %[2]s"},
		{Key: "button.fallback", Text: "Se o botão não funcionar, abra este link no seu navegador:"},
		{Key: "ignore", Text: "Se este pedido não foi seu, ignore esta mensagem."},
		{Key: "notme.ignore", Text: "Se este pedido não foi seu, ignore esta mensagem. A sua senha não foi alterada."},
		{Key: "notme.tell", Text: "Se este pedido não foi seu, a sua senha não foi alterada. Por favor, avise-nos:"},
		{Key: "notme.link", Text: "Não fui eu"},
		{Key: "footer", Text: "Esta é uma mensagem automática de %[1]s."},
		{Key: "support", Text: "Dúvidas?"},

		{Key: "reset-link.subject", Text: "Redefina a sua senha de %[1]s"},
		{Key: "reset-link.heading", Text: "Redefina a sua senha"},
		{Key: "reset-link.intro", Text: "Recebemos um pedido para redefinir a senha da sua conta de %[1]s."},
		{Key: "reset-link.intro.account", Text: "Recebemos um pedido para redefinir a senha da sua conta “%[2]s” de %[1]s."},
		{Key: "reset-link.button", Text: "Escolher uma nova senha"},
		{Key: "reset-link.open", Text: "Abra este link para escolher uma nova senha:"},
		{Key: "reset-link.expiry", Text: "O link funciona uma única vez e expira em %[1]s."},
		{Key: "reset-link.keep", Text: "Não encaminhe esta mensagem: quem tiver o link pode alterar a sua senha."},

		{Key: "reset-links.intro", Text: "Recebemos um pedido para redefinir a senha da sua conta de %[1]s. Várias contas têm este endereço, por isso cada uma tem o seu próprio link. Use o da conta em que quer entrar."},
		{Key: "reset-links.account", Text: "Conta %[1]d"},
		{Key: "reset-links.expiry", Text: "Cada link funciona uma única vez e expira em %[1]s."},
		{Key: "reset-links.keep", Text: "Não encaminhe esta mensagem: quem tiver um dos links pode alterar a senha dessa conta."},

		{Key: "reset-code.subject", Text: "Código para redefinir a sua senha de %[1]s"},
		{Key: "reset-code.heading", Text: "O seu código"},
		{Key: "reset-code.intro", Text: "Insira este código para redefinir a senha da sua conta de %[1]s:"},
		{Key: "reset-code.intro.account", Text: "Insira este código para redefinir a senha da sua conta “%[2]s” de %[1]s:"},
		{Key: "reset-code.expiry", Text: "O código funciona uma única vez e expira em %[1]s."},
		{Key: "reset-code.keep", Text: "Nunca revele este código a ninguém. Nós nunca o pediremos."},

		{Key: "password-changed.subject", Text: "A sua senha de %[1]s foi alterada"},
		{Key: "password-changed.heading", Text: "A sua senha foi alterada"},
		{Key: "password-changed.intro", Text: "A senha da sua conta de %[1]s foi alterada."},
		{Key: "password-changed.intro.account", Text: "A senha da sua conta “%[2]s” de %[1]s foi alterada."},
		{Key: "password-changed.helped", Text: "Isto foi feito com a ajuda de %[1]s."},
		{Key: "password-changed.helped.anonymous", Text: "Isto foi feito com a ajuda do nosso suporte."},
		{Key: "password-changed.ok", Text: "Se esta alteração foi sua, não é preciso fazer mais nada."},
		{Key: "password-changed.act", Text: "Se esta alteração não foi sua, avise-nos imediatamente para que possamos proteger a sua conta:"},
		{Key: "password-changed.help", Text: "Se esta alteração não foi sua, redefina imediatamente a sua senha e fale com o nosso suporte."},

		{Key: "invitation.subject", Text: "Escolha uma senha para a sua conta de %[1]s"},
		{Key: "invitation.heading", Text: "Escolha a sua senha"},
		{Key: "invitation.intro", Text: "A sua conta de %[1]s está pronta. Escolha uma senha para ela."},
		{Key: "invitation.button", Text: "Escolher uma senha"},
		{Key: "invitation.open", Text: "Abra este link para escolher a sua senha:"},
		{Key: "invitation.keep", Text: "Não encaminhe esta mensagem: quem tiver o link pode usar a sua conta."},
		{Key: "invitation.ignore", Text: "Se não conhece esta conta, ignore esta mensagem."},

		{Key: "reset-required.subject", Text: "Precisa de uma nova senha para %[1]s"},
		{Key: "reset-required.heading", Text: "Escolha uma nova senha"},
		{Key: "reset-required.intro", Text: "A sua senha de %[1]s tem de ser substituída. Poderá entrar outra vez assim que escolher uma nova."},
		{Key: "reset-required.hint", Text: "Se o link já expirou, selecione “Esqueceu a sua senha?” ao entrar."},

		{Key: "no-password.subject", Text: "Como entrar em %[1]s"},
		{Key: "no-password.heading", Text: "A sua conta não tem senha"},
		{Key: "no-password.intro", Text: "Recebemos um pedido para redefinir a senha da sua conta de %[1]s. Esta conta não tem senha."},
		{Key: "no-password.with", Text: "Entre com o serviço que escolheu ao criar a conta:"},
		{Key: "no-password.other", Text: "Entre com o serviço que escolheu ao criar a conta."},

		{Key: "unknown-address.subject", Text: "Nenhuma conta de %[1]s com este endereço"},
		{Key: "unknown-address.heading", Text: "Não existe nenhuma conta com este endereço"},
		{Key: "unknown-address.intro", Text: "Recebemos um pedido para redefinir a senha de uma conta de %[1]s com este endereço de e-mail. Essa conta não existe."},
		{Key: "unknown-address.hint", Text: "É possível que tenha criado a conta com outro endereço. Tente novamente com esse."},

		{Key: "sms.link", Text: "%[1]s: abra este link para redefinir a sua senha. Expira em %[2]s."},
		{Key: "sms.link.undated", Text: "%[1]s: abra este link para redefinir a sua senha."},
		{Key: "sms.invitation", Text: "%[1]s: abra este link para escolher a sua senha. Expira em %[2]s."},
		{Key: "sms.invitation.undated", Text: "%[1]s: abra este link para escolher a sua senha."},
		{Key: "sms.required", Text: "%[1]s: a sua senha tem de mudar. Abra este link para escolher outra. Expira em %[2]s."},
		{Key: "sms.required.undated", Text: "%[1]s: a sua senha tem de mudar. Abra este link para escolher outra."},
		{Key: "sms.code", Text: "%[1]s: use %[2]s para redefinir a sua senha. Expira em %[3]s. Nunca o revele a outra pessoa."},
		{Key: "sms.code.short", Text: "%[1]s: use %[2]s. Nunca o revele a outra pessoa."},
		{Key: "sms.code.least", Text: "%[1]s: %[2]s"},
		{Key: "sms.changed", Text: "%[1]s: a sua senha foi alterada%[2]s. Se foi outra pessoa, redefina a senha agora e fale com o nosso suporte."},
		{Key: "sms.changed.notme", Text: "%[1]s: a sua senha foi alterada%[2]s. Se foi outra pessoa, avise agora:"},
		{Key: "sms.helped", Text: "com ajuda de %[1]s"},
		{Key: "sms.helped.anonymous", Text: "com ajuda do nosso suporte"},
		{Key: "sms.no-password.with", Text: "A sua conta de %[1]s existe sem senha. Entre com: %[2]s"},
		{Key: "sms.no-password.other", Text: "A sua conta de %[1]s existe sem senha. Entre com o mesmo meio que usou para criar a conta."},
	}
}
