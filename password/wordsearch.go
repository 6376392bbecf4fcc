package password

import "slices"

// isOnly reports whether a folded password is nothing but words, at least one
// of them from primary, in any number and order, with trivial padding around
// and between them. From the second word on, the last word may be cut off:
// "acmeacmeacmeacm".
func isOnly(folded string, primary, secondary []word) bool {
	if len(primary) == 0 {
		return false
	}
	return newWordSearch([]rune(folded), primary, secondary).run()
}

// A wordSearch splits a password into words and padding. It goes through the
// password from left to right. For each position and each wordState it keeps
// the least padding with which the position can be reached. So its time is
// bounded by the length of the password times the length of all words.
type wordSearch struct {
	password           []rune
	primary, secondary []word
	// tail is where the padding at the end of the password begins.
	tail int
	// ends[i] is for a word that ends at position i, and gaps[i] is for a
	// position i in the padding behind a word.
	ends, gaps []paddingCosts
}

// A wordState says which words a part of the password consists of.
type wordState int

const (
	oneSecondary      wordState = iota // one word, from secondary
	severalSecondary                   // two words or more, all from secondary
	onePrimary                         // one word, from primary
	severalAndPrimary                  // two words or more, one from primary at least

	wordStates = 4
)

func firstWord(isPrimary bool) wordState {
	if isPrimary {
		return onePrimary
	}
	return oneSecondary
}

// nextWord returns the state after a further word.
func (s wordState) nextWord(isPrimary bool) wordState {
	if isPrimary || s.hasPrimary() {
		return severalAndPrimary
	}
	return severalSecondary
}

func (s wordState) hasPrimary() bool { return s == onePrimary || s == severalAndPrimary }

// paddingCosts is the least padding for each [wordState].
type paddingCosts [wordStates]int

// unreachable is more padding than is allowed.
const unreachable = freePadding + 1

func (c *paddingCosts) lower(state wordState, cost int) { c[state] = min(c[state], cost) }

func newWordSearch(password []rune, primary, secondary []word) *wordSearch {
	w := &wordSearch{
		password: password, primary: primary, secondary: secondary,
		tail: len(password),
		ends: make([]paddingCosts, len(password)+1),
		gaps: make([]paddingCosts, len(password)+1),
	}
	for w.tail > 0 && isPadding(password[w.tail-1]) {
		w.tail--
	}
	for i := range w.ends {
		for state := range w.ends[i] {
			w.ends[i][state], w.gaps[i][state] = unreachable, unreachable
		}
	}
	return w
}

func (w *wordSearch) run() bool {
	onlyPadding := true // whether everything before i is padding
	for i := 0; i <= len(w.password); i++ {
		if w.isDone(i) {
			return true
		}
		costs, reachable := w.costsAt(i)
		if reachable {
			w.addPadding(i, costs)
		}
		if reachable || onlyPadding {
			w.addWords(i, costs, onlyPadding)
		}
		onlyPadding = onlyPadding && i < len(w.password) && isPadding(w.password[i])
	}
	return false
}

// isDone reports whether position i can be reached and the rest of the password
// is padding, or the beginning of one more word.
func (w *wordSearch) isDone(i int) bool {
	rest := w.password[i:]
	if i >= w.tail {
		for _, state := range []wordState{onePrimary, severalAndPrimary} {
			if cost := w.ends[i][state]; cost < unreachable && cost+padding(rest) <= freePadding {
				return true
			}
		}
	}
	cost := min(w.ends[i][severalAndPrimary], w.gaps[i][severalAndPrimary])
	return cost < unreachable && (isCutOff(rest, w.primary) || isCutOff(rest, w.secondary))
}

// costsAt returns the least padding for each state at position i, and whether
// the position can be reached at all.
func (w *wordSearch) costsAt(i int) (costs paddingCosts, reachable bool) {
	for state := range costs {
		costs[state] = min(w.ends[i][state], w.gaps[i][state])
		reachable = reachable || costs[state] < unreachable
	}
	return costs, reachable
}

// addPadding continues with the character at position i, if it is padding.
func (w *wordSearch) addPadding(i int, costs paddingCosts) {
	if i == len(w.password) || !isPadding(w.password[i]) {
		return
	}
	price := 1
	if isJoint(w.password[i]) {
		price = 0
	}
	for state, cost := range costs {
		if cost < unreachable {
			w.gaps[i+1].lower(wordState(state), cost+price)
		}
	}
}

// addWords continues with each word that begins at position i. It is the first
// word if everything before is padding.
func (w *wordSearch) addWords(i int, costs paddingCosts, onlyPadding bool) {
	rest := w.password[i:]
	add := func(words []word, isPrimary bool) {
		for _, candidate := range words {
			n := candidate.match(rest)
			if n == 0 {
				continue
			}
			end := &w.ends[i+n]
			if onlyPadding {
				end.lower(firstWord(isPrimary), padding(w.password[:i]))
			}
			for state, cost := range costs {
				end.lower(wordState(state).nextWord(isPrimary), cost)
			}
		}
	}
	add(w.primary, true)
	add(w.secondary, false)
}

// isCutOff reports whether s is the beginning of one of the words, and not the
// whole of it.
func isCutOff(s []rune, words []word) bool {
	return slices.ContainsFunc(words, func(w word) bool {
		return len(s) < len(w) && slices.Equal(s, w[:len(s)])
	})
}
