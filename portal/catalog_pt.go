package portal

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// portuguese uses words that are right in Brazil and in Portugal: senha, conta,
// link, and verbs in the third person without você. It avoids what the two
// countries write or say differently: salvar and guardar, aceita and aceite,
// enviamos and enviámos, and the gerund and "a" with the infinitive.
func portuguese() []i18n.Entry {
	return []i18n.Entry{
		{Key: "seconds", Forms: []any{
			plural.One, "%[1]d segundo",
			plural.Other, "%[1]d segundos",
		}},
		{Key: "minutes", Forms: []any{
			plural.One, "%[1]d minuto",
			plural.Other, "%[1]d minutos",
		}},
		{Key: "hours", Forms: []any{
			plural.One, "%[1]d hora",
			plural.Other, "%[1]d horas",
		}},

		{Key: "title.error", Text: "Erro: %[1]s"},
		{Key: "language", Text: "Idioma"},
		{Key: "support", Text: "Ajuda"},
		{Key: "signin", Text: "Entrar"},
		{Key: "signin.back", Text: "Voltar ao login"},
		{Key: "continue", Text: "Continuar"},
		{Key: "new.link", Text: "Pedir um novo link"},
		{Key: "new.code", Text: "Pedir um novo código"},

		{Key: "forgot.heading", Text: "Esqueceu a sua senha?"},
		{Key: "forgot.text", Text: "Insira o seu endereço de e-mail. Enviaremos um link para escolher uma nova senha."},
		{Key: "forgot.text.phone", Text: "Insira o seu endereço de e-mail e enviaremos um link para escolher uma nova senha; ou o seu número de telefone e enviaremos um código."},
		{Key: "forgot.label", Text: "Endereço de e-mail"},
		{Key: "forgot.label.phone", Text: "Endereço de e-mail ou número de telefone"},
		{Key: "forgot.invalid", Text: "Insira um endereço de e-mail, como name@example.com."},
		{Key: "forgot.invalid.phone", Text: "Insira um endereço de e-mail, como name@example.com, ou um número de telefone com o código do país, como +49 30 123456."},
		{Key: "forgot.captcha", Text: "Por favor, confirme que é uma pessoa e continue. Para isso é necessário JavaScript."},

		{Key: "sent.heading", Text: "Veja a sua caixa de entrada"},
		{Key: "sent.text", Text: "Se existir uma conta para %[1]s, uma mensagem com um link está a caminho."},
		{Key: "sent.text.anonymous", Text: "Se existir uma conta com o endereço que inseriu, uma mensagem com um link está a caminho."},
		{Key: "sent.expiry", Text: "O link funciona uma única vez e expira em %[1]s."},
		{Key: "sent.spam", Text: "Ainda nada após alguns minutos? Procure na pasta de spam e verifique se o endereço está certo."},
		{Key: "sent.again", Text: "Tentar novamente ou usar outro endereço"},

		{Key: "code.heading", Text: "Insira o seu código"},
		{Key: "code.text", Text: "Se existir uma conta para %[1]s, um SMS com um código está a caminho."},
		{Key: "code.text.anonymous", Text: "Insira o seu número de telefone e o código que recebeu."},
		{Key: "code.expiry", Text: "O código funciona uma única vez e expira em %[1]s."},
		{Key: "code.phone", Text: "Número de telefone"},
		{Key: "code.label", Text: "Código"},
		{Key: "code.hint", Text: "%[1]d dígitos"},
		{Key: "code.malformed", Text: "Insira o código de %[1]d dígitos que recebeu."},
		{Key: "code.invalid", Text: "Este código está errado ou já expirou. Verifique-o ou peça um novo."},
		{Key: "code.phone.invalid", Text: "Insira o seu número de telefone com o código do país, como +49 30 123456."},

		{Key: "reset.heading", Text: "Escolha uma nova senha"},
		{Key: "reset.account", Text: "Conta"},
		{Key: "reset.label", Text: "Nova senha"},
		{Key: "reset.again", Text: "Repita a nova senha"},
		{Key: "reset.button", Text: "Definir nova senha"},
		{Key: "reset.wait", Text: "O servidor está ocupado. Esta página aguarda e salva sua nova senha sozinha. Por favor, deixe-a aberta."},
		{Key: "reset.sessions", Text: "A sua sessão será encerrada em todos os dispositivos."},
		{Key: "reset.show", Text: "Mostrar a senha"},
		{Key: "reset.hide", Text: "Ocultar a senha"},
		{Key: "rules", Text: "Como é uma boa senha"},
		{Key: "rules.length", Text: "Pelo menos %[1]d caracteres. Várias palavras seguidas são fáceis de lembrar."},
		{Key: "rules.repeat", Text: "Nada que se repita, como abcabcabc."},
		{Key: "rules.run", Text: "Nenhuma sequência, como abcdefgh ou 12345678."},
		{Key: "rules.address", Text: "Não apenas o seu próprio endereço."},
		{Key: "rules.common", Text: "Nenhuma que muita gente use. Isto é verificado ao definir a senha."},
		{Key: "rules.met", Text: "regra cumprida"},
		{Key: "rules.unmet", Text: "regra ainda não cumprida"},

		{Key: "refused.empty", Text: "Insira uma nova senha."},
		{Key: "refused.differ", Text: "As duas senhas não são iguais. Insira ambas novamente."},
		{Key: "refused.too_short", Text: "Esta senha é curta demais. Use pelo menos %[1]d caracteres."},
		{Key: "refused.too_long", Text: "Esta senha é longa demais. Use no máximo %[1]d caracteres."},
		{Key: "refused.too_large", Text: "Esta senha é longa demais. Use menos caracteres, ou menos letras com acento e menos símbolos."},
		{Key: "refused.encoding", Text: "Esta senha tem um símbolo que não pode ser usado. Insira-a novamente."},
		{Key: "refused.common", Text: "Esta senha é fácil de adivinhar: muita gente a usa ou ela segue um padrão simples. Escolha outra."},
		{Key: "refused.context", Text: "Esta senha é pouco mais do que o nome deste serviço. Escolha outra."},
		{Key: "refused.identifier", Text: "Esta senha é pouco mais do que o seu próprio nome, endereço ou número. Escolha outra."},
		{Key: "refused.breached", Text: "Esta senha apareceu numa violação de dados de outro serviço. Escolha uma que não use em nenhum outro lugar."},
		{Key: "refused.reused", Text: "Já usou esta senha antes. Escolha uma nova."},
		{Key: "refused.other", Text: "Não é possível usar esta senha. Escolha outra."},

		{Key: "reset.other", Text: "Nada foi alterado: outro link foi aberto neste navegador. Esta página é agora para %[1]s."},
		{Key: "reset.other.anonymous", Text: "Nada foi alterado: outro link foi aberto neste navegador. Esta página é agora para esse link."},

		{Key: "done.heading", Text: "A sua senha foi alterada"},
		{Key: "done.text", Text: "A sua sessão foi encerrada em todos os dispositivos. Já pode entrar com a nova senha."},
		{Key: "done.text.kept", Text: "Já pode entrar com a nova senha."},
		{Key: "done.return", Text: "Continuar para %[1]s"},

		{Key: "invalid-link.heading", Text: "Este link não funciona"},
		{Key: "invalid-link.text", Text: "Expirou ou já foi usado."},
		{Key: "invalid-link.damaged", Text: "Está incompleto ou foi alterado pelo caminho. Abra-o de novo a partir da mensagem ou copie-o por inteiro."},
		{Key: "invalid-link.used", Text: "Se acabou de alterar a sua senha com ele, pode entrar com a nova."},
		{Key: "invalid-link.new", Text: "Caso contrário, peça um novo link. Leva só um minuto."},
		{Key: "invalid-link.again", Text: "Também pode abrir de novo o link da mensagem."},
		{Key: "invalid-link.cookies", Text: "Se acabou de abrir um link, talvez o seu navegador esteja a bloquear cookies, de que esta página precisa."},

		{Key: "invitation.heading", Text: "Escolha a sua senha"},
		{Key: "invitation.button", Text: "Guardar senha"},
		{Key: "invitation.done", Text: "A sua senha está definida"},
		{Key: "invitation.done.text", Text: "Já pode entrar com a sua senha."},
		{Key: "invitation.invalid", Text: "Peça um novo a quem lhe enviou o convite."},

		{Key: "many.heading", Text: "Muitas tentativas"},
		{Key: "many.text", Text: "Nada foi alterado. Por favor, tente novamente daqui a %[1]s."},
		{Key: "busy.heading", Text: "Tente novamente daqui a pouco"},
		{Key: "busy.text", Text: "Isto não funciona neste momento. Nada foi alterado. Por favor, tente novamente daqui a pouco."},
		{Key: "unknown.heading", Text: "Não sabemos se a sua senha foi alterada"},
		{Key: "unknown.text", Text: "Tente entrar com a nova senha. Se não funcionar, peça um novo link."},
		{Key: "step_up.heading", Text: "Só mais um passo"},
		{Key: "step_up.text", Text: "É preciso mais uma verificação para alterar a senha desta conta. Nada foi alterado."},
		{Key: "invalid.heading", Text: "Isto não funcionou"},
		{Key: "invalid.text", Text: "O seu navegador enviou algo que não conseguimos ler. Nada foi alterado. Por favor, comece de novo."},
		{Key: "foreign.heading", Text: "Comece aqui, por favor"},
		{Key: "foreign.text", Text: "Isto foi enviado de uma página de outro site. Para sua segurança, nada foi alterado."},
		{Key: "missing.heading", Text: "Esta página não existe"},
		{Key: "missing.text", Text: "O endereço pode ter um erro ou já não ser válido."},
		{Key: "failed.heading", Text: "Algo falhou"},
		{Key: "failed.text", Text: "A culpa é nossa e não sua. Por favor, tente novamente mais tarde."},
		{Key: "start", Text: "Começar de novo"},
		{Key: "again", Text: "Tentar novamente"},

		{Key: "not-me.heading", Text: "Não reconhece esta ação?"},
		{Key: "not-me.links", Text: "Nesse caso, cancelaremos todos os links e códigos enviados. Nada mais mudará e poderá entrar como antes."},
		{Key: "not-me.links.button", Text: "Cancelar links e códigos"},
		{Key: "not-me.password", Text: "Nesse caso, encerraremos todas as sessões da sua conta e enviaremos um link para escolher uma nova senha."},
		{Key: "not-me.password.kept", Text: "Nesse caso, enviaremos um link para escolher uma nova senha."},
		{Key: "not-me.password.button", Text: "Proteger a minha conta"},
		{Key: "not-me-done.heading", Text: "Agradecemos o seu aviso"},
		{Key: "not-me-done.links", Text: "Os links e códigos enviados já não funcionam. A sua senha continua a mesma."},
		{Key: "not-me-done.password", Text: "Todas as sessões da sua conta serão encerradas em instantes. Um link para escolher uma nova senha está a caminho."},
		{Key: "not-me-done.password.kept", Text: "Um link para escolher uma nova senha está a caminho."},
		{Key: "not-me-done.mailbox", Text: "Quem fez isto talvez consiga ler os seus e-mails. Altere também a senha da sua caixa de e-mail."},
	}
}
