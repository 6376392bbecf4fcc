package portal

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// spanish addresses the reader as usted.
func spanish() []i18n.Entry {
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

		{Key: "title.error", Text: "Error: %[1]s"},
		{Key: "language", Text: "Idioma"},
		{Key: "support", Text: "Ayuda"},
		{Key: "signin", Text: "Iniciar sesión"},
		{Key: "signin.back", Text: "Volver al inicio de sesión"},
		{Key: "continue", Text: "Continuar"},
		{Key: "new.link", Text: "Pedir un enlace nuevo"},
		{Key: "new.code", Text: "Pedir un código nuevo"},

		{Key: "forgot.heading", Text: "¿Ha olvidado su contraseña?"},
		{Key: "forgot.text", Text: "Introduzca su dirección de correo electrónico. Le enviaremos un enlace para elegir una contraseña nueva."},
		{Key: "forgot.text.phone", Text: "Introduzca su dirección de correo electrónico y le enviaremos un enlace para elegir una contraseña nueva; o su número de teléfono y le enviaremos un código."},
		{Key: "forgot.label", Text: "Correo electrónico"},
		{Key: "forgot.label.phone", Text: "Correo electrónico o número de teléfono"},
		{Key: "forgot.invalid", Text: "Introduzca una dirección de correo electrónico, como name@example.com."},
		{Key: "forgot.invalid.phone", Text: "Introduzca una dirección de correo electrónico, como name@example.com, o un número de teléfono con el prefijo del país, como +49 30 123456."},
		{Key: "forgot.captcha", Text: "Confirme que es una persona y continúe. Para ello hace falta JavaScript."},

		{Key: "sent.heading", Text: "Revise su correo"},
		{Key: "sent.text", Text: "Si hay una cuenta asociada a %[1]s, en breve recibirá un mensaje con un enlace."},
		{Key: "sent.text.anonymous", Text: "Si hay una cuenta con la dirección que ha introducido, en breve recibirá un mensaje con un enlace."},
		{Key: "sent.expiry", Text: "El enlace funciona una sola vez y caduca en %[1]s."},
		{Key: "sent.spam", Text: "¿No le ha llegado nada en unos minutos? Mire en la carpeta de spam y compruebe que la dirección es correcta."},
		{Key: "sent.again", Text: "Volver a intentarlo o usar otra dirección"},

		{Key: "code.heading", Text: "Introduzca su código"},
		{Key: "code.text", Text: "Si hay una cuenta asociada a %[1]s, en breve recibirá un SMS con un código."},
		{Key: "code.text.anonymous", Text: "Introduzca su número de teléfono y el código que le hemos enviado."},
		{Key: "code.expiry", Text: "El código funciona una sola vez y caduca en %[1]s."},
		{Key: "code.phone", Text: "Número de teléfono"},
		{Key: "code.label", Text: "Código"},
		{Key: "code.hint", Text: "%[1]d dígitos"},
		{Key: "code.malformed", Text: "Introduzca el código de %[1]d dígitos que le hemos enviado."},
		{Key: "code.invalid", Text: "Este código no es correcto o ha caducado. Compruébelo o pida uno nuevo."},
		{Key: "code.phone.invalid", Text: "Introduzca su número de teléfono con el prefijo del país, como +49 30 123456."},

		{Key: "reset.heading", Text: "Elija una contraseña nueva"},
		{Key: "reset.account", Text: "Cuenta"},
		{Key: "reset.label", Text: "Contraseña nueva"},
		{Key: "reset.again", Text: "Repita la contraseña nueva"},
		{Key: "reset.button", Text: "Guardar contraseña nueva"},
		{Key: "reset.wait", Text: "El servidor está ocupado. Esta página espera y guarda su nueva contraseña por sí sola. Déjela abierta."},
		{Key: "reset.sessions", Text: "Se cerrará su sesión en todos los dispositivos."},
		{Key: "reset.show", Text: "Mostrar la contraseña"},
		{Key: "reset.hide", Text: "Ocultar la contraseña"},
		{Key: "rules", Text: "Cómo es una buena contraseña"},
		{Key: "rules.length", Text: "Al menos %[1]d caracteres. Varias palabras seguidas son fáciles de recordar."},
		{Key: "rules.repeat", Text: "Nada que se repita, como abcabcabc."},
		{Key: "rules.run", Text: "Ninguna secuencia, como abcdefgh o 12345678."},
		{Key: "rules.address", Text: "Algo más que su propia dirección."},
		{Key: "rules.common", Text: "Ninguna que use mucha gente. Lo comprobamos al guardar."},
		{Key: "rules.met", Text: "se cumple"},
		{Key: "rules.unmet", Text: "aún no se cumple"},

		{Key: "refused.empty", Text: "Introduzca una contraseña nueva."},
		{Key: "refused.differ", Text: "Las dos contraseñas no coinciden. Vuelva a escribir ambas."},
		{Key: "refused.too_short", Text: "Esta contraseña es demasiado corta. Use al menos %[1]d caracteres."},
		{Key: "refused.too_long", Text: "Esta contraseña es demasiado larga. Use como máximo %[1]d caracteres."},
		{Key: "refused.too_large", Text: "Esta contraseña es demasiado larga. Use menos caracteres, o menos letras con acento y menos símbolos."},
		{Key: "refused.encoding", Text: "Esta contraseña tiene un carácter que no se puede usar. Escríbala de nuevo."},
		{Key: "refused.common", Text: "Esta contraseña es fácil de adivinar: la usa mucha gente o sigue un patrón sencillo. Elija otra."},
		{Key: "refused.context", Text: "Esta contraseña es poco más que el nombre de este servicio. Elija otra."},
		{Key: "refused.identifier", Text: "Esta contraseña es poco más que su propio nombre, dirección o número. Elija otra."},
		{Key: "refused.breached", Text: "Esta contraseña ha aparecido en una filtración de datos de otro servicio. Elija una que no use en ningún otro sitio."},
		{Key: "refused.reused", Text: "Ya ha usado antes esta contraseña. Elija una nueva."},
		{Key: "refused.other", Text: "No se admite esta contraseña. Elija otra."},

		{Key: "reset.other", Text: "No se ha cambiado nada: se ha abierto otro enlace en este navegador. Esta página corresponde ahora a %[1]s."},
		{Key: "reset.other.anonymous", Text: "No se ha cambiado nada: se ha abierto otro enlace en este navegador. Esta página corresponde ahora a ese enlace."},

		{Key: "done.heading", Text: "Se ha cambiado su contraseña"},
		{Key: "done.text", Text: "Se ha cerrado su sesión en todos los dispositivos. Ya puede iniciar sesión con su contraseña nueva."},
		{Key: "done.text.kept", Text: "Ya puede iniciar sesión con su contraseña nueva."},
		{Key: "done.return", Text: "Continuar a %[1]s"},

		{Key: "invalid-link.heading", Text: "Este enlace no funciona"},
		{Key: "invalid-link.text", Text: "Ha caducado o ya se ha usado."},
		{Key: "invalid-link.damaged", Text: "Está incompleto o se ha alterado por el camino. Ábralo de nuevo desde el mensaje o cópielo entero."},
		{Key: "invalid-link.used", Text: "Si acaba de cambiar su contraseña con él, puede iniciar sesión con la nueva."},
		{Key: "invalid-link.new", Text: "Si no, pida un enlace nuevo. Solo lleva un minuto."},
		{Key: "invalid-link.again", Text: "También puede volver a abrir el enlace del mensaje."},
		{Key: "invalid-link.cookies", Text: "Si acaba de abrir un enlace, es posible que su navegador bloquee las cookies, que esta página necesita."},

		{Key: "many.heading", Text: "Demasiados intentos"},
		{Key: "many.text", Text: "No se ha cambiado nada. Inténtelo de nuevo dentro de %[1]s."},
		{Key: "busy.heading", Text: "Inténtelo de nuevo dentro de un momento"},
		{Key: "busy.text", Text: "Ahora mismo esto no funciona. No se ha cambiado nada. Inténtelo de nuevo dentro de un momento."},
		{Key: "unknown.heading", Text: "No sabemos si se ha cambiado su contraseña"},
		{Key: "unknown.text", Text: "Pruebe a iniciar sesión con la contraseña nueva. Si no funciona, pida un enlace nuevo."},
		{Key: "step_up.heading", Text: "Un paso más"},
		{Key: "step_up.text", Text: "Para cambiar la contraseña de esta cuenta hace falta una comprobación más. No se ha cambiado nada."},
		{Key: "invalid.heading", Text: "No ha funcionado"},
		{Key: "invalid.text", Text: "Su navegador ha enviado algo que no podemos leer. No se ha cambiado nada. Empiece de nuevo, por favor."},
		{Key: "foreign.heading", Text: "Empiece aquí, por favor"},
		{Key: "foreign.text", Text: "Esto se ha enviado desde una página de otro sitio web. Por su seguridad, no se ha cambiado nada."},
		{Key: "missing.heading", Text: "Esta página no existe"},
		{Key: "missing.text", Text: "Puede que la dirección esté mal escrita o ya no sea válida."},
		{Key: "failed.heading", Text: "Algo ha fallado"},
		{Key: "failed.text", Text: "La culpa es nuestra, no suya. Inténtelo de nuevo más tarde."},
		{Key: "start", Text: "Empezar de nuevo"},
		{Key: "again", Text: "Intentar de nuevo"},

		{Key: "not-me.heading", Text: "¿No ha sido usted?"},
		{Key: "not-me.links", Text: "Entonces anularemos todos los enlaces y códigos que le hemos enviado. No cambiará nada más y podrá seguir iniciando sesión como antes."},
		{Key: "not-me.links.button", Text: "Anular enlaces y códigos"},
		{Key: "not-me.password", Text: "Entonces cerraremos todas las sesiones de su cuenta y le enviaremos un enlace para elegir una contraseña nueva."},
		{Key: "not-me.password.kept", Text: "Entonces le enviaremos un enlace para elegir una contraseña nueva."},
		{Key: "not-me.password.button", Text: "Proteger mi cuenta"},
		{Key: "not-me-done.heading", Text: "Gracias por avisarnos"},
		{Key: "not-me-done.links", Text: "Los enlaces y códigos que le hemos enviado ya no funcionan. Su contraseña sigue siendo la misma."},
		{Key: "not-me-done.password", Text: "Estamos cerrando todas las sesiones de su cuenta. En breve recibirá un enlace para elegir una contraseña nueva."},
		{Key: "not-me-done.password.kept", Text: "En breve recibirá un enlace para elegir una contraseña nueva."},
		{Key: "not-me-done.mailbox", Text: "Es posible que quien lo haya hecho pueda leer su correo. Cambie también la contraseña de su correo."},
	}
}
