package messages

import "golang.org/x/text/feature/plural"

// portuguese keeps to words that are right in Brazil and in Portugal: senha,
// conta, link, and verbs in the third person without você. Its text messages do
// without ã, á, í, ó, ú, ê and ç, which the GSM alphabet does not have.
func portuguese() []entry {
	return []entry{
		{key: "minutes", forms: []any{
			plural.One, "%[1]d minuto",
			plural.Other, "%[1]d minutos",
		}},
		{key: "hours", forms: []any{
			plural.One, "%[1]d hora",
			plural.Other, "%[1]d horas",
		}},

		{key: "hello", text: "Olá, %[1]s,"},
		{key: "hello.anonymous", text: "Olá,"},
		{key: "requested", text: "Pedido"},
		{key: "changed", text: "Alteração"},
		{key: "expires", text: "Validade"},
		{key: "location", text: "Perto de"},
		{key: "network", text: "Rede"},
		{key: "detail", text: "%[1]s: %[2]s"},
		{key: "button.fallback", text: "Se o botão não funcionar, abra este link no seu navegador:"},
		{key: "ignore", text: "Se este pedido não foi seu, ignore esta mensagem."},
		{key: "notme.ignore", text: "Se este pedido não foi seu, ignore esta mensagem. A sua senha não foi alterada."},
		{key: "notme.tell", text: "Se este pedido não foi seu, a sua senha não foi alterada. Por favor, avise-nos:"},
		{key: "notme.link", text: "Não fui eu"},
		{key: "footer", text: "Esta é uma mensagem automática de %[1]s."},
		{key: "support", text: "Dúvidas?"},

		{key: "reset-link.subject", text: "Redefina a sua senha de %[1]s"},
		{key: "reset-link.heading", text: "Redefina a sua senha"},
		{key: "reset-link.intro", text: "Recebemos um pedido para redefinir a senha da sua conta de %[1]s."},
		{key: "reset-link.button", text: "Escolher uma nova senha"},
		{key: "reset-link.open", text: "Abra este link para escolher uma nova senha:"},
		{key: "reset-link.expiry", text: "O link funciona uma única vez e expira em %[1]s."},
		{key: "reset-link.keep", text: "Não encaminhe esta mensagem: quem tiver o link pode alterar a sua senha."},

		{key: "reset-code.subject", text: "Código para redefinir a sua senha de %[1]s"},
		{key: "reset-code.heading", text: "O seu código"},
		{key: "reset-code.intro", text: "Insira este código para redefinir a senha da sua conta de %[1]s:"},
		{key: "reset-code.expiry", text: "O código funciona uma única vez e expira em %[1]s."},
		{key: "reset-code.keep", text: "Nunca revele este código a ninguém. Nós nunca o pediremos."},

		{key: "password-changed.subject", text: "A sua senha de %[1]s foi alterada"},
		{key: "password-changed.heading", text: "A sua senha foi alterada"},
		{key: "password-changed.intro", text: "A senha da sua conta de %[1]s foi alterada."},
		{key: "password-changed.ok", text: "Se esta alteração foi sua, não é preciso fazer mais nada."},
		{key: "password-changed.act", text: "Se esta alteração não foi sua, avise-nos imediatamente para que possamos proteger a sua conta:"},
		{key: "password-changed.help", text: "Se esta alteração não foi sua, redefina imediatamente a sua senha e fale com o nosso suporte."},

		{key: "no-password.subject", text: "Como entrar em %[1]s"},
		{key: "no-password.heading", text: "A sua conta não tem senha"},
		{key: "no-password.intro", text: "Recebemos um pedido para redefinir a senha da sua conta de %[1]s. Esta conta não tem senha."},
		{key: "no-password.with", text: "Entre com o serviço que escolheu ao criar a conta:"},
		{key: "no-password.other", text: "Entre com o serviço que escolheu ao criar a conta."},

		{key: "unknown-address.subject", text: "Nenhuma conta de %[1]s com este endereço"},
		{key: "unknown-address.heading", text: "Não existe nenhuma conta com este endereço"},
		{key: "unknown-address.intro", text: "Recebemos um pedido para redefinir a senha de uma conta de %[1]s com este endereço de e-mail. Essa conta não existe."},
		{key: "unknown-address.hint", text: "É possível que tenha criado a conta com outro endereço. Tente novamente com esse."},

		{key: "sms.link", text: "%[1]s: abra este link para redefinir a sua senha. Expira em %[2]s."},
		{key: "sms.link.undated", text: "%[1]s: abra este link para redefinir a sua senha."},
		{key: "sms.code", text: "%[1]s: use %[2]s para redefinir a sua senha. Expira em %[3]s. Nunca o revele a outra pessoa."},
		{key: "sms.code.short", text: "%[1]s: use %[2]s. Nunca o revele a outra pessoa."},
		{key: "sms.code.least", text: "%[1]s: %[2]s"},
		{key: "sms.changed", text: "%[1]s: a sua senha foi alterada%[2]s. Se foi outra pessoa, redefina a senha agora e fale com o nosso suporte."},
		{key: "sms.changed.notme", text: "%[1]s: a sua senha foi alterada%[2]s. Se foi outra pessoa, avise agora:"},
		{key: "sms.no-password.with", text: "A sua conta de %[1]s existe sem senha. Entre com: %[2]s"},
		{key: "sms.no-password.other", text: "A sua conta de %[1]s existe sem senha. Entre com o mesmo meio que usou para criar a conta."},
	}
}
