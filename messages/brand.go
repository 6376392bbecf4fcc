package messages

import (
	"container/list"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/brand"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// A Brand is how the messages of one brand look. What is zero is as in [Options].
type Brand struct {
	_ [0]func()

	// Product, Host, Support and Color are as in [Options].
	Product, Host, Support, Color string
	// Texts are sentences of this package in the brand's words: first by the name of
	// the language as in the names of files ("de"), then by the key, as in the
	// catalogues of this package (catalog_en.go). A text has the same arguments as
	// the sentence that it replaces, %[1]s and so on, each as often as it likes, and
	// %% for a percent sign. It has one line of up to 500 bytes, and that of a
	// subject up to 80 characters. A sentence with plural forms cannot be replaced.
	Texts map[string]map[string]string
	// Templates are as in [Options]. A file of the brand comes before all files of
	// Options.Templates, which come before the built-in ones. Each is compiled when
	// the first message needs it.
	Templates fs.FS
}

// maxLooks is how many brands a Renderer keeps ready, and maxCompiled how many
// templates of theirs: a template of HTML takes about 45 KB. What it drops, it makes
// again when the next message needs it.
const maxLooks, maxCompiled = 1024, 1000

// looks are the brands that a Renderer keeps ready: those that were used last.
type looks struct {
	mu     sync.Mutex
	byName map[string]*list.Element
	order  *list.List // of *look, the one that was used last in front
	// compiled is how many templates all of them have together.
	compiled int
	// forgotten counts the calls of ForgetBrand. What a message had asked for before
	// the last of them is not kept.
	forgotten int
}

// A look is the Renderer of one brand.
type look struct {
	name     string
	renderer *Renderer
	compiled int // templates
}

func newLooks() *looks { return &looks{byName: map[string]*list.Element{}, order: list.New()} }

// get returns what is kept of a brand, or nil, and how often brands were forgotten.
func (l *looks) get(name string) (r *Renderer, forgotten int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.byName[name]
	if !ok {
		return nil, l.forgotten
	}
	l.order.MoveToFront(e)
	return e.Value.(*look).renderer, l.forgotten
}

// put keeps a look, unless another message has made it meanwhile, and returns what is
// kept. If a brand was forgotten since get, the look may be an earlier one: then it is
// good for this message, and not kept.
func (l *looks) put(name string, r *Renderer, forgotten int) *Renderer {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.byName[name]; ok {
		return e.Value.(*look).renderer
	}
	if l.forgotten != forgotten {
		return r
	}
	l.byName[name] = l.order.PushFront(&look{name: name, renderer: r})
	for l.order.Len() > maxLooks {
		l.drop(l.order.Back())
	}
	return r
}

func (l *looks) drop(e *list.Element) {
	dropped := l.order.Remove(e).(*look)
	delete(l.byName, dropped.name)
	l.compiled -= dropped.compiled
}

// grew says that a template of a brand was compiled.
func (l *looks) grew(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.byName[name]
	if !ok {
		return // dropped, while a message of this brand is rendered
	}
	e.Value.(*look).compiled++
	for l.compiled++; l.compiled > maxCompiled && l.order.Len() > 1; {
		l.drop(l.order.Back())
	}
}

// ForgetBrand makes the Renderer ask [Options].Brands again when the next message of
// this brand is rendered. Call it after the brand has changed.
func (s *Renderer) ForgetBrand(name string) {
	s.looks.mu.Lock()
	defer s.looks.mu.Unlock()
	s.looks.forgotten++
	if e, ok := s.looks.byName[name]; ok {
		s.looks.drop(e)
	}
}

// of returns the Renderer for a brand. A brand that nobody knows is an error, and
// not the look of another name. It is no permanent one: the host may add the brand.
func (s *Renderer) of(name string) (*Renderer, error) {
	if name == "" || s.opts.Brands == nil {
		return s, nil
	}
	r, forgotten := s.looks.get(name)
	if r != nil {
		return r, nil
	}
	b, ok := s.opts.Brands(name)
	if !ok {
		return nil, fmt.Errorf("messages: option Brands does not know the brand %.64q", name)
	}
	mistakes := recovery.OptionErrors{Package: "messages"}
	r, valid := s.brand(&mistakes, name, b)
	if err := mistakes.Err(); err != nil {
		err = inBrand(name, err)
		if !valid {
			return nil, err
		}
		s.opts.Logger.Error("recovery: a brand has mistakes, so its messages go out without some of its words. Correct it, and call ForgetBrand or restart", "brand", name, "error", err)
	}
	return s.looks.put(name, r, forgotten), nil
}

// CheckBrand returns every mistake in a brand, joined, as [New] returns those in
// options: it asks [Options].Brands, compiles all templates of the brand, and renders
// them with samples in all languages. Each mistake is a [*recovery.OptionError]. A
// host calls it for each of its brands in a test or when it starts, because a mistake
// would show otherwise when somebody waits for a mail. For a brand without templates
// it takes some microseconds, and with all of them about as long as New.
func (s *Renderer) CheckBrand(name string) error {
	mistakes := recovery.OptionErrors{Package: "messages"}
	if s.opts.Brands == nil {
		mistakes.Add("Brands", "is required")
		return mistakes.Err()
	}
	b, ok := s.opts.Brands(name)
	if !ok {
		mistakes.Add("Brands", "does not know the brand %.64q", name)
		return mistakes.Err()
	}
	r, valid := s.brand(&mistakes, name, b)
	if own, ok := r.library.(*brandLibrary); ok {
		// The samples are rendered in spite of other mistakes.
		trial := *r
		if !valid {
			trial.opts.Product, trial.opts.Host, trial.opts.Support, trial.opts.Color = s.opts.Product, s.opts.Host, s.opts.Support, s.opts.Color
		}
		own.grew = func() {} // nothing of this is kept
		all := own.compileAll(&mistakes)
		trial.library = all
		if err := trial.renderSamples(&mistakes, all.slots, true); err != nil {
			return err
		}
	}
	return inBrand(name, mistakes.Err())
}

// inBrand names the brand in mistakes.
func inBrand(name string, err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var named []error
		for _, err := range joined.Unwrap() {
			named = append(named, inBrand(name, err))
		}
		return errors.Join(named...)
	}
	if e, ok := errors.AsType[*recovery.OptionError](err); ok {
		return &recovery.OptionError{Package: e.Package, Option: fmt.Sprintf("Brands[%q].%s", name, e.Option), Reason: e.Reason}
	}
	return err
}

// brand returns the Renderer of a brand. It adds every mistake that shows without
// compiling templates. It is not valid if no message may go out under it.
func (s *Renderer) brand(mistakes *recovery.OptionErrors, name string, b Brand) (r *Renderer, valid bool) {
	own := *s
	for _, f := range []struct{ to, value *string }{
		{&own.opts.Product, &b.Product}, {&own.opts.Host, &b.Host}, {&own.opts.Support, &b.Support}, {&own.opts.Color, &b.Color},
	} {
		if *f.value != "" {
			*f.to = *f.value
		}
	}
	own.opts.validateBrand(mistakes)
	valid = mistakes.Err() == nil
	own.translators = s.translate(mistakes, b.Texts)
	if b.Templates != nil {
		if files := readFiles(mistakes, b.Templates); len(files) > 0 {
			own.library = &brandLibrary{
				base: s.library.(*library), files: files, done: map[[2]string]*template{},
				grew: func() { s.looks.grew(name) },
				report: func(reason string) {
					s.opts.Logger.Error("recovery: a template of a brand does not compile, so a message goes out with another one. Correct it, and call ForgetBrand or restart", "brand", name, "error", reason)
				},
			}
		}
	}
	own.brandName = name
	return &own, valid
}

// translate returns the translators with the texts of a brand. It leaves texts out
// that are not valid.
func (s *Renderer) translate(mistakes *recovery.OptionErrors, texts map[string]map[string]string) []*i18n.Translator {
	if len(texts) == 0 {
		return s.translators
	}
	translators := slices.Clone(s.translators)
	known := map[string]bool{}
	for i, t := range translators {
		known[t.File] = true
		own := map[string]string{}
		for key, text := range texts[t.File] {
			err := t.CheckText(key, text)
			if err == nil {
				err = checkSentence(key, text)
			}
			if err != nil {
				mistakes.Add("Texts", "%s: %.64q: %v", t.File, key, err)
				continue
			}
			own[key] = text
		}
		if len(own) > 0 {
			translators[i] = t.With(own)
		}
	}
	for language := range texts {
		if !known[language] {
			mistakes.Add("Texts", "%.16q is not a language of this package", language)
		}
	}
	return translators
}

// validateBrand adds the mistakes in what a brand says of itself.
func (o Options) validateBrand(mistakes *recovery.OptionErrors) {
	for _, found := range []struct {
		option string
		err    error
	}{
		{"Product", brand.CheckProduct(o.Product)},
		{"Host", brand.CheckHost(o.Host)},
		{"Support", brand.CheckSupport(o.Support)},
		{"Color", brand.CheckColor(o.Color)},
	} {
		if found.err != nil {
			mistakes.Add(found.option, "%v", found.err)
		}
	}
}
