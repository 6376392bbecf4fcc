package messages

import (
	"slices"
	"sync"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// templates finds the template for every slot.
type templates interface {
	find(s slot) *template
	// failed returns the built-in template of a kind and part, for when a template
	// of the host fails. It is nil for a kind that is not known.
	failed(kind recovery.MessageKind, p part) *template
	// has reports whether there is a template of that name with a part of a mail or,
	// with sms, of a text message.
	has(name string, sms bool) bool
}

// A brandLibrary has the templates of one brand: those that a file of the brand takes
// part in, which are compiled when they are first used, and else the Renderer's own.
type brandLibrary struct {
	base   *library
	files  map[fileName]string // the brand's
	report func(reason string)
	grew   func() // is called when a template was compiled

	mu   sync.Mutex
	done map[[2]string]*template // nil for one that does not compile
}

func (l *brandLibrary) failed(kind recovery.MessageKind, p part) *template {
	return l.base.failed(kind, p)
}

func (l *brandLibrary) has(name string, sms bool) bool {
	if l.base.has(name, sms) {
		return true
	}
	for n := range l.files {
		if n.template == name && (n.part == partSMS) == sms {
			return true
		}
	}
	return false
}

func (l *brandLibrary) find(s slot) *template {
	t, err := l.compile(s)
	if err != nil {
		l.report(err.Error())
	}
	if t == nil {
		return l.base.find(s)
	}
	return t
}

// source returns the brand's file for a part or, if it has none, that of the
// Renderer.
func (l *brandLibrary) source(name, lang, kind string, p part) (from source, own bool) {
	for _, n := range fileNames(name, lang, kind, p) {
		if text, ok := l.files[n]; ok {
			return source{n.String(), text, true}, true
		}
	}
	return l.base.compiler.source(name, lang, kind, p), false
}

// compile returns the template of a slot, or nil if no file of the brand takes part
// in it, or if it does not compile. The error comes once.
func (l *brandLibrary) compile(s slot) (*template, error) {
	lang := i18n.Languages()[s.language].File
	body, own := l.source(s.template, lang, inFileNames(s.kind), s.part)
	frame := source{}
	if s.part == partText || s.part == partHTML {
		var ownFrame bool
		frame, ownFrame = l.source(s.template, lang, layout, s.part)
		own = own || ownFrame
	}
	if !own {
		return nil, nil
	}
	key := [2]string{frame.name, body.name}
	l.mu.Lock()
	defer l.mu.Unlock()
	if t, ok := l.done[key]; ok {
		return t, nil
	}
	t, err := compileOne(frame, body, s.part)
	l.done[key] = t
	l.grew()
	return t, err
}

// compileAll returns a library of all templates that the files of the brand take part
// in.
func (l *brandLibrary) compileAll(mistakes *recovery.OptionErrors) *library {
	all := &library{slots: map[slot]*template{}, builtin: l.base.builtin, compiler: l.base.compiler}
	names := []string{""}
	for n := range l.files {
		names = append(names, n.template)
	}
	slices.Sort(names)
	for s := range slotsOf(slices.Compact(names)) {
		t, err := l.compile(s)
		if err != nil {
			mistakes.Add("Templates", "%v", err)
		}
		if t != nil {
			all.slots[s] = t
		}
	}
	return all
}
