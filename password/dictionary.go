package password

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/ccojocar/zxcvbn-go/data"
)

// dictionaryAssets are the lists of zxcvbn. Passwords.json alone is not enough:
// it leaves out what stands in the others, such as "michael" and "jennifer",
// which are among the hundred most frequent passwords.
var dictionaryAssets = []string{
	"data/Passwords.json",
	"data/English.json",
	"data/FemaleNames.json",
	"data/MaleNames.json",
	"data/Surnames.json",
}

// A dictionary holds the words that attackers try first: common passwords,
// English words, first names and surnames. All words are folded, and consist of
// ASCII characters.
//
// The words stand in one sorted text, because a map of so many short strings
// takes four times the memory, and cannot be searched for words of which a
// character is not certain.
type dictionary struct {
	text string
	ends []uint32 // where each word ends in text

	longest int // the length of the longest word

	// letters returns the letters that a digit or sign may stand for: "il" for
	// '1'.
	letters map[rune]string
}

// loadDictionary reads the lists when it is first called. It reads the assets
// of the library and does not import the library's package frequency, which
// would parse all lists whenever the program starts.
var loadDictionary = sync.OnceValues(readDictionary)

func readDictionary() (*dictionary, error) {
	words := make([]string, 0, 93_000) // as many as there are, some of them twice
	var list struct{ List []string }
	for _, asset := range dictionaryAssets {
		if err := readAsset(asset, &list); err != nil {
			return nil, err
		}
		for _, word := range list.List {
			words = append(words, fold(word))
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)

	d := &dictionary{
		text:    strings.Join(words, ""),
		ends:    make([]uint32, len(words)),
		letters: map[rune]string{},
	}
	end := 0
	for i, word := range words {
		end += len(word)
		d.ends[i] = uint32(end)
		d.longest = max(d.longest, len(word))
	}

	var substitutions struct{ Graph map[string][]string }
	if err := readAsset("data/L33t.json", &substitutions); err != nil {
		return nil, err
	}
	for letter, signs := range substitutions.Graph {
		for _, sign := range signs {
			d.letters[[]rune(sign)[0]] += letter
		}
	}
	return d, nil
}

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

func (d *dictionary) word(i int) string {
	begin := uint32(0)
	if i > 0 {
		begin = d.ends[i-1]
	}
	return d.text[begin:d.ends[i]]
}

// stands reports whether r is c, or a digit or sign in place of the letter c.
func (d *dictionary) stands(r rune, c byte) bool {
	return r == rune(c) || strings.IndexByte(d.letters[r], c) >= 0
}

// matches reports whether s is spelled like word, perhaps with substitutions.
func (d *dictionary) matches(s []rune, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i, r := range s {
		if !d.stands(r, word[i]) {
			return false
		}
	}
	return true
}

// prefixes returns all words that s begins with, perhaps with substitutions.
func (d *dictionary) prefixes(s []rune) []string {
	return d.appendPrefixes(nil, s, 0, 0, len(d.ends))
}

// appendPrefixes appends those of the words from low to high, which all have
// the same first depth characters. So it visits no more prefixes than the
// dictionary has, however many ways there are to read s.
func (d *dictionary) appendPrefixes(found []string, s []rune, depth, low, high int) []string {
	if low < high && len(d.word(low)) == depth {
		found = append(found, d.word(low))
		low++
	}
	if low == high || depth == len(s) {
		return found
	}
	r := s[depth]
	if r < 0x80 {
		from, to := d.narrow(low, high, depth, byte(r))
		found = d.appendPrefixes(found, s, depth+1, from, to)
	}
	for _, letter := range []byte(d.letters[r]) {
		from, to := d.narrow(low, high, depth, letter)
		found = d.appendPrefixes(found, s, depth+1, from, to)
	}
	return found
}

// narrow returns which of the words from low to high have c at position depth.
// All of these words are longer than depth, and have the same characters before
// it.
func (d *dictionary) narrow(low, high, depth int, c byte) (from, to int) {
	from = low + sort.Search(high-low, func(i int) bool { return d.word(low + i)[depth] >= c })
	to = from + sort.Search(high-from, func(i int) bool { return d.word(from + i)[depth] > c })
	return from, to
}
