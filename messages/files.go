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

// A part is one text of a message. Its value is the end of its file's name.
type part string

const (
	partSubject part = "subject.txt"
	partText    part = "txt"
	partHTML    part = "html"
	partSMS     part = "sms.txt"
)

// parts returns all parts. The longer endings come first, because "txt" is the
// end of two others.
func parts() []part { return []part{partSubject, partSMS, partText, partHTML} }

// layout stands in the name of a file where other names have a kind. Such a
// file is the frame that the other files share.
const layout = "layout"

func kinds() []recovery.MessageKind {
	return []recovery.MessageKind{
		recovery.MessageResetLink, recovery.MessageResetCode, recovery.MessagePasswordChanged,
		recovery.MessageNoPassword, recovery.MessageUnknownAddress,
		recovery.MessageInvitation, recovery.MessageResetRequired,
	}
}

// inFileNames spells a kind as the names of files do: with hyphens.
func inFileNames(kind recovery.MessageKind) string { return strings.ReplaceAll(string(kind), "_", "-") }

// hasPart reports whether messages of a kind have the part.
func hasPart(k recovery.MessageKind, p part) bool {
	return p != partSMS || k != recovery.MessageUnknownAddress
}

// A fileName says what a template file is for.
type fileName struct {
	// template is the value of Message.Template, or empty for the usual
	// template.
	template string
	// kind is a kind of message as inFileNames spells it, or layout.
	kind string
	// lang is a language's name in file names, or empty for all languages.
	lang string
	part part
}

func (n fileName) String() string {
	parts := []string{n.kind, n.lang, string(n.part)}
	return path.Join(n.template, strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "."))
}

// maxTemplateName is the longest Message.Template, in bytes.
const maxTemplateName = 128

// isTemplateName reports whether s can be the name of a template. A path
// cannot, nor can anything else that a file system reads as a path (A66).
func isTemplateName(s string) bool {
	return s != "" && len(s) <= maxTemplateName && strings.Trim(s, ".") != "" && s[0] != '.' &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return !brand.IsLowerDigit(r) && (r < 'A' || r > 'Z') && r != '_' && r != '.' && r != '-'
		})
}

// parseFileName reads the path of a file. It returns false for a file that is
// not a template, such as a README. It returns an error for a file that looks
// like a template and would never be used.
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
		return n, false, errors.New("the directory is not the name of a template: 1 to 128 of A-Z, a-z, 0-9, '_', '-' and '.', not starting with a dot, and not inside another directory")
	}
	var hasLang bool
	n.kind, n.lang, hasLang = strings.Cut(n.kind, ".")
	if hasLang && !slices.ContainsFunc(i18n.Languages(), func(l i18n.Language) bool { return l.File == n.lang }) {
		return n, false, fmt.Errorf("%q is not a language of this package", n.lang)
	}
	if n.kind == layout {
		if n.part != partText && n.part != partHTML {
			return n, false, errors.New("a layout must be .html or .txt")
		}
		return n, true, nil
	}
	kind := recovery.MessageKind(strings.ReplaceAll(n.kind, "-", "_"))
	if !slices.Contains(kinds(), kind) || strings.Contains(n.kind, "_") {
		return n, false, fmt.Errorf("%q is not a kind of message", n.kind)
	}
	if !hasPart(kind, n.part) {
		return n, false, fmt.Errorf("messages of kind %q never go by SMS", n.kind)
	}
	return n, true, nil
}

// maxFile is the largest template file, in bytes. Gmail shows no more than
// 102 KB of a mail.
const maxFile = 100 << 10

// readFiles reads every template in the file system. A file that cannot be used
// is a mistake.
func readFiles(mistakes *recovery.OptionErrors, files fs.FS) map[fileName]string {
	found := map[fileName]string{}
	if files == nil {
		return found
	}
	report := func(p string, err error) { mistakes.Add("Templates", "%s: %v", p, err) }
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			report(p, err)
			return nil
		case d.IsDir() && p != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		n, ok, err := parseFileName(p)
		if err != nil {
			report(p, err)
		}
		if !ok {
			return nil
		}
		text, err := fs.ReadFile(files, p)
		switch {
		case err != nil:
			report(p, err)
		case len(text) > maxFile:
			report(p, fmt.Errorf("is larger than %d KiB", maxFile>>10))
		default:
			found[n] = string(text)
		}
		return nil
	})
	if err != nil {
		report(".", err)
	}
	return found
}
