package recoverytest

import "strings"

// excerpt is how much of a long text a failure shows beside what matters.
const excerpt = 120

// difference returns where two texts begin to differ.
func difference(a, b string) (inA, inB string) {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	from := max(0, i-excerpt/2)
	return a[from:min(len(a), i+excerpt)], b[from:min(len(b), i+excerpt)]
}

// around returns what stands around a word of a text.
func around(text, word string) string {
	i := strings.Index(text, word)
	return text[max(0, i-excerpt):min(len(text), i+len(word)+excerpt)]
}
