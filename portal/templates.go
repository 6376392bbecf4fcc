package portal

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

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

// templates are the templates of all pages, which all brands share. In pages, style
// and script, a file of the host replaces the built-in one.
type templates struct {
	pages, builtin map[string]*template.Template
	style          string
	script         template.JS
	builtinStyle   string
}

// A builtinTemplates is what the files of this package become.
type builtinTemplates struct {
	files map[string]string
	pages map[string]*template.Template
}

// parseBuiltin parses the files of this package, for all Handlers. Executing a
// template changes nothing in it but to escape it once, under a lock of its own.
var parseBuiltin = sync.OnceValues(func() (*builtinTemplates, error) {
	own, err := fs.Sub(builtin, "templates")
	if err != nil {
		return nil, err
	}
	mistakes := recovery.OptionErrors{Package: "portal"}
	b := &builtinTemplates{readFiles(&mistakes, own), map[string]*template.Template{}}
	for _, name := range pageNames() {
		t, err := parse(b.files[layoutFile], b.files[passwordFile], name+".html", b.files[name+".html"])
		mistakes.Join(err)
		b.pages[name] = t
	}
	return b, mistakes.Err()
})

// newTemplates adds to mistakes what is wrong with the host's files. An error
// is a mistake in the built-in ones.
func newTemplates(mistakes *recovery.OptionErrors, files fs.FS) (*templates, error) {
	ours, err := parseBuiltin()
	if err != nil {
		return nil, err
	}
	theirs := readFiles(mistakes, files)
	file := func(name string) string {
		if text, ok := theirs[name]; ok {
			return text
		}
		return ours.files[name]
	}
	t := &templates{
		pages: map[string]*template.Template{}, builtin: ours.pages,
		style: file(styleFile), script: template.JS(file(scriptFile)), builtinStyle: ours.files[styleFile],
	}
	_, ownLayout := theirs[layoutFile]
	_, ownPassword := theirs[passwordFile]
	ownParts := ownLayout || ownPassword
	for _, name := range pageNames() {
		if _, ok := theirs[name+".html"]; !ok && !ownParts {
			t.pages[name] = ours.pages[name]
		} else if t.pages[name], err = parse(file(layoutFile), file(passwordFile), name+".html", file(name+".html")); err != nil {
			mistakes.Add("Templates", "%s", templateReason(err))
		}
	}
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
	d.Style, d.Script = template.CSS(d.head+t.style), t.script
	return errors.Join(d.err, t.pages[d.Page].Execute(w, d))
}

func (t *templates) executeBuiltin(w io.Writer, d *Data) error {
	d.Style, d.Script = template.CSS(d.head+t.builtinStyle), ""
	d.Page, d.Variant, d.Errors, d.Alert = "problem", "failed", nil, ""
	return t.builtin[d.Page].Execute(w, d)
}

// darkBackground is the background colour of the dark pages in style.css.
const darkBackground = 0x14181f

// style returns the rules that a brand puts in front of the stylesheet: its colours,
// and its font, if fontURL is not empty. The colour for dark pages is lightened
// until people can read it there.
func style(color, fontURL string) string {
	rgb, _ := strconv.ParseUint(strings.TrimPrefix(color, "#"), 16, 32)
	dark := uint32(rgb)
	for brand.Contrast(dark, darkBackground) < 7 {
		dark = lighter(dark)
	}
	s := fmt.Sprintf(":root{--accent:#%06x;--accent-dark:#%06x}\n", rgb, dark)
	if fontURL != "" {
		// With "optional", a font that arrives late moves nothing on the page.
		s += fmt.Sprintf("@font-face{font-family:Host;font-display:optional;src:url(%q) format(\"woff2\")}\n:root{--font:Host,}\n", fontURL)
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
