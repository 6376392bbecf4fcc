package messages

import "golang.org/x/text/feature/plural"

// spanish addresses the reader as usted. Its text messages do without á, í, ó
// and ú, which the GSM alphabet does not have.
func spanish() []entry {
	return []entry{
		{key: "minutes", forms: []any{
			plural.One, "%[1]d minuto",
			plural.Other, "%[1]d minutos",
		}},
		{key: "hours", forms: []any{
			plural.One, "%[1]d hora",
			plural.Other, "%[1]d horas",
		}},

		{key: "hello", text: "Hola, %[1]s:"},
		{key: "hello.anonymous", text: "Hola:"},
		{key: "requested", text: "Solicitud"},
		{key: "changed", text: "Cambio"},
		{key: "expires", text: "Válido hasta"},
		{key: "location", text: "Cerca de"},
		{key: "network", text: "Red"},
		{key: "detail", text: "%[1]s: %[2]s"},
		{key: "button.fallback", text: "Si el botón no funciona, abra este enlace en su navegador:"},
		{key: "ignore", text: "Si no ha sido usted, ignore este mensaje."},
		{key: "notme.ignore", text: "Si no ha sido usted, ignore este mensaje. Su contraseña no ha cambiado."},
		{key: "notme.tell", text: "Si no ha sido usted, su contraseña no ha cambiado. Le rogamos que nos avise:"},
		{key: "notme.link", text: "No he sido yo"},
		{key: "footer", text: "Este es un mensaje automático de %[1]s."},
		{key: "support", text: "¿Tiene preguntas?"},

		{key: "reset-link.subject", text: "Restablezca su contraseña de %[1]s"},
		{key: "reset-link.heading", text: "Restablezca su contraseña"},
		{key: "reset-link.intro", text: "Hemos recibido una solicitud para restablecer la contraseña de su cuenta de %[1]s."},
		{key: "reset-link.button", text: "Elegir una contraseña nueva"},
		{key: "reset-link.open", text: "Abra este enlace para elegir una contraseña nueva:"},
		{key: "reset-link.expiry", text: "El enlace funciona una sola vez y caduca en %[1]s."},
		{key: "reset-link.keep", text: "No reenvíe este mensaje: quien tenga el enlace puede cambiar su contraseña."},

		{key: "reset-code.subject", text: "Código para restablecer su contraseña de %[1]s"},
		{key: "reset-code.heading", text: "Su código"},
		{key: "reset-code.intro", text: "Introduzca este código para restablecer la contraseña de su cuenta de %[1]s:"},
		{key: "reset-code.expiry", text: "El código funciona una sola vez y caduca en %[1]s."},
		{key: "reset-code.keep", text: "No comparta este código con nadie. Nosotros nunca se lo pediremos."},

		{key: "password-changed.subject", text: "Se ha cambiado su contraseña de %[1]s"},
		{key: "password-changed.heading", text: "Se ha cambiado su contraseña"},
		{key: "password-changed.intro", text: "Se ha cambiado la contraseña de su cuenta de %[1]s."},
		{key: "password-changed.ok", text: "Si ha sido usted, no tiene que hacer nada más."},
		{key: "password-changed.act", text: "Si no ha sido usted, avísenos de inmediato para que podamos proteger su cuenta:"},
		{key: "password-changed.help", text: "Si no ha sido usted, restablezca su contraseña de inmediato y póngase en contacto con nuestro servicio de asistencia."},

		{key: "no-password.subject", text: "Cómo iniciar sesión en %[1]s"},
		{key: "no-password.heading", text: "Su cuenta no tiene contraseña"},
		{key: "no-password.intro", text: "Hemos recibido una solicitud para restablecer la contraseña de su cuenta de %[1]s. Esta cuenta no tiene contraseña."},
		{key: "no-password.with", text: "Inicie sesión con el servicio que eligió al registrarse:"},
		{key: "no-password.other", text: "Inicie sesión con el servicio que eligió al registrarse."},

		{key: "unknown-address.subject", text: "Ninguna cuenta de %[1]s con esta dirección"},
		{key: "unknown-address.heading", text: "No hay ninguna cuenta con esta dirección"},
		{key: "unknown-address.intro", text: "Hemos recibido una solicitud para restablecer la contraseña de una cuenta de %[1]s con esta dirección de correo electrónico. Esa cuenta no existe."},
		{key: "unknown-address.hint", text: "Es posible que se haya registrado con otra dirección. Inténtelo de nuevo con esa."},

		{key: "sms.link", text: "%[1]s: abra este enlace para restablecer su contraseña. Caduca en %[2]s."},
		{key: "sms.link.undated", text: "%[1]s: abra este enlace para restablecer su contraseña."},
		{key: "sms.code", text: "%[2]s es su clave temporal de %[1]s para cambiar la contraseña. Caduca en %[3]s. No la comparta."},
		{key: "sms.code.short", text: "Su clave temporal de %[1]s: %[2]s. No la comparta."},
		{key: "sms.code.least", text: "%[1]s: %[2]s"},
		{key: "sms.changed", text: "%[1]s: se ha cambiado su contraseña%[2]s. Si no ha sido usted, restablezca la contraseña ahora y contacte con nosotros."},
		{key: "sms.changed.notme", text: "%[1]s: se ha cambiado su contraseña%[2]s. Si no ha sido usted, avise ahora:"},
		{key: "sms.no-password.with", text: "Su cuenta de %[1]s no tiene contraseña. Entre con: %[2]s"},
		{key: "sms.no-password.other", text: "Su cuenta de %[1]s no tiene contraseña. Entre con el servicio que eligiera al registrarse."},
	}
}
