package messages

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// spanish addresses the reader as usted. Its text messages have no word with á,
// í, ó or ú, because the GSM alphabet lacks these letters. Only "días" has no
// other word: text messages write "dias", see Data.forSMS.
func spanish() []i18n.Entry {
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
			plural.One, "%[1]d día",
			plural.Other, "%[1]d días",
		}},

		{Key: "hello", Text: "Hola, %[1]s:"},
		{Key: "hello.anonymous", Text: "Hola:"},
		{Key: "requested", Text: "Solicitud"},
		{Key: "changed", Text: "Cambio"},
		{Key: "expires", Text: "Válido hasta"},
		{Key: "location", Text: "Cerca de"},
		{Key: "network", Text: "Red"},
		{Key: "detail", Text: "%[1]s: %[2]s"},
		{Key: "button.fallback", Text: "Si el botón no funciona, abra este enlace en su navegador:"},
		{Key: "ignore", Text: "Si no ha sido usted, ignore este mensaje."},
		{Key: "notme.ignore", Text: "Si no ha sido usted, ignore este mensaje. Su contraseña no ha cambiado."},
		{Key: "notme.tell", Text: "Si no ha sido usted, su contraseña no ha cambiado. Le rogamos que nos avise:"},
		{Key: "notme.link", Text: "No he sido yo"},
		{Key: "footer", Text: "Este es un mensaje automático de %[1]s."},
		{Key: "support", Text: "¿Tiene preguntas?"},

		{Key: "reset-link.subject", Text: "Restablezca su contraseña de %[1]s"},
		{Key: "reset-link.heading", Text: "Restablezca su contraseña"},
		{Key: "reset-link.intro", Text: "Hemos recibido una solicitud para restablecer la contraseña de su cuenta de %[1]s."},
		{Key: "reset-link.intro.account", Text: "Hemos recibido una solicitud para restablecer la contraseña de su cuenta «%[2]s» de %[1]s."},
		{Key: "reset-link.button", Text: "Elegir una contraseña nueva"},
		{Key: "reset-link.open", Text: "Abra este enlace para elegir una contraseña nueva:"},
		{Key: "reset-link.expiry", Text: "El enlace funciona una sola vez y caduca en %[1]s."},
		{Key: "reset-link.keep", Text: "No reenvíe este mensaje: quien tenga el enlace puede cambiar su contraseña."},

		{Key: "reset-links.intro", Text: "Hemos recibido una solicitud para restablecer la contraseña de su cuenta de %[1]s. Varias cuentas tienen esta dirección, por lo que cada una tiene su propio enlace. Utilice el de la cuenta en la que quiere iniciar sesión."},
		{Key: "reset-links.account", Text: "Cuenta %[1]d"},
		{Key: "reset-links.expiry", Text: "Cada enlace funciona una sola vez y caduca en %[1]s."},
		{Key: "reset-links.keep", Text: "No reenvíe este mensaje: quien tenga uno de los enlaces puede cambiar la contraseña de esa cuenta."},

		{Key: "reset-code.subject", Text: "Código para restablecer su contraseña de %[1]s"},
		{Key: "reset-code.heading", Text: "Su código"},
		{Key: "reset-code.intro", Text: "Introduzca este código para restablecer la contraseña de su cuenta de %[1]s:"},
		{Key: "reset-code.intro.account", Text: "Introduzca este código para restablecer la contraseña de su cuenta «%[2]s» de %[1]s:"},
		{Key: "reset-code.expiry", Text: "El código funciona una sola vez y caduca en %[1]s."},
		{Key: "reset-code.keep", Text: "No comparta este código con nadie. Nosotros nunca se lo pediremos."},

		{Key: "password-changed.subject", Text: "Se ha cambiado su contraseña de %[1]s"},
		{Key: "password-changed.heading", Text: "Se ha cambiado su contraseña"},
		{Key: "password-changed.intro", Text: "Se ha cambiado la contraseña de su cuenta de %[1]s."},
		{Key: "password-changed.intro.account", Text: "Se ha cambiado la contraseña de su cuenta «%[2]s» de %[1]s."},
		{Key: "password-changed.helped", Text: "Se hizo con la ayuda de %[1]s."},
		{Key: "password-changed.helped.anonymous", Text: "Se hizo con la ayuda de nuestro servicio de asistencia."},
		{Key: "password-changed.ok", Text: "Si ha sido usted, no tiene que hacer nada más."},
		{Key: "password-changed.act", Text: "Si no ha sido usted, avísenos de inmediato para que podamos proteger su cuenta:"},
		{Key: "password-changed.help", Text: "Si no ha sido usted, restablezca su contraseña de inmediato y póngase en contacto con nuestro servicio de asistencia."},

		{Key: "invitation.subject", Text: "Elija una contraseña para su cuenta de %[1]s"},
		{Key: "invitation.heading", Text: "Elija su contraseña"},
		{Key: "invitation.intro", Text: "Su cuenta de %[1]s está lista. Elija una contraseña para ella."},
		{Key: "invitation.button", Text: "Elegir una contraseña"},
		{Key: "invitation.open", Text: "Abra este enlace para elegir su contraseña:"},
		{Key: "invitation.keep", Text: "No reenvíe este mensaje: quien tenga el enlace puede usar su cuenta."},
		{Key: "invitation.ignore", Text: "Si no conoce esta cuenta, ignore este mensaje."},

		{Key: "reset-required.subject", Text: "Necesita una contraseña nueva para %[1]s"},
		{Key: "reset-required.heading", Text: "Elija una contraseña nueva"},
		{Key: "reset-required.intro", Text: "Es necesario cambiar su contraseña de %[1]s. Podrá iniciar sesión de nuevo cuando haya elegido otra."},
		{Key: "reset-required.hint", Text: "Si el enlace ha caducado, pulse «¿Ha olvidado su contraseña?» al iniciar sesión."},

		{Key: "no-password.subject", Text: "Cómo iniciar sesión en %[1]s"},
		{Key: "no-password.heading", Text: "Su cuenta no tiene contraseña"},
		{Key: "no-password.intro", Text: "Hemos recibido una solicitud para restablecer la contraseña de su cuenta de %[1]s. Esta cuenta no tiene contraseña."},
		{Key: "no-password.with", Text: "Inicie sesión con el servicio que eligió al registrarse:"},
		{Key: "no-password.other", Text: "Inicie sesión con el servicio que eligió al registrarse."},

		{Key: "unknown-address.subject", Text: "Ninguna cuenta de %[1]s con esta dirección"},
		{Key: "unknown-address.heading", Text: "No hay ninguna cuenta con esta dirección"},
		{Key: "unknown-address.intro", Text: "Hemos recibido una solicitud para restablecer la contraseña de una cuenta de %[1]s con esta dirección de correo electrónico. Esa cuenta no existe."},
		{Key: "unknown-address.hint", Text: "Es posible que se haya registrado con otra dirección. Inténtelo de nuevo con esa."},

		{Key: "sms.link", Text: "%[1]s: abra este enlace para restablecer su contraseña. Caduca en %[2]s."},
		{Key: "sms.link.undated", Text: "%[1]s: abra este enlace para restablecer su contraseña."},
		{Key: "sms.invitation", Text: "%[1]s: abra este enlace para elegir su contraseña. Caduca en %[2]s."},
		{Key: "sms.invitation.undated", Text: "%[1]s: abra este enlace para elegir su contraseña."},
		{Key: "sms.required", Text: "%[1]s: es necesario cambiar su contraseña. Abra este enlace para elegir otra. Caduca en %[2]s."},
		{Key: "sms.required.undated", Text: "%[1]s: es necesario cambiar su contraseña. Abra este enlace para elegir otra."},
		{Key: "sms.code", Text: "%[2]s es su clave temporal de %[1]s para cambiar la contraseña. Caduca en %[3]s. No la comparta."},
		{Key: "sms.code.short", Text: "Su clave temporal de %[1]s: %[2]s. No la comparta."},
		{Key: "sms.code.least", Text: "%[1]s: %[2]s"},
		{Key: "sms.changed", Text: "%[1]s: se ha cambiado su contraseña%[2]s. Si no ha sido usted, restablezca la contraseña ahora y contacte con nosotros."},
		{Key: "sms.changed.notme", Text: "%[1]s: se ha cambiado su contraseña%[2]s. Si no ha sido usted, avise ahora:"},
		{Key: "sms.helped", Text: "con ayuda de %[1]s"},
		{Key: "sms.helped.anonymous", Text: "con ayuda de nuestro equipo"},
		{Key: "sms.no-password.with", Text: "Su cuenta de %[1]s no tiene contraseña. Entre con: %[2]s"},
		{Key: "sms.no-password.other", Text: "Su cuenta de %[1]s no tiene contraseña. Entre con el servicio que eligiera al registrarse."},
	}
}
