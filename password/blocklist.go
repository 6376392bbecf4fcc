package password

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/ccojocar/zxcvbn-go/data"
)

// shortUnit is a length in code points. A password that repeats a shorter unit
// is refused even if the unit is not common, because it is no harder to guess
// than the unit, which is shorter than the 8 code points that any password
// needs (ASVS v5.0.0-6.2.1).
const shortUnit = 8

// freePadding is how many digits, punctuation marks and symbols around a common
// password, all together, are regarded as adding nothing. That is enough for a
// date, or a year and a few exclamation marks. More characters are regarded so
// only if they form a pattern.
const freePadding = 8

// weak is the reason why a password counts as common, as text for the person,
// or "".
type weak string

const (
	weakListed   weak = "This is one of the passwords that attackers try first. Choose one that is not in common use, such as several unrelated words."
	weakRun      weak = "This password is a plain run of letters or digits. Choose one that does not follow an order, such as several unrelated words."
	weakWalk     weak = "This password follows the keys of a keyboard. Choose one that does not, such as several unrelated words."
	weakRepeated weak = "This password repeats something short or common. Choose one that does not, such as several unrelated words."
	weakPadded   weak = "This password is a common one with digits or signs added. Choose one that is not in common use, such as several unrelated words."
)

// commonPasswords returns the list of zxcvbn, folded. It reads the library's
// asset and does not import the library's package frequency, which would parse
// all five lists whenever the program starts.
var commonPasswords = sync.OnceValues(func() (map[string]struct{}, error) {
	var list struct{ List []string }
	if err := readAsset("data/Passwords.json", &list); err != nil {
		return nil, err
	}
	set := make(map[string]struct{}, len(list.List))
	for _, s := range list.List {
		set[fold(s)] = struct{}{}
	}
	return set, nil
})

func readAsset(name string, v any) error {
	b, err := data.Asset(name)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return fmt.Errorf("password: reading %s of zxcvbn: %w", name, err)
	}
	return nil
}

// weakness returns why a folded password is common, as [Policy.Check]
// documents.
func weakness(folded string) weak {
	if why := weaknessOf([]rune(folded)); why != "" {
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
		return weaknessOf([]rune(compact))
	}
	return ""
}

// weaknessOf calls itself with shorter parts of s, at most once for each. So
// its time is at most quadratic in the length of a password.
func weaknessOf(s []rune) weak {
	switch {
	case isListed(s):
		return weakListed
	case isRun(s) || isCount(s):
		return weakRun
	case isWalk(s) || isInterleaved(s):
		return weakWalk
	}
	if p := period(s); p < len(s) {
		if p < shortUnit && len(s) >= 2*p || weaknessOf(s[:p]) != "" {
			return weakRepeated
		}
	}
	if left, core, right := splitPadding(s); len(core) > 0 && len(core) < len(s) &&
		padding(left)+padding(right) <= freePadding && weaknessOf(core) != "" {
		return weakPadded
	}
	return ""
}

func isListed(s []rune) bool {
	list, _ := commonPasswords() // NewPolicy has reported an error
	_, listed := list[string(s)]
	return listed
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

// padding returns how many characters of freePadding s uses: none if s is a
// pattern. Separators do not count, so a date has 8 characters with or without
// them.
func padding(s []rune) int {
	s = slices.DeleteFunc(slices.Clone(s), isSeparator)
	if p := period(s); p < shortUnit && len(s) >= 2*p || isRun(s) || isCount(s) || isWalk(s) {
		return 0
	}
	return len(s)
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
