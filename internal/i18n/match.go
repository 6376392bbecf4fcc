package i18n

import (
	"fmt"

	"golang.org/x/text/language"
)

// A Matcher chooses a language for a person. It is immutable and safe for
// concurrent use.
type Matcher struct {
	groups   []group // that of the default first
	fallback int
}

// A group holds the languages of one family among which a Matcher chooses.
type group struct {
	family  family
	indices []int // in the list that NewMatcher got, that of the default first
	closest language.Matcher
}

// NewMatcher returns a Matcher that chooses one of the languages in among, which
// may be any, and several of one family, such as pt-PT and pt-BR. Its default,
// def, is one of them or of the family of one.
func NewMatcher(among []language.Tag, def language.Tag) Matcher {
	m := Matcher{fallback: closestTo(def, among)}
	tags := map[family][]language.Tag{}
	add := func(i int) {
		f, ok := familyOf(among[i])
		if !ok {
			return
		}
		at, found := m.find(f)
		if !found {
			at = len(m.groups)
			m.groups = append(m.groups, group{family: f})
		}
		m.groups[at].indices = append(m.groups[at].indices, i)
		tags[f] = append(tags[f], among[i])
	}
	add(m.fallback)
	for i := range among {
		if i != m.fallback {
			add(i)
		}
	}
	for i, g := range m.groups {
		m.groups[i].closest = language.NewMatcher(tags[g.family])
	}
	return m
}

// closestTo returns the index of the tag in among that is def or the closest one
// of its family, or else 0.
func closestTo(def language.Tag, among []language.Tag) int {
	var indices []int
	var tags []language.Tag
	want, known := familyOf(def)
	for i, tag := range among {
		if f, ok := familyOf(tag); known && ok && f == want {
			indices, tags = append(indices, i), append(tags, tag)
		}
	}
	if len(tags) == 0 {
		return 0
	}
	_, i, _ := language.NewMatcher(tags).Match(def)
	return indices[i]
}

// CheckDefault returns an error for a default language that is neither one of
// [Languages] nor of the family of one.
func CheckDefault(tag language.Tag) error {
	f, ok := familyOf(tag)
	if _, found := NewMatcher(Tags(), language.English).find(f); !ok || !found {
		return fmt.Errorf("%v is neither one of the languages of this package nor a variety of one", tag)
	}
	return nil
}

// find returns the index of the group of a family.
func (m Matcher) find(f family) (int, bool) {
	for i, g := range m.groups {
		if g.family == f {
			return i, true
		}
	}
	return 0, false
}

// Match returns the index of a language in the list that [NewMatcher] got. The
// person's own language, locale, comes first. Then come the languages that the
// request asked for, an Accept-Language field, in the order of their weights.
// The default comes last. So whoever asks for somebody else's reset can choose
// the language only if the person has not chosen one.
//
// Languages are chosen family by family. A list that wants British English most
// gets English, although French stands in it before the plain "en". The list is
// read as npm's negotiator does if only the families were written in it, also
// where weights are equal.
func (m Matcher) Match(locale, languages string) int {
	own, known := parseLocale(locale)
	if known {
		if i, ok := m.find(own.family); ok {
			return m.groups[i].choose(own.tag)
		}
	}
	list := parseLanguages(languages)
	settleScripts(list, own)
	var best wish
	index := m.fallback
	for _, g := range m.groups {
		if w := wishFor(g.family, list); w.weight > 0 && w.before(best) {
			best, index = w, g.indices[0]
			if w.named {
				index = g.choose(w.tag)
			}
		}
	}
	return index
}

// choose returns the index of the language in the group that is closest to tag.
func (g group) choose(tag language.Tag) int {
	_, i, _ := g.closest.Match(tag)
	return g.indices[i]
}

// A wish says how much a list wants a family.
type wish struct {
	weight float64
	named  bool // and not merely meant by "*"
	place  int  // of the last of the ranges with that weight
	tag    language.Tag
}

// wishFor returns what a list says of a family. Of several ranges of the family,
// the ones with the largest weight count. If another family has the same weight,
// RFC 9110 leaves it open which comes first. Here their last places decide, as
// with npm's negotiator, so that a page and a mail agree with a site on Node.
func wishFor(f family, list []listed) wish {
	var w wish
	found := false
	for _, l := range list {
		named := !l.any && l.family == f
		switch {
		case !named && !l.any, w.named && !named: // says nothing of this family
		case !found, named && !w.named, l.weight > w.weight:
			w, found = wish{l.weight, named, l.place, l.tag}, true
		case l.weight == w.weight:
			w.place = l.place
		}
	}
	return w
}

// before reports whether w is wanted more than other.
func (w wish) before(other wish) bool {
	switch {
	case w.weight != other.weight:
		return w.weight > other.weight
	case w.named != other.named:
		return w.named
	}
	return w.place < other.place
}
