package i18n

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/text/language"
)

// How many bytes are read of a tag and of an Accept-Language field. A field
// that an attacker fills must not cost more than another (A14).
const (
	maxLocale    = 64
	maxLanguages = 512
)

// A family is what the readers of one of its languages can all read: one base
// language in one script. So Chinese is two families, and nobody who reads
// traditional characters gets simplified ones. A language that merely resembles
// another, as Galician resembles Spanish, is a family of its own: which one its
// reader prefers stands in the list.
type family struct {
	base   language.Base
	script language.Script
}

// macro has the languages that belong to a macrolanguage (ISO 639-3), share its
// written form, and are not replaced by x/text.
var macro = map[language.Base]language.Base{
	language.MustParseBase("nn"):  language.MustParseBase("no"),
	language.MustParseBase("yue"): language.MustParseBase("zh"),
}

// familyOf returns the family of a tag. A tag without a script has that in which
// its language is most often written in its region. It is false for a tag without
// a language.
func familyOf(tag language.Tag) (family, bool) {
	// Macro replaces nb by no, cmn by zh and arb by ar.
	if t, err := (language.Default | language.Macro).Canonicalize(tag); err == nil {
		tag = t
	}
	base, _, _ := tag.Raw() // Base would guess a language from a region
	if base == (language.Base{}) {
		return family{}, false
	}
	script, _ := tag.Script()
	if whole, ok := macro[base]; ok {
		base = whole
	}
	return family{base, script}, true
}

// A listed is one range of an Accept-Language field, or the person's own tag.
type listed struct {
	tag    language.Tag
	family family
	base   language.Base // as in tag
	bare   bool          // tag has neither script nor region
	any    bool          // the range "*"
	weight float64
	place  int
}

// parseLocale reads a BCP 47 tag. It also reads a POSIX locale such as
// de_DE.UTF-8, because user stores hold those too.
func parseLocale(s string) (listed, bool) {
	if i := strings.IndexAny(s, ".@"); i >= 0 {
		s = s[:i]
	}
	if s == "" || len(s) > maxLocale {
		return listed{}, false
	}
	return parseTag(s)
}

// parseTag reads a BCP 47 tag. It drops a part that is well formed but unknown,
// such as a new region.
func parseTag(s string) (listed, bool) {
	tag, err := language.Parse(s)
	if _, unknown := errors.AsType[language.ValueError](err); err != nil && !unknown {
		return listed{}, false
	}
	f, ok := familyOf(tag)
	base, script, region := tag.Raw()
	return listed{tag: tag, family: f, base: base, bare: script == (language.Script{}) && region == (language.Region{})}, ok
}

// parseLanguages reads an Accept-Language field (RFC 9110, section 12.5.4). It
// leaves out a range that does not parse. [language.ParseAcceptLanguage] is not
// used, because it returns no ranges with the weight 0 and reads no "Q".
func parseLanguages(s string) []listed {
	if len(s) > maxLanguages {
		s = s[:maxLanguages]
		s = s[:max(0, strings.LastIndexByte(s, ','))]
	}
	var list []listed
	for part := range strings.SplitSeq(s, ",") {
		name, params, _ := strings.Cut(part, ";")
		weight, ok := parseWeight(params)
		if !ok {
			continue
		}
		name = strings.Trim(name, " \t")
		l := listed{any: true}
		if name != "*" {
			if l, ok = parseTag(name); !ok {
				continue
			}
		}
		l.weight, l.place = weight, len(list)
		list = append(list, l)
	}
	return list
}

// parseWeight reads the parameters of a range. The weight is 1 if there is none.
func parseWeight(params string) (float64, bool) {
	weight := 1.0
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.Trim(name, " \t"), "q") {
			continue
		}
		var err error
		weight, err = strconv.ParseFloat(strings.Trim(value, " \t"), 64)
		if err != nil || !(weight >= 0 && weight <= 1) { // also not a number
			return 0, false
		}
	}
	return weight, true
}

// settleScripts gives a range without script and region the script of the ranges
// of its language that have one, of the most wanted of them. Browsers write
// "zh-TW,zh;q=0.9,en;q=0.8", and that "zh" alone would mean simplified characters.
// The person's own tag goes before the list.
func settleScripts(list []listed, own listed) {
	own.weight = 2
	for i, l := range list {
		if !l.bare {
			continue
		}
		best := listed{}
		prefer := func(other listed) {
			if other.base == l.base && !other.bare && other.weight > best.weight {
				best = other
			}
		}
		prefer(own)
		for _, other := range list {
			prefer(other)
		}
		if best.weight > 0 {
			list[i].family = best.family
		}
	}
}
