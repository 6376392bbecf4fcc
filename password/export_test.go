package password

import (
	"context"
	"io/fs"
	"strings"
)

// CheapArgon2id returns a hasher below the minimum cost, for tests in which the
// cost does not matter.
func CheapArgon2id(opts Argon2idOptions) *Argon2id {
	opts = opts.withDefaults()
	opts.Memory, opts.Time = 64, 1
	return newArgon2id(opts)
}

// CheapBcrypt returns a hasher below the minimum cost, for tests in which the
// cost does not matter.
func CheapBcrypt() *Bcrypt {
	return newBcrypt(BcryptOptions{Cost: 4, MaxConcurrent: 2, MaxWaiting: 8, MaxWait: defaultGateWait})
}

// OccupyAll uses all slots, leaves no room to wait, and returns a function that
// undoes both.
func (b *Bcrypt) OccupyAll() (release func()) {
	for range cap(b.gate.slots) {
		b.gate.slots <- struct{}{}
	}
	room := b.gate.maxWaiting
	b.gate.maxWaiting = 0
	return func() {
		b.gate.maxWaiting = room
		for range cap(b.gate.slots) {
			<-b.gate.slots
		}
	}
}

// MemoryLimit reads the limit of the control group below root.
func MemoryLimit(root fs.FS) (uint64, bool) { return memoryLimit(root) }

// SlotsIn returns how many hashes would run at once on so many cores.
func SlotsIn(root fs.FS, cores int, opts Argon2idOptions) int {
	byDefault := opts.MaxConcurrent == 0
	opts = opts.withDefaults()
	if byDefault {
		opts.MaxConcurrent = cores
	}
	opts.fitMemory(root, byDefault)
	return opts.MaxConcurrent
}

// Occupy uses n slots, as n hashes would, and returns a function that frees
// them.
func (a *Argon2id) Occupy(n int) (release func()) {
	for range n {
		a.gate.slots <- struct{}{}
	}
	return func() {
		for range n {
			<-a.gate.slots
		}
	}
}

// Enter waits for a slot as a hash would.
func (a *Argon2id) Enter(ctx context.Context) (leave func(), err error) {
	return a.gate.enter(ctx)
}

// Waiting returns how many callers wait for a slot.
func (a *Argon2id) Waiting() int { return int(a.gate.waiting.Load()) }

// ReencodePHC parses s and writes it again.
func ReencodePHC(s string) (string, error) {
	h, err := parsePHC(s)
	return h.String(), err
}

// CheckBcrypt reports whether Verify would compute the bcrypt hash s.
func CheckBcrypt(s string) error {
	_, err := parseBcrypt(s)
	return err
}

// CheckHash reports whether Verify would compute the hash s.
func CheckHash(s string) error {
	_, err := parseHash(s)
	return err
}

// CostOf returns what a guess at the hash s takes: KiB of memory, and passes
// over them, or rounds if there is no memory to speak of.
func CostOf(s string) (memory, passes uint64, err error) {
	stored, err := parseHash(s)
	if err != nil {
		return 0, 0, err
	}
	switch h := stored.(type) {
	case phc:
		return uint64(h.cost.memory), uint64(h.cost.time), nil
	case scryptHash:
		return uint64(h.cost.n) * uint64(h.cost.r) / 8, uint64(h.cost.p), nil
	case firebaseHash:
		return uint64(h.cost.n) * uint64(h.cost.r) / 8, uint64(h.cost.p), nil
	case pbkdf2Hash:
		size := h.cost.newDigest()().Size()
		return 0, uint64(h.cost.rounds) * uint64((len(h.tag)+size-1)/size), nil
	}
	return 0, 0, nil // bcrypt, whose cost has a test of its own
}

// Weakness returns why password is common, "" if it is not.
func Weakness(password string) string { return string(weakness(fold(password))) }

// DictionaryWords returns all words of the dictionary, sorted.
func DictionaryWords() ([]string, error) {
	d, err := loadDictionary()
	if err != nil {
		return nil, err
	}
	words := make([]string, len(d.ends))
	for i := range words {
		words[i] = d.word(i)
	}
	return words, nil
}

// A Dictionary is what the first NewPolicy loads.
type Dictionary = dictionary

// ReadDictionary reads the lists as the first NewPolicy does.
func ReadDictionary() (*Dictionary, error) { return readDictionary() }

// CountIn reads a range of hashes.
func CountIn(body, suffix string) (int, error) { return countIn(strings.NewReader(body), suffix) }
