package password

import (
	"slices"
	"strings"
	"unicode"
)

// shortUnit is a length in code points. A password that repeats a shorter unit
// is refused even if the unit is not common, because it is no harder to guess
// than the unit, which is shorter than the 8 code points that any password
// needs (ASVS v5.0.0-6.2.1).
const shortUnit = 8

// freePadding is how many digits, punctuation marks and symbols around a common
// password, all together, are regarded as adding nothing. That is enough for a
// date and an exclamation mark. More characters are regarded so only if they
// form a pattern. Where there are others, a word with substitutions uses one
// more.
const freePadding = 9

// yearPadding replaces freePadding where the common part has at most shortWord
// characters. That is enough for a year. With more, too many random digits with
// a few letters in between would be refused.
const (
	yearPadding = 4
	shortWord   = 4
)

// weak is the reason why a password counts as common, as text for the person,
// or "".
type weak string

const (
	weakListed   weak = "This is a word, a name or a password that attackers try first. Choose one that is not in common use, such as several unrelated words."
	weakRun      weak = "This password is a plain run of letters or digits. Choose one that does not follow an order, such as several unrelated words."
	weakWalk     weak = "This password follows the keys of a keyboard. Choose one that does not, such as several unrelated words."
	weakRepeated weak = "This password repeats something short or common. Choose one that does not, such as several unrelated words."
	weakPadded   weak = "This password is a word, a name or a common password with digits or signs added. Choose one that is not in common use, such as several unrelated words."
)

// weakness returns why a folded password is common, as [Policy.Check]
// documents.
func weakness(folded string) weak {
	if why := weaknessOf([]rune(folded), freePadding); why != "" {
		return why
	}
	// Try the password without separators too, if at least half of it is left.
	compact := strings.Map(func(r rune) rune {
		if isSeparator(r) {
			return -1
		}
		return r
	}, folded)
	if compact != folded && 2*len(compact) >= len(folded) {
		return weaknessOf([]rune(compact), freePadding)
	}
	return ""
}

// weaknessOf returns why s is common. At most free characters of padding are
// regarded as adding nothing.
func weaknessOf(s []rune, free int) weak {
	if why := listedWeakness(s, free); why != "" {
		return why
	}
	return patternWeakness(s, free)
}

// listedWeakness returns why s is common if it consists of one word of the
// dictionary, once or more often, and trivial padding. The word may be spelled
// with substitutions, each time with others.
func listedWeakness(s []rune, free int) weak {
	d, err := loadDictionary()
	if err != nil {
		return "" // NewPolicy has reported the error
	}
	// A word begins with the first letter, or with digits or signs before it
	// that stand for letters. Only a listed number has no letter.
	first := slices.IndexFunc(s, func(r rune) bool { return !isPadding(r) })
	if first < 0 {
		first = max(0, slices.IndexFunc(s, isDigit))
	}
	for begin := max(0, first+1-d.longest); begin <= first; begin++ {
		for _, word := range d.prefixes(s[begin:]) {
			if why := d.onlyWord(s, begin, word, free); why != "" {
				return why
			}
		}
	}
	return ""
}

// onlyWord returns why s is common if it consists of word, which stands at
// begin and may follow again, and trivial padding.
func (d *dictionary) onlyWord(s []rune, begin int, word string, free int) weak {
	times, used := d.repetitions(s, begin, word)
	if used > 0 && string(s[begin:begin+len(word)]) != word {
		used++
	}
	if len(word) <= shortWord {
		free = min(free, yearPadding)
	}
	switch {
	case times == 0 || used > free:
		return ""
	case times > 1:
		return weakRepeated
	case len(s) > len(word):
		return weakPadded
	}
	return weakListed
}

// repetitions returns how often word stands in s, which has it at begin and
// padding before, and how much padding is around and between. The last
// repetition may be cut off. The word counts as standing there 0 times if there
// is anything else in s.
//
// A listed number, such as "159753", must stand among signs, because any digits
// are likely to contain one.
func (d *dictionary) repetitions(s []rune, begin int, word string) (times, used int) {
	end := begin + len(word) // of the last repetition so far
	isNumber := allPadding(s[begin:end])
	if isNumber && slices.ContainsFunc(s[:begin], isDigit) {
		return 0, 0
	}
	times, used = 1, padding(s[:begin])
	for i := end; i < len(s); {
		rest := s[i:]
		n := min(len(word), len(rest))
		onlyPadding := n < len(word) && !isNumber && allPadding(rest)
		switch {
		case !onlyPadding && d.matches(rest[:n], word[:n]):
			used += padding(s[end:i])
			times++
			i += n
			end = i
		case isPadding(s[i]) && !(isNumber && isDigit(s[i])):
			i++
		default:
			return 0, 0
		}
	}
	return times, used + padding(s[end:])
}

// patternWeakness returns why s is common if it is a run or a walk, or repeats
// something short or common, or consists of one of these and trivial padding.
// It calls itself with parts of s that are a third shorter, or have no padding.
// So its time is not much more than proportional to the length of a password.
func patternWeakness(s []rune, free int) weak {
	switch {
	case isRun(s) || isCount(s):
		return weakRun
	case isWalk(s) || isInterleaved(s):
		return weakWalk
	}
	if p := period(s); p < shortUnit && len(s) >= 2*p || 2*len(s) >= 3*p && weaknessOf(s[:p], free) != "" {
		return weakRepeated
	}
	left, core, right := splitPadding(s)
	if len(core) <= shortWord {
		free = min(free, yearPadding)
	}
	free -= padding(left) + padding(right)
	if len(core) > 0 && len(core) < len(s) && free >= 0 && patternWeakness(core, free) != "" {
		return weakPadded
	}
	return ""
}

// splitPadding splits s into padding, core and padding. The core begins and
// ends with a letter, and is empty if s contains none.
func splitPadding(s []rune) (left, core, right []rune) {
	i, j := 0, len(s)
	for i < j && isPadding(s[i]) {
		i++
	}
	for j > i && isPadding(s[j-1]) {
		j--
	}
	return s[:i], s[i:j], s[j:]
}

// padding returns how many characters of freePadding s uses. Digits and signs
// in a row use none if they form a pattern, as in "@12345678901!!!". Separators
// do not count, so a date has 8 characters with or without them.
func padding(s []rune) int {
	s = slices.DeleteFunc(slices.Clone(s), isSeparator)
	if isPattern(s) {
		return 0
	}
	used := 0
	for len(s) > 0 {
		n := 1
		for n < len(s) && isDigit(s[n]) == isDigit(s[0]) {
			n++
		}
		if !isPattern(s[:n]) {
			used += n
		}
		s = s[n:]
	}
	return used
}

func isPattern(s []rune) bool {
	p := period(s)
	return p < shortUnit && len(s) >= 2*p || isRun(s) || isCount(s) || isWalk(s)
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func allPadding(s []rune) bool {
	return !slices.ContainsFunc(s, func(r rune) bool { return !isPadding(r) })
}

// isPadding reports whether r is a digit, punctuation, a symbol, a space or a
// control character.
func isPadding(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }

func isSeparator(r rune) bool { return r == ' ' || r == '-' || r == '_' || r == '.' }

// period returns the length of the shortest prefix of s of which s is a
// repetition. The last repetition may be cut off. It returns len(s) if s
// repeats nothing. It uses the failure function of Knuth, Morris and Pratt.
func period(s []rune) int {
	if len(s) == 0 {
		return 0
	}
	border := make([]int, len(s)) // border[i] is that of s[:i+1]
	for i, k := 1, 0; i < len(s); i++ {
		for k > 0 && s[i] != s[k] {
			k = border[k-1]
		}
		if s[i] == s[k] {
			k++
		}
		border[i] = k
	}
	return len(s) - border[len(s)-1]
}
