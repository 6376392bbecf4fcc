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

// The files of templates: the frame, one for each page, and what goes into the
// frame's style and script elements.
const (
	layoutFile = "layout.html"
	styleFile  = "style.css"
	scriptFile = "script.js"
)

func pageNames() []string {
	return []string{"forgot", "sent", "code", "reset", "done", "not-me", "not-me-done", "invalid-link", "problem"}
}

const maxFile = 64 << 10

// templates are those of all pages, with the host's in place of ours.
type templates struct {
	pages, builtin map[string]*template.Template
	style          template.CSS
	script         template.JS
	builtinStyle   template.CSS
}

func newTemplates(o Options) (*templates, error) {
	own, err := fs.Sub(builtin, "templates")
	if err != nil {
		return nil, err
	}
	ours, err := readFiles(own)
	if err != nil {
		return nil, err
	}
	theirs, err := readFiles(o.Templates)
	errs := []error{err}
	t := &templates{pages: map[string]*template.Template{}, builtin: map[string]*template.Template{}}
	file := func(name string) string {
		if text, ok := theirs[name]; ok {
			return text
		}
		return ours[name]
	}
	for _, name := range pageNames() {
		if t.builtin[name], err = parse(ours[layoutFile], name+".html", ours[name+".html"]); err != nil {
			return nil, err
		}
		if t.pages[name], err = parse(file(layoutFile), name+".html", file(name+".html")); err != nil {
			errs = append(errs, mistake(err))
		}
	}
	head := ""
	if checkBaseURL(o.BaseURL) == nil && brand.CheckColor(o.Color) == nil {
		head = style(o)
	}
	t.style = template.CSS(head + file(styleFile))
	t.builtinStyle = template.CSS(head + ours[styleFile])
	t.script = template.JS(file(scriptFile))
	if strings.Contains(strings.ToLower(file(styleFile)), "</") {
		errs = append(errs, mistake(errors.New(styleFile+`: must not contain "</"`)))
	}
	if strings.Contains(strings.ToLower(file(scriptFile)), "</") {
		errs = append(errs, mistake(errors.New(scriptFile+`: must not contain "</"`)))
	}
	return t, errors.Join(errs...)
}

// readFiles reads the templates of a file system, and reports what looks like
// one and would never be used.
func readFiles(files fs.FS) (map[string]string, error) {
	found := map[string]string{}
	if files == nil {
		return found, nil
	}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, mistake(err)
	}
	var errs []error
	for _, e := range entries {
		name := e.Name()
		page, isPage := strings.CutSuffix(name, ".html")
		switch {
		case e.IsDir() || !isPage && !strings.HasSuffix(name, ".css") && !strings.HasSuffix(name, ".js"):
			continue
		case name != layoutFile && name != styleFile && name != scriptFile && !slices.Contains(pageNames(), page):
			errs = append(errs, mistake(fmt.Errorf("%s is no template of this package", name)))
			continue
		}
		text, err := fs.ReadFile(files, name)
		switch {
		case err != nil:
			errs = append(errs, mistake(err))
		case len(text) > maxFile:
			errs = append(errs, mistake(fmt.Errorf("%s is larger than %d KiB", name, maxFile>>10)))
		default:
			found[name] = string(text)
		}
	}
	return found, errors.Join(errs...)
}

// parse makes a page of the frame, which calls "main", and of its file, which
// is "main".
func parse(layout, name, text string) (*template.Template, error) {
	t, err := template.New(layoutFile).Parse(layout)
	if err != nil {
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

// mistake is an error of the host's templates.
func mistake(err error) error {
	reason := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "html/template:"), "template: ")
	return &recovery.OptionError{Option: "Templates", Reason: strings.TrimSpace(reason)}
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

// darkBackground is that of style.css.
const darkBackground = 0x14181f

// style is what the host's options put in front of the stylesheet: the colours,
// of which the one for the dark is lightened until it can be read there, and
// the font.
func style(o Options) string {
	rgb, _ := strconv.ParseUint(strings.TrimPrefix(o.Color, "#"), 16, 32)
	dark := uint32(rgb)
	for brand.Contrast(dark, darkBackground) < 7 {
		dark = lighter(dark)
	}
	s := fmt.Sprintf(":root{--accent:#%06x;--accent-dark:#%06x}\n", rgb, dark)
	if len(o.Font) > 0 {
		// Optional, because a font that comes late would move what is there.
		base, _ := url.Parse(o.BaseURL)
		s += fmt.Sprintf("@font-face{font-family:Host;font-display:optional;src:url(%q) format(\"woff2\")}\n:root{--font:Host,}\n",
			base.Path+"/font.woff2?"+fingerprint(o.Font))
	}
	return s
}

// lighter mixes a colour with a twentieth of white.
func lighter(rgb uint32) uint32 {
	var mixed uint32
	for shift := 0; shift <= 16; shift += 8 {
		c := rgb >> shift & 0xff
		mixed |= (c + (255-c+19)/20) << shift
	}
	return mixed
}
