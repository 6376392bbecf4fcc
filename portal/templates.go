package portal

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/brand"
)

//go:embed templates
var builtin embed.FS

// The files of templates that are not one page: the frame of all pages, and the
// contents of the frame's style and script elements.
const (
	layoutFile = "layout.html"
	styleFile  = "style.css"
	scriptFile = "script.js"
)

// passwordFile defines "new-password", the field for a new password with its rules,
// which the pages reset and change-password have in common. Templates of the host's
// own can call it too.
const passwordFile = "new-password.html"

func pageNames() []string {
	return []string{"forgot", "sent", "code", "reset", "done", "not-me", "not-me-done", "change-password", "invalid-link", "problem"}
}

const maxFile = 64 << 10

// templates are the templates of all pages. In pages, style and script, a file
// of the host replaces the built-in one.
type templates struct {
	pages, builtin map[string]*template.Template
	style          template.CSS
	script         template.JS
	builtinStyle   template.CSS
}

// newTemplates adds to mistakes what is wrong with the host's files. An error
// is a mistake in the built-in ones.
func newTemplates(mistakes *recovery.OptionErrors, o Options) (*templates, error) {
	own, err := fs.Sub(builtin, "templates")
	if err != nil {
		return nil, err
	}
	ours := readFiles(mistakes, own)
	theirs := readFiles(mistakes, o.Templates)
	t := &templates{pages: map[string]*template.Template{}, builtin: map[string]*template.Template{}}
	file := func(name string) string {
		if text, ok := theirs[name]; ok {
			return text
		}
		return ours[name]
	}
	for _, name := range pageNames() {
		if t.builtin[name], err = parse(ours[layoutFile], ours[passwordFile], name+".html", ours[name+".html"]); err != nil {
			return nil, err
		}
		if t.pages[name], err = parse(file(layoutFile), file(passwordFile), name+".html", file(name+".html")); err != nil {
			mistakes.Add("Templates", "%s", templateReason(err))
		}
	}
	head := ""
	if checkBaseURL(o.BaseURL) == nil && brand.CheckColor(o.Color) == nil {
		head = style(o)
	}
	t.style = template.CSS(head + file(styleFile))
	t.builtinStyle = template.CSS(head + ours[styleFile])
	t.script = template.JS(file(scriptFile))
	for _, name := range []string{styleFile, scriptFile} {
		if strings.Contains(file(name), "</") {
			mistakes.Add("Templates", `%s: must not contain "</"`, name)
		}
	}
	return t, nil
}

// readFiles reads the templates of a file system. A file that looks like a
// template and would never be used is a mistake.
func readFiles(mistakes *recovery.OptionErrors, files fs.FS) map[string]string {
	found := map[string]string{}
	if files == nil {
		return found
	}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		mistakes.Add("Templates", "%v", err)
		return found
	}
	for _, e := range entries {
		name := e.Name()
		page, isPage := strings.CutSuffix(name, ".html")
		switch {
		case e.IsDir() || !isPage && !strings.HasSuffix(name, ".css") && !strings.HasSuffix(name, ".js"):
			continue
		case name != layoutFile && name != passwordFile && name != styleFile && name != scriptFile && !slices.Contains(pageNames(), page):
			mistakes.Add("Templates", "%s is not the name of a template of this package", name)
			continue
		}
		text, err := fs.ReadFile(files, name)
		switch {
		case err != nil:
			mistakes.Add("Templates", "%v", err)
		case len(text) > maxFile:
			mistakes.Add("Templates", "%s is larger than %d KiB", name, maxFile>>10)
		default:
			found[name] = string(text)
		}
	}
	return found
}

// parse makes the template of one page. The layout is the frame, which calls
// "main". The text of the page becomes "main".
func parse(layout, password, name, text string) (*template.Template, error) {
	t, err := template.New(layoutFile).Parse(layout)
	if err != nil {
		return nil, err
	}
	if _, err := t.New(passwordFile).Parse(password); err != nil {
		return nil, err
	}
	main, err := t.New(name).Parse(text)
	if err != nil {
		return nil, err
	}
	if _, err := t.AddParseTree("main", main.Tree); err != nil {
		return nil, err
	}
	return t.Lookup(layoutFile), nil
}

// templateReason is the text of a template's error without the prefix of the
// template package. It begins with file and line.
func templateReason(err error) string {
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "html/template:"), "template: "))
}

func (t *templates) execute(w io.Writer, d *Data) error {
	d.Style, d.Script = t.style, t.script
	return errors.Join(d.err, t.pages[d.Page].Execute(w, d))
}

func (t *templates) executeBuiltin(w io.Writer, d *Data) error {
	d.Style, d.Script = t.builtinStyle, ""
	d.Page, d.Variant, d.Errors, d.Alert = "problem", "failed", nil, ""
	return t.builtin[d.Page].Execute(w, d)
}

// darkBackground is the background colour of the dark pages in style.css.
const darkBackground = 0x14181f

// style returns the rules that the host's options put in front of the
// stylesheet: the colours and the font. The colour for dark pages is lightened
// until people can read it there.
func style(o Options) string {
	rgb, _ := strconv.ParseUint(strings.TrimPrefix(o.Color, "#"), 16, 32)
	dark := uint32(rgb)
	for brand.Contrast(dark, darkBackground) < 7 {
		dark = lighter(dark)
	}
	s := fmt.Sprintf(":root{--accent:#%06x;--accent-dark:#%06x}\n", rgb, dark)
	if len(o.Font) > 0 {
		// With "optional", a font that arrives late moves nothing on the page.
		base, _ := url.Parse(o.BaseURL)
		s += fmt.Sprintf("@font-face{font-family:Host;font-display:optional;src:url(%q) format(\"woff2\")}\n:root{--font:Host,}\n",
			base.Path+"/font.woff2?"+fingerprint(o.Font))
	}
	return s
}

// lighter returns the colour, a twentieth closer to white.
func lighter(rgb uint32) uint32 {
	var mixed uint32
	for shift := 0; shift <= 16; shift += 8 {
		c := rgb >> shift & 0xff
		mixed |= (c + (255-c+19)/20) << shift
	}
	return mixed
}
