package messages

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/brand"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

//go:embed templates
var builtin embed.FS

// A part is one text of a message, and the end of the name of its file.
type part string

const (
	partSubject part = "subject.txt"
	partText    part = "txt"
	partHTML    part = "html"
	partSMS     part = "sms.txt"
)

// parts has the longer endings first.
func parts() []part { return []part{partSubject, partSMS, partText, partHTML} }

// layout is the file of what the others share; it stands where they have a
// kind.
const layout = "layout"

func kinds() []recovery.MessageKind {
	return []recovery.MessageKind{
		recovery.MessageResetLink, recovery.MessageResetCode, recovery.MessagePasswordChanged,
		recovery.MessageNoPassword, recovery.MessageUnknownAddress,
	}
}

// inFileNames is how the names of files spell a kind: with hyphens.
func inFileNames(kind recovery.MessageKind) string { return strings.ReplaceAll(string(kind), "_", "-") }

// hasPart reports whether messages of a kind have the part.
func hasPart(k recovery.MessageKind, p part) bool {
	return p != partSMS || k != recovery.MessageUnknownAddress
}

// A fileName says what a template file is for.
type fileName struct {
	// template is the name that Message.Template has, or empty for the usual
	// one.
	template string
	kind     string
	// lang is a language's name in file names, or empty for all languages.
	lang string
	part part
}

func (n fileName) String() string {
	parts := []string{n.kind, n.lang, string(n.part)}
	return path.Join(n.template, strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "."))
}

// maxTemplateName is that of Message.Template.
const maxTemplateName = 128

// isTemplateName reports whether s can be the name of a template: no path, and
// nothing that a file system reads as one (A66).
func isTemplateName(s string) bool {
	return s != "" && len(s) <= maxTemplateName && strings.Trim(s, ".") != "" && s[0] != '.' &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return !brand.IsLowerDigit(r) && (r < 'A' || r > 'Z') && r != '_' && r != '.' && r != '-'
		})
}

// parseFileName reads the path of a file. It is false for a file that is no
// template's, such as a README, and an error for one that looks like a
// template's and would never be used.
func parseFileName(p string) (n fileName, ok bool, err error) {
	dir, base := path.Split(p)
	for _, n.part = range parts() {
		if n.kind, ok = strings.CutSuffix(base, "."+string(n.part)); ok {
			break
		}
	}
	if !ok || strings.HasPrefix(base, ".") {
		return fileName{}, false, nil
	}
	if n.template = strings.TrimSuffix(dir, "/"); n.template != "" && !isTemplateName(n.template) {
		return n, false, errors.New("the directory is no name of a template: 1 to 128 of A-Z, a-z, 0-9, '_', '-' and '.', not starting with a dot, and none within another")
	}
	var hasLang bool
	n.kind, n.lang, hasLang = strings.Cut(n.kind, ".")
	if hasLang && !slices.ContainsFunc(i18n.Languages(), func(l i18n.Language) bool { return l.File == n.lang }) {
		return n, false, fmt.Errorf("%q is no language of this package", n.lang)
	}
	if n.kind == layout {
		if n.part != partText && n.part != partHTML {
			return n, false, errors.New("a layout is .html or .txt")
		}
		return n, true, nil
	}
	kind := recovery.MessageKind(strings.ReplaceAll(n.kind, "-", "_"))
	if !slices.Contains(kinds(), kind) || strings.Contains(n.kind, "_") {
		return n, false, fmt.Errorf("%q is no kind of message", n.kind)
	}
	if !hasPart(kind, n.part) {
		return n, false, fmt.Errorf("messages of kind %q are not sent by SMS", n.kind)
	}
	return n, true, nil
}

// maxFile is the largest template file. Gmail shows no more than 102 KB of a
// mail.
const maxFile = 100 << 10

// readFiles reads every template in the file system, and reports all that
// cannot be used.
func readFiles(files fs.FS) (map[fileName]string, error) {
	found := map[fileName]string{}
	if files == nil {
		return found, nil
	}
	var errs []error
	bad := func(p string, err error) {
		errs = append(errs, &recovery.OptionError{Option: "Templates", Reason: fmt.Sprintf("%s: %v", p, err)})
	}
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			bad(p, err)
			return nil
		case d.IsDir() && p != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		n, ok, err := parseFileName(p)
		if err != nil {
			bad(p, err)
		}
		if !ok {
			return nil
		}
		text, err := fs.ReadFile(files, p)
		switch {
		case err != nil:
			bad(p, err)
		case len(text) > maxFile:
			bad(p, fmt.Errorf("is larger than %d KiB", maxFile>>10))
		default:
			found[n] = string(text)
		}
		return nil
	})
	if err != nil {
		bad(".", err)
	}
	return found, errors.Join(errs...)
}
