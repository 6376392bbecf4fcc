package messages_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

// withBrands returns a change of options that knows these brands.
func withBrands(brands map[string]messages.Brand) func(*messages.Options) {
	return func(o *messages.Options) {
		o.Brands = func(name string) (messages.Brand, bool) {
			b, ok := brands[name]
			return b, ok
		}
	}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// shops are two brands that differ in everything, and one that differs in nothing.
func shops() map[string]messages.Brand {
	return map[string]messages.Brand{
		"bookshop": {
			Product: "Bookshop & Söhne", Host: "books.example", Support: "help@books.example", Color: "#7a1f5c",
			Texts: map[string]map[string]string{
				"en": {"reset-link.subject": "A new password at %[1]s", "reset-link.heading": "100 %% <new>"},
				"de": {"reset-link.subject": "Neues Kennwort bei %[1]s"},
			},
		},
		"garden": {
			Product: "Garden", Color: "#0b6b3a",
			Templates: fstest.MapFS{
				"reset-link.txt":      file("{{.Greeting}} Welcome to the garden of {{.Data.owner}}.\n{{.URL}}\n{{.T \"reset-link.keep\"}}"),
				"layout.txt":          file(`{{define "greeting"}}GARDEN {{.Greeting}}{{end}}{{define "notme"}}{{.NotMe}}{{end}}{{define "details"}}{{end}}{{define "bottom"}}bye{{end}}`),
				"gift/reset-link.txt": file("A gift.\n{{.URL}}"),
			},
		},
		"plain": {},
	}
}

// Each mail has the product, the colour, the contact, the words and the templates of
// its brand, and what the brand does not have is that of the options.
func TestBrandsLookAsTheirOwn(t *testing.T) {
	s := newRenderer(t, withBrands(shops()), func(o *messages.Options) {
		o.Templates = fstest.MapFS{"password-changed.txt": file("The host's own words about {{.Product}} in {{.Brand}}.")}
	})
	of := func(kind recovery.MessageKind, locale, brand string) messages.Mail {
		m := newMessage(kind, locale)
		m.Brand, m.Data = brand, map[string]string{"owner": "Flora"}
		return mustMail(t, s, m)
	}
	for _, test := range []struct {
		kind          recovery.MessageKind
		locale, brand string
		subject       string   // in it
		text, html    []string // in them
		without       []string // in neither
	}{
		{recovery.MessageResetLink, "en", "", "Reset your Acme password", []string{"Acme"}, []string{"#1f4fd8"}, nil},
		{recovery.MessageResetLink, "en", "plain", "Reset your Acme password", []string{"Acme"}, []string{"#1f4fd8"}, nil},
		{
			recovery.MessageResetLink, "en", "bookshop", "A new password at Bookshop & Söhne",
			[]string{"Bookshop & Söhne", "help@books.example"},
			[]string{"#7a1f5c", "Bookshop &amp; Söhne", "mailto:help@books.example", "100 % &lt;new&gt;"}, []string{"Acme", "#1f4fd8"},
		},
		{recovery.MessageResetLink, "de", "bookshop", "Neues Kennwort bei Bookshop & Söhne", []string{"Bookshop"}, nil, []string{"Acme"}},
		{recovery.MessageResetLink, "fr", "bookshop", "Bookshop & Söhne", []string{"Bookshop"}, nil, []string{"Acme"}},
		{recovery.MessageResetLink, "en", "garden", "Garden", []string{"Welcome to the garden of Flora."}, []string{"#0b6b3a", "https://www.example.com/help"}, []string{"Acme"}},
		{recovery.MessagePasswordChanged, "en", "garden", "Garden", []string{"The host's own words about Garden in garden."}, nil, []string{"Acme"}},
		{recovery.MessageResetCode, "en", "garden", "Garden", []string{"GARDEN", "bye"}, nil, []string{"Acme"}},
	} {
		mail := of(test.kind, test.locale, test.brand)
		if !strings.Contains(mail.Subject, test.subject) {
			t.Errorf("%s of %q in %s: subject %q, want %q", test.kind, test.brand, test.locale, mail.Subject, test.subject)
		}
		for _, want := range test.text {
			if !strings.Contains(mail.Text, want) {
				t.Errorf("%s of %q in %s: %q is missing in\n%s", test.kind, test.brand, test.locale, want, mail.Text)
			}
		}
		for _, want := range test.html {
			if !strings.Contains(mail.HTML, want) {
				t.Errorf("%s of %q in %s: %q is missing in\n%s", test.kind, test.brand, test.locale, want, mail.HTML)
			}
		}
		for _, other := range test.without {
			if strings.Contains(mail.Subject+mail.Text+mail.HTML, other) {
				t.Errorf("%s of %q in %s has %q", test.kind, test.brand, test.locale, other)
			}
		}
	}
	m := newMessage(recovery.MessageResetLink, "en")
	m.Brand, m.Template = "garden", "gift"
	if mail := mustMail(t, s, m); !strings.HasPrefix(mail.Text, "A gift.") {
		t.Errorf("the template of that name: %s", mail.Text)
	}
	m = newMessage(recovery.MessageResetCode, "en")
	m.Channel, m.To, m.Brand = recovery.ChannelSMS, "+4915123456789", "bookshop"
	if sms := mustSMS(t, s, m); !strings.Contains(sms.Text, "Bookshop & Söhne") || !strings.HasSuffix(sms.Text, "\n@books.example #"+code) {
		t.Errorf("the text message: %s", sms.Text)
	}
}

// A message of a brand that nobody knows, or without a usable name, is not sent under
// another name. The error is not permanent, because the host may mend the brand.
func TestUnknownBrandsAreNotRendered_A104(t *testing.T) {
	brands := shops()
	brands["wrong"] = messages.Brand{Product: "https://evil.example"}
	s := newRenderer(t, withBrands(brands))
	m := newMessage(recovery.MessageResetLink, "en")
	for _, name := range []string{"nobody", "wrong"} {
		m.Brand = name
		if _, err := s.Mail(m); err == nil || errors.Is(err, recovery.ErrPermanent) {
			t.Errorf("a mail of %q: %v", name, err)
		}
		if _, err := s.SMS(m); err == nil || errors.Is(err, recovery.ErrPermanent) {
			t.Errorf("a text message of %q: %v", name, err)
		}
	}
	m.Brand = "nobody"
	if _, err := newRenderer(t).Mail(m); err != nil {
		t.Errorf("without option Brands, all brands look the same: %v", err)
	}
}

// CheckBrand finds each mistake, and names it as New does. The mail is not lost: what
// can be used of the brand is.
func TestMistakesInBrandsAreFound(t *testing.T) {
	for _, test := range []struct {
		brand   messages.Brand
		want    []string
		renders bool
	}{
		{messages.Brand{Product: strings.Repeat("x", 61), Color: "#ffff00", Host: "x", Support: "nowhere"}, []string{`Brands["b"].Product: is longer`, `Brands["b"].Color: `, `Brands["b"].Host: `, `Brands["b"].Support: `}, false},
		{messages.Brand{Texts: map[string]map[string]string{
			"en": {
				"nonsense": "x", "minutes": "%[1]d minutes", "reset-link.subject": "No product", "reset-link.heading": "%s", "reset-link.keep": "a\nb",
				"reset-link.intro": "%[1]s %[2]s", "ignore": "", "reset-code.subject": strings.Repeat("x", 80) + "%[1]s", "footer": "\u202e%[1]s",
			},
			"xx": {"ignore": "x"},
		}}, []string{`"nonsense": is no sentence`, `"minutes": has plural forms`, `"reset-link.subject": must have the arguments`, `"reset-link.heading": must have`, `"reset-link.keep": must be one line`, `"reset-link.intro": must have`, `"ignore": must not be empty`, `"reset-code.subject": is longer than 80`, `"footer": must be one line`, `"xx" is not a language`}, true},
		{messages.Brand{Templates: fstest.MapFS{"reset-link.html": file("{{.Nonsense}}")}}, []string{`Brands["b"].Templates: reset-link.html:1`}, true},
		{messages.Brand{Templates: fstest.MapFS{"reset-link.html": file("{{")}}, []string{`Brands["b"].Templates: reset-link.html:1`}, true},
		{messages.Brand{Templates: fstest.MapFS{"reset-link.txt": file("no link")}}, []string{`the text does not have`}, true},
		{messages.Brand{Templates: fstest.MapFS{"reset-link.subject.txt": file("{{.URL}}")}}, []string{`the subject carries a link`}, true},
		{messages.Brand{Templates: fstest.MapFS{"layout.html": file("{{define \"top\"}}{{end}}")}}, []string{`Templates: `}, true},
		{messages.Brand{Templates: fstest.MapFS{"reset-lnk.html": file("x")}}, []string{`"reset-lnk" is not a kind`}, true},
		{messages.Brand{Product: "Fine", Templates: fstest.MapFS{"reset-link.txt": file("{{.Data.nobody}}{{.URL}}")}}, nil, true},
	} {
		s := newRenderer(t, withBrands(map[string]messages.Brand{"b": test.brand}))
		err := s.CheckBrand("b")
		if (err != nil) != (len(test.want) > 0) {
			t.Errorf("%v, want %q", err, test.want)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is missing in\n%v", want, err)
			}
		}
		if e, ok := errors.AsType[*recovery.OptionError](err); err != nil && (!ok || e.Package != "messages") {
			t.Errorf("%v is no OptionError of this package", err)
		}
		for _, kind := range allKinds {
			m := newMessage(kind, "en")
			m.Brand = "b"
			if _, err := s.Mail(m); (err == nil) != test.renders {
				t.Errorf("%s with %q: %v, want a mail: %t", kind, test.want, err, test.renders)
			}
		}
	}
	if err := newRenderer(t).CheckBrand("b"); err == nil || !strings.Contains(err.Error(), "Brands: is required") {
		t.Errorf("without option Brands: %v", err)
	}
	if err := newRenderer(t, withBrands(shops())).CheckBrand("nobody"); err == nil || !strings.Contains(err.Error(), "does not know") {
		t.Errorf("an unknown brand: %v", err)
	}
	for name := range shops() {
		if err := newRenderer(t, withBrands(shops())).CheckBrand(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is wrong with a template of a brand is logged once, with the brand, and not
// for every mail.
func TestMistakesInBrandsAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	s := newRenderer(t, withBrands(map[string]messages.Brand{
		"b": {Templates: fstest.MapFS{"reset-link.html": file("{{")}, Texts: map[string]map[string]string{"en": {"nonsense": "x"}}},
	}), func(o *messages.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	m := newMessage(recovery.MessageResetLink, "en")
	m.Brand = "b"
	for range 3 {
		mustMail(t, s, m)
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 2 || strings.Count(log.String(), "brand=b") != 2 {
		t.Errorf("%d errors, want one for the text and one for the template:\n%s", n, &log)
	}
}

// A brand is asked for once, until the host says that it has changed, or until so
// many others were used that it was dropped.
func TestBrandsAreKeptWithinABound(t *testing.T) {
	var asked atomic.Int64
	product := "First"
	s := newRenderer(t, func(o *messages.Options) {
		o.Brands = func(string) (messages.Brand, bool) {
			asked.Add(1)
			return messages.Brand{Product: product}, true
		}
	})
	m := newMessage(recovery.MessageResetLink, "en")
	render := func(brand, want string) {
		t.Helper()
		m.Brand = brand
		if mail := mustMail(t, s, m); !strings.Contains(mail.Subject, want) {
			t.Errorf("%s: %s, want %s", brand, mail.Subject, want)
		}
	}
	render("a", "First")
	product = "Second"
	render("a", "First")
	s.ForgetBrand("a")
	s.ForgetBrand("nobody")
	render("a", "Second")
	if asked.Load() != 2 {
		t.Errorf("asked %d times, want 2", asked.Load())
	}
	if s.Looks() != 1 {
		t.Errorf("%d brands are kept, want 1", s.Looks())
	}
	for i := range messages.MaxLooks + 10 {
		code := newMessage(recovery.MessageResetCode, "en")
		code.Brand = fmt.Sprintf("b%d", i)
		if sms := mustSMS(t, s, code); !strings.Contains(sms.Text, "Second") {
			t.Errorf("%s: %s", code.Brand, sms.Text)
		}
	}
	if s.Looks() != messages.MaxLooks {
		t.Errorf("%d brands are kept, want %d", s.Looks(), messages.MaxLooks)
	}
	product = "Third"
	render(fmt.Sprintf("b%d", messages.MaxLooks), "Second") // the last ones are kept
	render("b1", "Third")
}

// Brands with templates of their own are dropped before these take much memory.
func TestTemplatesOfBrandsAreKeptWithinABound(t *testing.T) {
	s := newRenderer(t, func(o *messages.Options) {
		o.Brands = func(name string) (messages.Brand, bool) {
			return messages.Brand{Templates: fstest.MapFS{
				"reset-code.sms.txt": file(name + " {{.Code}}"), "reset-link.sms.txt": file(name + "\n{{.URL}}"), "password-changed.sms.txt": file(name),
			}}, true
		}
	})
	render := func(brand string) {
		for _, kind := range []recovery.MessageKind{recovery.MessageResetCode, recovery.MessageResetLink, recovery.MessagePasswordChanged} {
			m := newMessage(kind, "en")
			m.Brand = brand
			if sms := mustSMS(t, s, m); !strings.HasPrefix(sms.Text, brand) {
				t.Errorf("%s: %s", brand, sms.Text)
			}
		}
	}
	for i := range 400 {
		render(fmt.Sprintf("b%d", i))
	}
	if s.Compiled() > messages.MaxCompiled || s.Compiled() < messages.MaxCompiled-3 || s.Looks() != (s.Compiled()+2)/3 {
		t.Errorf("%d templates of %d brands are kept, want %d", s.Compiled(), s.Looks(), messages.MaxCompiled)
	}
	if err := s.CheckBrand("b399"); err != nil {
		t.Error(err)
	}
	for i := range 400 {
		s.ForgetBrand(fmt.Sprintf("b%d", i))
	}
	if s.Compiled() != 0 || s.Looks() != 0 {
		t.Errorf("%d templates of %d brands are left", s.Compiled(), s.Looks())
	}
}

// hostileData are values that must neither become markup, nor a part of a template,
// nor a link.
var hostileData = []struct {
	what, value string
	shown       bool
}{
	{"markup", `<a href="https://evil.example">win</a><script>alert(1)</script>`, false},
	{"markup without a link", `<img src=x onerror=alert(1)>"'>`, true},
	{"an entity", "&lt;b&gt; &amp;", true},
	{"a template action", "{{.URL}} {{.Code}}", true},
	{"a URL", "https://evil.example/x", false},
	{"a URL within", "see HTTP://EVIL.EXAMPLE", false},
	{"another scheme", "javascript://x", false},
	{"a domain", "evil.com", false},
	{"a domain with a path", "go to evil.com/reset now", false},
	{"a domain in brackets", "(evil.com)", false},
	{"a domain with a port", "evil.com:8443", false},
	{"www", "www.evil.invalid", false},
	{"a domain in wide letters", "ｅｖｉｌ．ｃｏｍ", false},
	{"a domain with an ideographic full stop", "evil。com", false},
	{"a domain of letters from elsewhere", "пример.рф", false},
	{"a domain of letters from elsewhere, as it is sent", "xn--e1afmkfd.xn--p1ai", false},
	{"a domain with a space that shows nothing", "evil\u200b.com", false},
	{"a domain with a joiner", "evil.c\u2060om", false},
	{"a domain with a soft hyphen", "evil.\u00adcom", false},
	{"a domain with a selector", "evil.\ufe0fcom", false},
	{"a domain with a mark of direction", "evil\u200e.com", false},
	{"words with joiners", "क्\u200dष می\u200cخواهم 👩\u200d💻", true},
	{"a mail address", "help@evil.com", false},
	{"an address of the network", "192.0.2.7", false},
	{"a name", "Söhne & Co. KG", true},
	{"a sum", "19.99 €", true},
	{"a version", "1.2.30", true},
	{"a Chinese sentence", "你好。世界", true},
	{"Arabic", "متجر الكتب", true},
	{"a name with a dot", "Dr. Who", true},
	{"a line end", "a\r\nBcc: eve@evil.invalid", false},
	{"a line separator", "a\u2028b", false},
	{"an override", "a\u202eb", false},
	{"bytes that are no text", "a\xff", false},
	{"too long", strings.Repeat("x", 513), false},
	{"long", strings.Repeat("x", 512), true},
}

// The host's data are text wherever a template shows them (A105, A13, A66).
func TestHostDataIsText_A105(t *testing.T) {
	s := newRenderer(t, func(o *messages.Options) {
		o.Templates = fstest.MapFS{
			"reset-link.html":        file(`<html><body><p title="{{.Data.v}}">[{{.Data.v}}]</p><a href="{{.URL}}">{{.URL}}</a> <a href="{{.NotMe}}">no</a></body></html>`),
			"reset-link.txt":         file("[{{.Data.v}}]\n{{.URL}}\n{{.NotMe}}"),
			"reset-link.subject.txt": file(`[{{printf "%.20s" .Data.v}}] and {{index .Data "a-b"}}`),
			"reset-link.sms.txt":     file("[{{.Data.v}}]\n{{.URL}}"),
		}
	})
	for _, test := range hostileData {
		m := newMessage(recovery.MessageResetLink, "en")
		m.Data = map[string]string{"v": test.value}
		mail := mustMail(t, s, m)
		want := ""
		if test.shown {
			want = test.value
		}
		if !strings.HasPrefix(mail.Text, "["+want+"]\n") {
			t.Errorf("%s: the text is\n%s", test.what, mail.Text)
		}
		page := parseHTML(t, mail.HTML)
		if !strings.Contains(page.text, "["+want+"]") || page.tags["a"] != 2 || page.tags["script"]+page.tags["img"] > 0 || page.links[0] != resetURL {
			t.Errorf("%s: the HTML is\n%s", test.what, mail.HTML)
		}
		for _, a := range page.attrs {
			if a.Key == "title" && a.Val != want || a.Key == "onerror" {
				t.Errorf("%s: attribute %s=%q", test.what, a.Key, a.Val)
			}
		}
		if !strings.HasPrefix(mail.Subject, "[") || strings.ContainsAny(mail.Subject, "\r\n\u2028\u202e") {
			t.Errorf("%s: the subject is %q", test.what, mail.Subject)
		}
		if sms := mustSMS(t, s, m); !strings.HasPrefix(sms.Text, "["+want+"]\n") {
			t.Errorf("%s: the text message is %q", test.what, sms.Text)
		}
	}
}

// Host data are not in the log, also where a template fails because of them.
func TestHostDataIsNotLogged_A105(t *testing.T) {
	var log bytes.Buffer
	s := newRenderer(t, func(o *messages.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Templates = fstest.MapFS{"reset-link.txt": file(`{{if .Data.v}}{{slice .Data.v 0 1000}}{{end}}{{.URL}}`)}
	})
	for _, value := range []string{"Whisper", "https://whisper.example"} {
		m := newMessage(recovery.MessageResetLink, "en")
		m.Data = map[string]string{"v": value}
		mustMail(t, s, m)
	}
	if !strings.Contains(log.String(), "a template failed") || !strings.Contains(log.String(), "looks like a link") || strings.Contains(strings.ToLower(log.String()), "whisper") {
		t.Errorf("the log says\n%s", &log)
	}
}
