package password

import "sync"

// keyboard is the layout of one keyboard: which keys are neighbours.
type keyboard struct {
	key   map[rune]int    // the number of a key, by each of its characters
	touch map[[2]int]bool // pairs of keys that are neighbours

	// strokes says that a walk may consist of several paths. It is false for
	// number pads.
	strokes bool
}

// keyboards returns the layouts of zxcvbn. A layout that cannot be read has no
// keys. NewPolicy reports such an error, because it reads the list of common
// passwords from the same place.
var keyboards = sync.OnceValue(func() []keyboard {
	return []keyboard{
		newKeyboard("data/Qwerty.json", false),
		newKeyboard("data/Dvorak.json", false),
		newKeyboard("data/Keypad.json", true),
		newKeyboard("data/MacKeypad.json", true),
	}
})

// newKeyboard reads a layout. On a number pad each key has many neighbours
// among few keys, so random digits often follow them. Therefore a walk there is
// one path, and no step of it is diagonal. Otherwise one in 500 passwords of 15
// random digits would be refused.
func newKeyboard(asset string, isPad bool) keyboard {
	// The layout names a neighbour by the characters of its key, "qQ". null
	// stands for the edge of the keyboard.
	var layout struct{ Graph map[string][]string }
	if err := readAsset(asset, &layout); err != nil {
		return keyboard{}
	}
	k := keyboard{key: map[rune]int{}, touch: map[[2]int]bool{}, strokes: !isPad}
	keys := map[string]int{}
	for _, neighbours := range layout.Graph {
		for _, key := range neighbours {
			if _, known := keys[key]; known || key == "" {
				continue
			}
			keys[key] = len(keys)
			for _, r := range key {
				k.key[r] = keys[key]
			}
		}
	}
	for from, neighbours := range layout.Graph {
		for _, r := range from {
			for direction, key := range neighbours {
				isDiagonal := direction%2 == 1 // on a number pad
				if key != "" && !(isPad && isDiagonal) {
					k.touch[[2]int{k.key[r], keys[key]}] = true
				}
			}
		}
	}
	return k
}

// isWalk reports whether s follows the keys of one keyboard. That is one path
// of at least four keys, or several strokes of at least three keys, with at
// least eight keys in all. A stroke is a path. The last one may be cut off.
//
// Strokes need not be neighbours: "qwertyuiop" is followed by "asdfghjkl",
// "1qaz" by "2wsx", "asdf" by "jkl;". Attackers try all of these. English words
// do not follow the keys of a keyboard for more than two letters or so.
func isWalk(s []rune) bool {
	if isPath(s) {
		return true
	}
	if len(s) < 8 {
		return false
	}
	for _, k := range keyboards() {
		if k.strokes && k.inStrokes(s) {
			return true
		}
	}
	return false
}

// isPath reports whether s is one path of at least four keys of one keyboard.
// Each key of a path is a neighbour of the key before, or the same key.
func isPath(s []rune) bool {
	if len(s) < 4 {
		return false
	}
	for _, k := range keyboards() {
		if k.stroke(s) == len(s) {
			return true
		}
	}
	return false
}

func (k keyboard) inStrokes(s []rune) bool {
	for len(s) > 0 {
		n := k.stroke(s)
		if n == 0 || n < 3 && n < len(s) {
			return false
		}
		s = s[n:]
	}
	return true
}

// stroke returns how many keys at the beginning of s form a path. It is 0 if
// the first key is not on the keyboard.
func (k keyboard) stroke(s []rune) int {
	last, ok := k.key[s[0]]
	if !ok {
		return 0
	}
	for i, r := range s[1:] {
		next, ok := k.key[r]
		if !ok || next != last && !k.touch[[2]int{last, next}] {
			return i + 1
		}
		last = next
	}
	return len(s)
}
