package messages_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing/fstest"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

func Example() {
	renderer, err := messages.New(messages.Options{
		Product: "Acme",
		Host:    "acme.example",
		Support: "https://acme.example/help",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mail, err := renderer.Mail(recovery.Message{
		Kind:        recovery.MessageResetLink,
		Name:        "Zoé",
		URL:         recovery.NewSecret("https://acme.example/reset?token=MTc2Mzg5NDQw"),
		Expires:     time.Now().Add(time.Hour),
		RequestedAt: time.Date(2026, 11, 22, 14, 5, 0, 0, time.UTC),
		Client:      netip.MustParseAddr("203.0.113.77"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Subject:", mail.Subject)
	text, _, _ := strings.Cut(mail.Text, "Requested:")
	fmt.Print(text)
	// Output:
	// Subject: Reset your Acme password
	// Hello Zoé,
	//
	// We received a request to reset the password of your Acme account.
	//
	// Open this link to choose a new password:
	// https://acme.example/reset?token=MTc2Mzg5NDQw
	//
	// The link works once and expires in 60 minutes.
	// Do not forward this message: whoever has the link can change your
	// password.
	//
	// If this was not you, ignore this message. Your password stays as it is.
}

// The last line binds the code to the host's site. Phones offer the code there
// and nowhere else.
func ExampleRenderer_SMS() {
	renderer, err := messages.New(messages.Options{Product: "Acme", Host: "acme.example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	sms, err := renderer.SMS(recovery.Message{
		Kind:      recovery.MessageResetCode,
		Code:      recovery.NewSecret("12345678"),
		Expires:   time.Now().Add(10 * time.Minute),
		Languages: "pt-BR,pt;q=0.9,en;q=0.5",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sms.Text)
	fmt.Println(sms.Language, sms.Segments, sms.GSM7)
	// Output:
	// Acme: use 12345678 para redefinir a sua senha. Expira em 10 minutos. Nunca o revele a outra pessoa.
	// @acme.example #12345678
	// pt 1 true
}

// A host replaces one part of one message in one language, and adds a template
// that requests can name.
func ExampleOptions_templates() {
	renderer, err := messages.New(messages.Options{
		Product: "Acme",
		Templates: fstest.MapFS{ // usually embed.FS or os.DirFS
			"reset-link.de.subject.txt":      {Data: []byte("{{.Product}}: neues Passwort")},
			"welcome/reset-link.html":        {Data: []byte(`<p>Welcome to {{.Product}}. <a href="{{.URL}}">Choose your password</a></p>`)},
			"welcome/reset-link.txt":         {Data: []byte("Welcome to {{.Product}}. Choose your password:\n{{.URL}}")},
			"welcome/reset-link.subject.txt": {Data: []byte("Welcome to {{.Product}}")},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	m := recovery.Message{Kind: recovery.MessageResetLink, URL: recovery.NewSecret("https://acme.example/reset?token=x"), Locale: "de"}
	usual, _ := renderer.Mail(m)
	fmt.Println(usual.Subject)
	m.Template = "welcome"
	named, _ := renderer.Mail(m)
	fmt.Println(named.Subject)
	fmt.Print(named.Text)
	// Output:
	// Acme: neues Passwort
	// Welcome to Acme
	// Welcome to Acme. Choose your password:
	// https://acme.example/reset?token=x
}

// New finds all mistakes in templates when the program starts.
func ExampleNew_mistakes() {
	_, err := messages.New(messages.Options{
		Product: "Acme",
		Templates: fstest.MapFS{
			"reset-link.html":              {Data: []byte("<p>\n{{.Href}}")},
			"reset-code.txt":               {Data: []byte("Your code is on its way.")},
			"reset_code.html":              {Data: []byte("{{.Code}}")},
			"password-changed.subject.txt": {Data: []byte("Dear {{.Name}}")},
		},
	})
	fmt.Println(err)
	// Output:
	// messages: option Templates: reset_code.html: "reset_code" is not a kind of message
	// messages: option Templates: password-changed.subject.txt: the subject carries .Name, and whoever signed up chose that name
	// messages: option Templates: reset-code.txt: the text does not have .Code
	// messages: option Templates: reset-link.html:2:2: executing "reset-link.html" at <.Href>: can't evaluate field Href in type *messages.Data
}

// The host's own database says roughly where a request came from.
func ExampleOptions_locate() {
	renderer, err := messages.New(messages.Options{
		Product: "Acme",
		Locate: func(a netip.Addr, _ language.Tag) string {
			if netip.MustParsePrefix("203.0.113.0/24").Contains(a) {
				return "Berlin, Germany"
			}
			return ""
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mail, _ := renderer.Mail(recovery.Message{
		Kind:        recovery.MessagePasswordChanged,
		RequestedAt: time.Date(2026, 11, 22, 14, 5, 0, 0, time.UTC),
		Client:      netip.MustParseAddr("203.0.113.77"),
	})
	for line := range strings.Lines(mail.Text) {
		if strings.HasPrefix(line, "Changed") || strings.HasPrefix(line, "Near") {
			fmt.Print(line)
		}
	}
	// Output:
	// Changed: 2026-11-22 14:05 UTC
	// Near: Berlin, Germany
}
