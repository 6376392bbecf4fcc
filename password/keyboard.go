package password

import "sync"

// keyboard is the layout of one keyboard: which keys touch.
type keyboard struct {
	key   map[rune]int // by either character of the key
	touch map[[2]int]bool

	// strokes says that a walk may lift the hand between strokes. Number pads
	// have few keys and many neighbours: of random digits, one password in
	// thirty would be refused.
	strokes bool
}

// keyboards returns the layouts of zxcvbn. A layout that cannot be read has no
// keys, and commonPasswords, which comes from the same place, has reported it.
var keyboards = sync.OnceValue(func() []keyboard {
	return []keyboard{
		newKeyboard("data/Qwerty.json", true),
		newKeyboard("data/Dvorak.json", true),
		newKeyboard("data/Keypad.json", false),
		newKeyboard("data/MacKeypad.json", false),
	}
})

func newKeyboard(asset string, strokes bool) keyboard {
	// Neighbours are named by the characters of their key, "qQ"; null is the
	// edge of the keyboard.
	var layout struct{ Graph map[string][]string }
	if err := readAsset(asset, &layout); err != nil {
		return keyboard{}
	}
	k := keyboard{key: map[rune]int{}, touch: map[[2]int]bool{}, strokes: strokes}
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
			for _, key := range neighbours {
				if key != "" {
					k.touch[[2]int{k.key[r], keys[key]}] = true
				}
			}
		}
	}
	return k
}

// isWalk reports whether s is typed by walking over one keyboard: along a path
// of at least four keys, or in strokes of at least three keys, the last of which
// may be cut off, over at least eight keys together.
//
// Strokes need not be neighbours. "qwertyuiop" goes on with "asdfghjkl",
// "1qaz" with "2wsx", "asdf" with "jkl;", and somebody who attacks tries them
// all. English is no such thing: its letters touch in pairs at best.
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

// isPath reports whether s is one path of at least four keys of one keyboard,
// each touching the one before or being the same.
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

// stroke returns how many keys of s, from its beginning, form a path: 0 if the
// first is not on the keyboard.
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
