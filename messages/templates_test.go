package messages_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func withFiles(f fs.FS) func(*messages.Options) {
	return func(o *messages.Options) { o.Templates = f }
}

// TestOverrides: every part is looked up by itself. The named template comes
// before the usual one, and the file of a language before the file for all. The
// built-in file comes last.
func TestOverrides(t *testing.T) {
	builtin := newRenderer(t)
	link := func(mark string) string { return mark + " {{.URL}}" }
	html := func(mark string) string { return mark + ` <a href="{{.URL}}">x</a>` }
	for _, tt := range []struct {
		name             string
		files            fstest.MapFS
		template, locale string
		// The beginning of each part, or empty for the built-in one.
		subject, text, html, sms string
	}{
		{"nothing", nil, "", "de", "", "", "", ""},
		{"one part", files("reset-link.html", html("H1")), "", "de", "", "", "H1", ""},
		{"another part", files("reset-link.txt", link("T1")), "", "de", "", "T1", "", ""},
		{"subject and text message", files("reset-link.subject.txt", "S1", "reset-link.sms.txt", link("M1")), "", "de", "S1", "", "", "M1"},
		{"another kind", files("reset-code.subject.txt", "S1"), "", "de", "", "", "", ""},
		{"a language's own", files("reset-link.de.subject.txt", "S1"), "", "de", "S1", "", "", ""},
		{"another language's", files("reset-link.fr.subject.txt", "S1"), "", "de", "", "", "", ""},
		{"a language's own before all's", files("reset-link.subject.txt", "S1", "reset-link.de.subject.txt", "S2"), "", "de", "S2", "", "", ""},
		{"all's where there is no own", files("reset-link.subject.txt", "S1", "reset-link.de.subject.txt", "S2"), "", "fr", "S1", "", "", ""},
		{"Chinese is zh in names", files("reset-link.zh.subject.txt", "S1"), "", "zh-CN", "S1", "", "", ""},
		{"a name", files("t-1/reset-link.subject.txt", "S1"), "t-1", "de", "S1", "", "", ""},
		{"a name that nobody asks for", files("t-1/reset-link.subject.txt", "S1"), "", "de", "", "", "", ""},
		{"a name in another case", files("t-1/reset-link.subject.txt", "S1"), "T-1", "de", "", "", "", ""},
		{"a name that has only another part", files("t-1/reset-link.subject.txt", "S1", "reset-link.txt", link("T1")), "t-1", "de", "S1", "T1", "", ""},
		{"a name before the usual one's language", files("t-1/reset-link.subject.txt", "S1", "reset-link.de.subject.txt", "S2"), "t-1", "de", "S1", "", "", ""},
		{"a name's language first", files("t-1/reset-link.subject.txt", "S1", "t-1/reset-link.de.subject.txt", "S2"), "t-1", "de", "S2", "", "", ""},
		{"a name that has only another kind", files("t-1/reset-code.subject.txt", "S1"), "t-1", "de", "", "", "", ""},
		{"a name with periods", files("v1..2/reset-link.subject.txt", "S1"), "v1..2", "de", "S1", "", "", ""},
		{"other files", files("README", "{{", "notes.md", "{{", ".hidden.html", "{{", ".git/reset-link.html", "{{", "x/y/z.png", "{{"), "", "de", "", "", "", ""},
		{"the layout of HTML", files("layout.html", `{{define "top"}}L1{{end}}{{define "bottom"}}{{end}}{{define "paragraph"}}{{end}}{{define "button"}}<a href="{{.URL}}">x</a>{{end}}{{define "notme"}}{{end}}{{define "address"}}{{end}}{{define "details"}}{{end}}{{define "code"}}{{.Code}}{{end}}`), "", "de", "", "", "L1", ""},
		{"the layout of text, under a name", files("t-1/layout.txt", `{{define "greeting"}}L2{{end}}{{define "notme"}}{{end}}{{define "details"}}{{end}}{{define "bottom"}}{{end}}`), "t-1", "de", "", "L2", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// If the override was not in the file system, the text cannot come
			// from it.
			m := newMessage(recovery.MessageResetLink, tt.locale)
			wantMail, wantSMS := mustMail(t, builtin, m), mustSMS(t, builtin, m)
			s := newRenderer(t, withFiles(tt.files))
			m.Template = tt.template
			mail, sms := mustMail(t, s, m), mustSMS(t, s, m)
			wantHTML := strings.Replace(wantMail.HTML, "<title>"+wantMail.Subject, "<title>"+mail.Subject, 1)
			for _, p := range []struct{ name, got, mark, want string }{
				{"subject", mail.Subject, tt.subject, wantMail.Subject}, {"text", mail.Text, tt.text, wantMail.Text},
				{"HTML", mail.HTML, tt.html, wantHTML}, {"SMS", sms.Text, tt.sms, wantSMS.Text},
			} {
				if p.mark == "" && p.got != p.want {
					t.Errorf("%s is not the built-in one: %s", p.name, p.got)
				}
				if !strings.HasPrefix(p.got, p.mark) {
					t.Errorf("%s is not %s: %s", p.name, p.mark, p.got)
				}
			}
		})
	}
}

// TestTemplateMistakes: New finds each mistake and names its file and, if there
// is one, its line.
func TestTemplateMistakes(t *testing.T) {
	mistakes := []struct {
		name  string
		files fstest.MapFS
		want  string
	}{
		{"no template", files("reset-link.html", "<p>\n\n{{"), "reset-link.html:3"},
		{"an unknown function", files("reset-link.txt", "x\n{{foo .URL}}"), `reset-link.txt:2: function "foo" not defined`},
		{"an unknown field", files("reset-link.txt", "{{.URL}}\n\n{{.Token}}"), "reset-link.txt:3:2: "},
		{"the address, which no template sees", files("password-changed.txt", "{{.To}}"), "can't evaluate field To"},
		{"the lead, whom no template sees", files("password-changed.html", "{{.LeadID}}"), "can't evaluate field LeadID"},
		{"an unknown field where there is no name", files("reset-link.txt", "{{.URL}}{{if not .Name}}{{.Foo}}{{end}}"), "field Foo"},
		{"an unknown field where there is a name", files("reset-link.txt", "{{.URL}}{{if .Name}}{{.Foo}}{{end}}"), "field Foo"},
		{"an unknown field where there is not me", files("reset-link.txt", "{{.URL}} {{if .NotMe}}{{.Foo}}{{end}}"), "field Foo"},
		{"an unknown field where there is no not me", files("reset-link.txt", "{{.URL}} {{if not .NotMe}}{{.Foo}}{{end}}"), "field Foo"},
		{"an unknown field where there is a name and no place", files("reset-link.txt", "{{.URL}} {{if and .Name (not .Network)}}{{.Foo}}{{end}}"), "field Foo"},
		{"an unknown field in one language", files("reset-link.txt", `{{.URL}} {{if eq .Lang "ja"}}{{.Foo}}{{end}}`), "field Foo"},
		{"an unknown field in the file of one language", files("reset-link.ar.txt", "{{.URL}} {{.Foo}}"), "reset-link.ar.txt:1"},
		{"an unknown sentence", files("reset-link.txt", `{{.URL}} {{.T "reset-link.foo"}}`), `no sentence "reset-link.foo"`},
		{"a sentence without its argument", files("reset-link.subject.txt", `{{.T "reset-link.subject"}}`), "arguments of the wrong number"},
		{"an unknown part of the layout", files("reset-link.html", `{{template "foo" .}}`), `"foo"`},
		{"a layout that lacks a part", files("layout.txt", `{{define "greeting"}}{{end}}`), `"notme"`},
		{"a layout that does not parse", files("layout.html", "\n{{"), "layout.html:2"},
		{"HTML that cannot be escaped", files("reset-link.html", `<a href="{{if .Name}}{{.URL}}">{{end}}`), "reset-link.html"},
		{"text without the link", files("reset-link.txt", "See the other part."), "reset-link.txt: the text does not have .URL"},
		{"text with the link glued to a word", files("reset-link.txt", "link:{{.URL}}"), "the text does not have .URL between spaces"},
		{"text with another link", files("reset-link.txt", "https://evil.example"), "the text does not have .URL"},
		{"text with the link only for those with a name", files("reset-link.txt", "x {{if .Name}}{{.URL}}{{end}}"), "the text does not have .URL"},
		{"HTML without the link", files("reset-link.html", "{{.URL}}"), "the HTML has no link to .URL"},
		{"HTML with a link of its own", files("reset-link.html", `<a href="https://evil.example?{{.URL}}">x</a>`), "the HTML has no link to .URL"},
		{"HTML with the link in a comment", files("reset-link.html", `x<!-- <a href="{{.URL}}">x</a> -->`), "the HTML has no link to .URL"},
		{"an SMS without the link", files("reset-link.sms.txt", "Hello"), "reset-link.sms.txt: the text does not have .URL"},
		{"text with the link of one account", files("reset-links.txt", "{{with index .Accounts 0}}{{.Label}} {{.URL}}{{end}}"), "the text does not have the .URL of each of .Accounts"},
		{"text with links that are nobody's", files("reset-links.txt", "{{range .Accounts}}{{.URL}} {{end}}"), "the text does not have the .Label of each of .Accounts"},
		{"HTML with the link of one account", files("reset-links.html", `{{with index .Accounts 0}}<a href="{{.URL}}">{{.Label}}</a>{{end}}`), "the HTML has no link to the .URL of each of .Accounts"},
		{"HTML with links that are nobody's", files("reset-links.html", `{{range .Accounts}}<a href="{{.URL}}">x</a>{{end}}`), "the HTML does not show the .Label of each of .Accounts"},
		{"an SMS of several accounts", files("reset-links.sms.txt", "x"), "never go by SMS"},
		{"a code without code", files("reset-code.txt", "Hello"), "the text does not have .Code"},
		{"an SMS without code", files("reset-code.sms.txt", "Hello"), "the text does not have .Code"},
		{"HTML with the code in an attribute", files("reset-code.html", `x<p title="{{.Code}}">`), "the HTML does not show .Code"},
		{"a subject with the link", files("reset-link.subject.txt", "{{.URL}}"), "the subject carries a link or code"},
		{"a subject with the code", files("reset-code.subject.txt", "{{.Code}} is your code"), "the subject carries a link or code"},
		{"a subject with not me", files("password-changed.subject.txt", "x {{.NotMe}}"), "the subject carries a link or code"},
		{"a subject with the name", files("reset-link.subject.txt", "Dear {{.Name}}"), "the subject carries .Name"},
		{"a subject with the account", files("reset-link.subject.txt", "For {{.Account}}"), "the subject carries .Account"},
		{"a subject of two lines (A13)", files("reset-link.subject.txt", "a\nb"), "more than one line"},
		{"a subject that is too long", files("reset-link.subject.txt", strings.Repeat("x", 151)), "longer than 150"},
		{"a subject that turns around (A66)", files("reset-link.subject.txt", "a\u202eb"), "more than one line"},
		{"a subject with a line separator (A13)", files("reset-link.subject.txt", "a\u2028b"), "more than one line"},
		{"an empty subject", files("reset-link.subject.txt", " \n"), "the subject is empty"},
		{"an empty text", files("password-changed.txt", "\n"), "the text is empty"},
		{"an empty HTML", files("password-changed.html", "<title>x</title><style>p{}</style>"), "the HTML is empty"},
		{"an unknown kind", files("reset_link.html", "x"), `reset_link.html: "reset_link" is not a kind`},
		{"an unknown language", files("reset-link.it.html", "x"), `"it" is not a language`},
		{"a language that is no file's name", files("reset-link.zh-Hans.html", "x"), `"zh-Hans" is not a language`},
		{"an SMS of a kind that has none", files("unknown-address.sms.txt", "x"), "never go by SMS"},
		{"a layout of a subject", files("layout.subject.txt", "x"), "a layout must be .html or .txt"},
		{"a file that is too large", files("reset-link.html", strings.Repeat("x", 100<<10+1)), "is larger than 100 KiB"},
	}
	// Each mistake has a template name of its own, so that one New reports all.
	all := fstest.MapFS{}
	name := func(i int) string { return fmt.Sprintf("case-%d/", i) }
	for i, tt := range mistakes {
		for file, text := range tt.files {
			all[name(i)+file] = text
		}
	}
	_, err := messages.New(messages.Options{Product: "Acme", Templates: all})
	joined := fmt.Sprint(err)
	for i, tt := range mistakes {
		t.Run(tt.name, func(t *testing.T) {
			var own []string
			for line := range strings.Lines(joined) {
				if strings.Contains(line, name(i)) {
					own = append(own, strings.TrimPrefix(line, "messages: option Templates: "))
				}
			}
			if !slices.ContainsFunc(own, func(line string) bool {
				return strings.Contains(strings.ReplaceAll(line, name(i), ""), tt.want)
			}) {
				t.Errorf("want %q in %q", tt.want, own)
			}
		})
	}
}

// TestTemplateDirectories: New reports mistakes in named templates, and names
// that no message could ask for.
func TestTemplateDirectories(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files fstest.MapFS
		want  string
	}{
		{"an unknown field under a name", files("t-1/reset-link.txt", "{{.URL}} {{.Foo}}"), "t-1/reset-link.txt:1"},
		{"a directory that is no name", files("a b/reset-link.html", "x"), "not the name of a template"},
		{"a directory in a directory (A66)", files("a/b/reset-link.html", "x"), "not the name of a template"},
		{"a directory with a name that is too long", files(strings.Repeat("x", 129)+"/reset-link.html", "x"), "not the name of a template"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := messages.New(messages.Options{Product: "Acme", Templates: tt.files})
			if err == nil {
				t.Fatal("no error")
			}
			option, ok := errors.AsType[*recovery.OptionError](err)
			if !ok || option.Option != "Templates" || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("want %q in %v", tt.want, err)
			}
		})
	}
}

// TestAllTemplateMistakesAtOnce: New reports mistakes of some files although
// other files do not parse.
func TestAllTemplateMistakesAtOnce(t *testing.T) {
	_, err := messages.New(messages.Options{
		Color: "red",
		Templates: files(
			"reset-link.html", "{{", "reset-link.txt", "x", "reset_code.txt", "x", "reset-code.txt", "{{.Foo}}", "t/password-changed.txt", "{{.Bar}}",
		),
	})
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatal(err)
	}
	n := strings.Count(err.Error(), "\n") + 1
	if n != 7 || len(joined.Unwrap()) == 0 {
		t.Errorf("%d mistakes, want 7:\n%v", n, err)
	}
	for _, want := range []string{"Product", "Color", "reset-link.html:1", "reset-link.txt: ", "reset_code.txt: ", "reset-code.txt:1", "t/password-changed.txt:1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in\n%v", want, err)
		}
	}
}

// TestUnknownTemplate: the mail is not lost, and the name never becomes a path.
// The log does not quote a text that is not a name (A66).
func TestUnknownTemplate(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"secret/reset-link.subject.txt": "S0", "templates/reset-link.subject.txt": "S1", "templates/t-1/reset-link.subject.txt": "S2",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	s := newRenderer(t, withFiles(os.DirFS(filepath.Join(dir, "templates"))), func(o *messages.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	m := newMessage(recovery.MessageResetLink, "en")
	for _, tt := range []struct{ name, template, subject, logged string }{
		{"none", "", "S1", ""},
		{"a known one", "t-1", "S2", ""},
		{"an unknown one", "t-2", "S1", "template=t-2"},
		{"the passwords of the machine", "../../etc/passwd", "S1", "template=(invalid)"},
		{"the directory beside", "../secret", "S1", "template=(invalid)"},
		{"the directory itself", ".", "S1", "template=(invalid)"},
		{"a path to a known one", "./t-1", "S1", "template=(invalid)"},
		{"a path through a known one", "t-1/../t-1", "S1", "template=(invalid)"},
		{"another separator", `..\secret`, "S1", "template=(invalid)"},
		{"an absolute path", filepath.Join(dir, "secret"), "S1", "template=(invalid)"},
		{"a file of a known one", "t-1/reset-link.subject.txt", "S1", "template=(invalid)"},
		{"a template", "{{.Token}}", "S1", "template=(invalid)"},
		{"NUL", "t-1\x00", "S1", "template=(invalid)"},
		{"a line break", "t-1\n", "S1", "template=(invalid)"},
		{"megabytes", strings.Repeat("x", 1<<20), "S1", "template=(invalid)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log.Reset()
			m := m
			m.Template = tt.template
			if mail := mustMail(t, s, m); mail.Subject != tt.subject {
				t.Errorf("subject %q, want %q", mail.Subject, tt.subject)
			}
			if got := log.String(); !strings.Contains(got, tt.logged) || (got == "") != (tt.logged == "") || len(got) > 500 {
				t.Errorf("logged %q, want %q", got, tt.logged)
			}
			if known := s.HasMailTemplate(tt.template); known != (tt.logged == "") {
				t.Errorf("HasMailTemplate is %v", known)
			}
			if s.HasSMSTemplate(tt.template) != (tt.template == "") {
				t.Error("HasSMSTemplate: there is no text message")
			}
		})
	}
}

// TestHasTemplate: mails and text messages have separate template names.
func TestHasTemplate(t *testing.T) {
	s := newRenderer(t, withFiles(files("m/reset-link.subject.txt", "x", "s/reset-code.sms.txt", "{{.Code}}", "l/layout.fr.txt", `{{define "greeting"}}{{end}}{{define "notme"}}{{end}}{{define "details"}}{{end}}{{define "bottom"}}{{end}}`)))
	for name, want := range map[string][2]bool{"m": {true, false}, "s": {false, true}, "l": {true, false}, "": {true, true}, "M": {}, "x": {}} {
		if got := [2]bool{s.HasMailTemplate(name), s.HasSMSTemplate(name)}; got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

// TestFailingTemplate: a template may fail although it was right with every
// sample. Then the built-in one takes its place, and the log names its line and
// quotes nothing (A39).
func TestFailingTemplate(t *testing.T) {
	builtin := newRenderer(t)
	for _, tt := range []struct{ name, file, text string }{
		{"an error of a template function", "reset-link.txt", "{{.URL}}\n{{if eq .Name \"Anna\"}}{{index .URL 100000}}{{end}}"},
		{"an error that quotes its argument", "reset-link.txt", "{{.URL}}\n{{if eq .Name \"Anna\"}}{{.T .URL}}{{end}}"},
		{"the link left out", "reset-link.txt", "x {{if ne .Name \"Anna\"}}{{.URL}}{{end}}"},
		{"the link left out of the HTML", "reset-link.html", "x {{if ne .Name \"Anna\"}}<a href=\"{{.URL}}\">x</a>{{end}}"},
		{"a subject with the link (A39)", "reset-link.subject.txt", "x {{if eq .Name \"Anna\"}}{{.URL}}{{end}}"},
		{"a subject of two lines (A13)", "reset-link.subject.txt", "x {{if eq .Name \"Anna\"}}\n\ny{{end}}"},
		{"the layout", "layout.txt", `{{define "greeting"}}{{if eq .Name "Anna"}}{{.T .URL}}{{end}}{{end}}{{define "notme"}}{{end}}{{define "details"}}{{end}}{{define "bottom"}}{{end}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			s := newRenderer(t, withFiles(files(tt.file, tt.text)), func(o *messages.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			m := newMessage(recovery.MessageResetLink, "en")
			mustMail(t, s, m)
			if log.Len() > 0 {
				t.Fatalf("failed for another name: %s", log.String())
			}
			m.Name = "Anna"
			if got, want := mustMail(t, s, m), mustMail(t, builtin, m); tt.file != "layout.txt" && got != want || !strings.Contains(got.Text, resetURL) {
				t.Errorf("not the built-in one: %s", got.Text)
			}
			if got := log.String(); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, tt.file) {
				t.Errorf("logged %q", got)
			}
			for _, secret := range []string{"token", "MTc2", "Anna"} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("logged %q", log.String())
				}
			}
		})
	}
}

// TestNoTemplatePrintsTheData: even a template that prints all data prints no
// secret.
func TestNoTemplatePrintsTheData(t *testing.T) {
	s := newRenderer(t, withFiles(files("password-changed.txt", "{{.}} {{printf \"%+v %#v %s\" . . .}}", "password-changed.html", "{{.}}{{print .}}")))
	m := newMessage(recovery.MessagePasswordChanged, "en")
	mail := mustMail(t, s, m)
	if want := "message data message data message data message data\n"; mail.Text != want || strings.Contains(mail.HTML, "token") {
		t.Errorf("%s%s", mail.Text, mail.HTML)
	}
}

// TestEscaping (A66): the values in a host's template are escaped for the place
// where they stand.
func TestEscaping(t *testing.T) {
	s := newRenderer(t, func(o *messages.Options) {
		o.Product = `A&B <b>"C"</b>`
		o.Templates = files("password-changed.html", `<p title="{{.Product}}">{{.Product}}</p>`)
	})
	doc := parseHTML(t, mustMail(t, s, newMessage(recovery.MessagePasswordChanged, "en")).HTML)
	if doc.tags["b"] != 0 || doc.text != `A&B <b>"C"</b>`+"\n" {
		t.Errorf("%+v", doc)
	}
	for _, kind := range allKinds {
		if doc := parseHTML(t, mustMail(t, s, newMessage(kind, "fr")).HTML); doc.tags["b"] != 0 {
			t.Errorf("%s has markup of the product's name", kind)
		}
	}
}

// TestTemplatesAreReadOnce: later changes of the files have no effect.
func TestTemplatesAreReadOnce(t *testing.T) {
	f := files("reset-link.subject.txt", "S1")
	s := newRenderer(t, withFiles(f))
	f["reset-link.subject.txt"].Data = []byte("S2")
	if mail := mustMail(t, s, newMessage(recovery.MessageResetLink, "en")); mail.Subject != "S1" {
		t.Error(mail.Subject)
	}
}

// TestUnreadableFiles: a file that cannot be read is a mistake as well.
func TestUnreadableFiles(t *testing.T) {
	_, err := messages.New(messages.Options{Product: "Acme", Templates: os.DirFS(filepath.Join(t.TempDir(), "nowhere"))})
	if err == nil || !strings.Contains(err.Error(), "messages: option Templates: .: ") {
		t.Error(err)
	}
}

// FuzzTemplateName: no template name reads anything but the templates of the
// start, or loses the mail.
func FuzzTemplateName(f *testing.F) {
	for _, s := range []string{"", "t-1", "../t-1", "T-1", "t-1/", "..", "\x00", "t-1.en"} {
		f.Add(s)
	}
	s := newRenderer(f, withFiles(files("t-1/reset-link.subject.txt", "S1")))
	f.Fuzz(func(t *testing.T, name string) {
		m := newMessage(recovery.MessageResetLink, "en")
		m.Template = name
		if got := mustMail(t, s, m).Subject; (got == "S1") != (name == "t-1") {
			t.Fatalf("%q: %s", name, got)
		}
	})
}

// FuzzFileName: a file of any name is used, ignored or refused with its name.
// None replaces a part that it is not for.
func FuzzFileName(f *testing.F) {
	for _, s := range []string{
		"reset-link.subject.txt", "t-1/reset-link.de.subject.txt", "layout.html", "../reset-link.subject.txt", "a/b/reset-link.subject.txt",
		"reset-link.subject.subject.txt", ".subject.txt", "reset-link..subject.txt", "..subject.txt/reset-link.subject.txt", "README",
	} {
		f.Add(s)
	}
	m := newMessage(recovery.MessageResetLink, "en")
	usual := mustMail(f, newRenderer(f), m).Subject
	f.Fuzz(func(t *testing.T, name string) {
		if !fs.ValidPath(name) {
			t.Skip("no file system has it")
		}
		s, err := messages.New(messages.Options{Product: "Acme", Templates: files(name, "S1"), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			if option, ok := errors.AsType[*recovery.OptionError](err); !ok || option.Option != "Templates" {
				t.Fatal(err)
			}
			return
		}
		want := usual
		if name == "reset-link.subject.txt" || name == "reset-link.en.subject.txt" {
			want = "S1"
		}
		if got := mustMail(t, s, m).Subject; got != want {
			t.Fatalf("%q is the subject because of %q", got, name)
		}
	})
}
