package messages

import (
	"errors"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"slices"
	"strings"
	texttemplate "text/template"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// A template is one part of a message, with its layout.
type template struct {
	// name is the path of its file, layout that of its layout if this is the
	// host's; host says that one of the two is.
	name, layout string
	host         bool
	exec         func(io.Writer, *Data) error
}

// A slot is where a template is used.
type slot struct {
	template string
	language int
	kind     recovery.MessageKind
	part     part
}

// A library finds the template for every slot.
type library struct {
	slots map[slot]*template
	// builtin are the package's own, for when a host's fails.
	builtin map[slot]*template
	// mail and sms say which names have a part of a mail or a text message.
	mail, sms map[string]bool
}

// A source is a file of templates.
type source struct {
	name string
	text string
	host bool
}

// A compiler makes templates of files, each pair of layout and file once.
type compiler struct {
	builtin, host map[fileName]string
	done          map[[2]string]*template
	errs          []error
}

// newLibrary returns a library without what cannot be used, and what is wrong
// with that.
func newLibrary(host fs.FS) (*library, error) {
	c := &compiler{done: map[[2]string]*template{}}
	own, err := fs.Sub(builtin, "templates")
	if err == nil {
		c.builtin, err = readFiles(own)
	}
	c.errs = append(c.errs, err)
	c.host, err = readFiles(host)
	c.errs = append(c.errs, err)
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
	for _, name := range slices.Compact(names) {
		for i, lang := range i18n.Languages() {
			for _, k := range kinds() {
				for _, p := range parts() {
					if !hasPart(k, p) {
						continue
					}
					l.slots[slot{name, i, k, p}] = c.compile(name, lang.File, inFileNames(k), p)
				}
			}
		}
	}
	// Once more without the host's files.
	c.host = nil
	for _, k := range kinds() {
		for _, p := range parts() {
			if hasPart(k, p) {
				l.builtin[slot{kind: k, part: p}] = c.compile("", "", inFileNames(k), p)
			}
		}
	}
	return l, errors.Join(c.errs...)
}

// find returns the template of a slot, the usual one for a name that is not
// known.
func (l *library) find(s slot) *template {
	if t, ok := l.slots[s]; ok {
		return t
	}
	s.template = ""
	return l.slots[s]
}

// source returns the file for a part: of the named template before the usual
// one, in that a language's own before the one for all, and the built-in one
// last.
func (c *compiler) source(name, lang, kind string, p part) source {
	for _, n := range []fileName{{name, kind, lang, p}, {name, kind, "", p}, {"", kind, lang, p}, {"", kind, "", p}} {
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
	t := &template{name: body.name, host: body.host || frame.host}
	if frame.host {
		t.layout = frame.name
	}
	var err error
	if p == partHTML {
		t.exec, err = compileHTML(frame, body)
	} else {
		t.exec, err = compileText(frame, body)
	}
	if err != nil {
		t, err = nil, t.mistake(err)
		// A layout that does not parse fails with every kind.
		if !slices.ContainsFunc(c.errs, func(e error) bool { return e != nil && e.Error() == err.Error() }) {
			c.errs = append(c.errs, err)
		}
	}
	c.done[key] = t
	return t
}

func compileHTML(frame, body source) (func(io.Writer, *Data) error, error) {
	t := htmltemplate.New(body.name).Funcs(htmltemplate.FuncMap{
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
	t := texttemplate.New(body.name).Funcs(texttemplate.FuncMap{"wrap": wrap})
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

// mistake is an error of the template that New found. Its text has file and
// line: "reset-link.html:3: function "foo" not defined".
func (t *template) mistake(err error) error {
	reason := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "html/template:"), "template: ")
	if t.layout != "" && !strings.Contains(reason, t.layout) {
		// A part that a layout lacks is missed in the file that calls it.
		reason = strings.TrimSpace(reason) + " (with " + t.layout + ")"
	}
	return &recovery.OptionError{Option: "Templates", Reason: strings.TrimSpace(reason)}
}

// What only Outlook for Windows sees. It draws HTML with Word, which knows no
// max-width and lets nothing inherit a font, so it gets a table of fixed width
// and a style for fonts. These are functions because html/template drops
// comments.

func outlookHead() htmltemplate.HTML {
	return "<!--[if mso]><noscript><xml><o:OfficeDocumentSettings xmlns:o=\"urn:schemas-microsoft-com:office:office\"><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml></noscript><style>table,td,h1,p,a,li{font-family:'Segoe UI',Arial,sans-serif!important}</style><![endif]-->"
}

func outlookTable() htmltemplate.HTML {
	return "<!--[if mso]><table role=\"presentation\" width=\"600\" align=\"center\" cellspacing=\"0\" cellpadding=\"0\" border=\"0\"><tr><td><![endif]-->"
}

func outlookEnd() htmltemplate.HTML { return "<!--[if mso]></td></tr></table><![endif]-->" }
