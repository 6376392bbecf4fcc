package messages

import (
	"errors"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	texttemplate "text/template"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// A template is one part of a message, with its layout.
type template struct {
	// name is the path of the template's file.
	name string
	// layout is the path of its layout's file, if that file is the host's.
	layout string
	// host says that at least one of the two files is the host's.
	host bool
	exec func(io.Writer, *Data) error
}

// A slot is a place where a template is used.
type slot struct {
	template string // Message.Template, or empty
	language int    // index in i18n.Languages
	kind     recovery.MessageKind
	part     part
}

// A library finds the template for every slot.
type library struct {
	slots map[slot]*template
	// builtin has the built-in templates, for when a template of the host
	// fails.
	builtin map[slot]*template
	// mail and sms have the names with a part of a mail, or of a text message.
	mail, sms map[string]bool
	// compiler has the files of which the templates are made, for brands.
	compiler *compiler
}

func (l *library) failed(kind recovery.MessageKind, p part) *template {
	return l.builtin[slot{kind: kind, part: p}]
}

func (l *library) has(name string, sms bool) bool {
	if sms {
		return l.sms[name]
	}
	return l.mail[name]
}

// A source is a file of templates.
type source struct {
	name string
	text string
	host bool
}

// A compiler makes templates of files. It compiles each pair of layout and file
// once.
type compiler struct {
	builtin, host map[fileName]string
	done          map[[2]string]*template
	mistakes      *recovery.OptionErrors
	// reported has the reasons of the mistakes: a layout that does not parse
	// fails with every kind.
	reported map[string]bool
}

// newLibrary returns a library of the templates that can be used. It adds to
// mistakes what is wrong with the others.
func newLibrary(mistakes *recovery.OptionErrors, host fs.FS) (*library, error) {
	own, err := fs.Sub(builtin, "templates")
	if err != nil {
		return nil, err
	}
	c := &compiler{
		builtin: readFiles(mistakes, own), host: readFiles(mistakes, host),
		done: map[[2]string]*template{}, mistakes: mistakes, reported: map[string]bool{},
	}
	l := &library{slots: map[slot]*template{}, builtin: map[slot]*template{}, mail: map[string]bool{"": true}, sms: map[string]bool{"": true}}
	for n := range c.host {
		if n.part == partSMS {
			l.sms[n.template] = true
		} else {
			l.mail[n.template] = true
		}
	}
	names := []string{""}
	for n := range c.host {
		names = append(names, n.template)
	}
	slices.Sort(names)
	languages := i18n.Languages()
	for s := range slotsOf(slices.Compact(names)) {
		l.slots[s] = c.compile(s.template, languages[s.language].File, inFileNames(s.kind), s.part)
	}
	l.compiler = &compiler{builtin: c.builtin, host: c.host}
	// Once more without the host's files.
	c.host = nil
	for _, k := range kinds() {
		for _, p := range parts() {
			if hasPart(k, p) {
				l.builtin[slot{kind: k, part: p}] = c.compile("", "", inFileNames(k), p)
			}
		}
	}
	return l, nil
}

// slotsOf yields every slot of the templates with these names.
func slotsOf(names []string) iter.Seq[slot] {
	return func(yield func(slot) bool) {
		for _, name := range names {
			for i := range i18n.Languages() {
				for _, k := range kinds() {
					for _, p := range parts() {
						if hasPart(k, p) && !yield(slot{name, i, k, p}) {
							return
						}
					}
				}
			}
		}
	}
}

// find returns the template of a slot. For a name that is not known it returns
// the usual template.
func (l *library) find(s slot) *template {
	if t, ok := l.slots[s]; ok {
		return t
	}
	s.template = ""
	return l.slots[s]
}

// fileNames returns the files that a part may come from, in order.
func fileNames(name, lang, kind string, p part) [4]fileName {
	return [4]fileName{{name, kind, lang, p}, {name, kind, "", p}, {"", kind, lang, p}, {"", kind, "", p}}
}

// source returns the file for a part. A file of the named template comes before
// one of the usual template. Within a template, the file for the language comes
// before the file for all languages. The built-in file comes last.
func (c *compiler) source(name, lang, kind string, p part) source {
	for _, n := range fileNames(name, lang, kind, p) {
		if text, ok := c.host[n]; ok {
			return source{n.String(), text, true}
		}
	}
	n := fileName{kind: kind, part: p}
	return source{"built-in/" + n.String(), c.builtin[n], false}
}

func (c *compiler) compile(name, lang, kind string, p part) *template {
	body, frame := c.source(name, lang, kind, p), source{}
	if p == partText || p == partHTML {
		frame = c.source(name, lang, layout, p)
	}
	key := [2]string{frame.name, body.name}
	if t, ok := c.done[key]; ok {
		return t
	}
	t, err := compileOne(frame, body, p)
	if err != nil {
		if reason := err.Error(); !c.reported[reason] {
			c.reported[reason] = true
			c.mistakes.Add("Templates", "%s", reason)
		}
	}
	c.done[key] = t
	return t
}

// compileOne makes a template of a file and its layout. An error has the reason that
// an operator reads, and then there is no template.
func compileOne(frame, body source, p part) (t *template, err error) {
	t = &template{name: body.name, host: body.host || frame.host}
	if frame.host {
		t.layout = frame.name
	}
	if p == partHTML {
		t.exec, err = compileHTML(frame, body)
	} else {
		t.exec, err = compileText(frame, body)
	}
	if err != nil {
		return nil, errors.New(t.reason(err))
	}
	return t, nil
}

// absentData makes a template that asks for host data that a message does not have
// print nothing.
const absentData = "missingkey=zero"

func compileHTML(frame, body source) (func(io.Writer, *Data) error, error) {
	t := htmltemplate.New(body.name).Option(absentData).Funcs(htmltemplate.FuncMap{
		"wrap": wrap, "outlookHead": outlookHead, "outlookTable": outlookTable, "outlookEnd": outlookEnd,
	})
	if _, err := t.New(frame.name).Parse(frame.text); err != nil {
		return nil, err
	}
	if _, err := t.Parse(body.text); err != nil {
		return nil, err
	}
	return func(w io.Writer, d *Data) error { return t.Execute(w, d) }, nil
}

func compileText(frame, body source) (func(io.Writer, *Data) error, error) {
	t := texttemplate.New(body.name).Option(absentData).Funcs(texttemplate.FuncMap{"wrap": wrap})
	if frame.name != "" {
		if _, err := t.New(frame.name).Parse(frame.text); err != nil {
			return nil, err
		}
	}
	if _, err := t.Parse(body.text); err != nil {
		return nil, err
	}
	return func(w io.Writer, d *Data) error { return t.Execute(w, d) }, nil
}

// reason is the text of an error that New found in the template. It has file
// and line: "reset-link.html:3: function "foo" not defined".
func (t *template) reason(err error) string {
	reason := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "html/template:"), "template: "))
	if t.layout != "" && !strings.Contains(reason, t.layout) {
		// If a layout lacks a part, the error names the file that calls the
		// part, and not the layout.
		reason += " (with " + t.layout + ")"
	}
	return reason
}

// Only Outlook for Windows reads the comments below. It draws HTML with Word,
// which does not know max-width and lets no element inherit a font. So Outlook
// gets a table of fixed width and a style for fonts. These are functions
// because html/template drops comments.

func outlookHead() htmltemplate.HTML {
	return "<!--[if mso]><noscript><xml><o:OfficeDocumentSettings xmlns:o=\"urn:schemas-microsoft-com:office:office\"><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml></noscript><style>table,td,h1,p,a,li{font-family:'Segoe UI',Arial,sans-serif!important}</style><![endif]-->"
}

func outlookTable() htmltemplate.HTML {
	return "<!--[if mso]><table role=\"presentation\" width=\"600\" align=\"center\" cellspacing=\"0\" cellpadding=\"0\" border=\"0\"><tr><td><![endif]-->"
}

func outlookEnd() htmltemplate.HTML { return "<!--[if mso]></td></tr></table><![endif]-->" }
