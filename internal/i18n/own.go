package i18n

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// argument matches an argument in a sentence.
var argument = regexp.MustCompile(`%\[([1-9])\][sd]`)

// arguments returns the numbers of the arguments that a sentence has. It returns
// false for a sentence with any other verb.
func arguments(text string) (numbers []string, ok bool) {
	text = strings.ReplaceAll(text, "%%", "")
	found := map[string]bool{}
	for _, m := range argument.FindAllStringSubmatch(text, -1) {
		found[m[1]] = true
	}
	return slices.Sorted(maps.Keys(found)), !strings.Contains(argument.ReplaceAllString(text, ""), "%")
}

// CheckText returns an error for a text that cannot stand for the sentence with that
// key: both must have the same arguments.
func (t *Translator) CheckText(key, text string) error {
	if !t.keys[key] {
		return errors.New("is no sentence of this package")
	}
	original, ok := t.sentences[key]
	if !ok {
		return errors.New("has plural forms, so it cannot be replaced")
	}
	want, _ := arguments(original)
	got, ok := arguments(text)
	if !ok || !slices.Equal(got, want) {
		return fmt.Errorf("must have the arguments of %q, and no other verb", original)
	}
	return nil
}
