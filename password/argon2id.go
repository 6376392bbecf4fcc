package password

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"golang.org/x/crypto/argon2"
)

const (
	saltLen = 16 // bytes; RFC 9106 section 4
	tagLen  = 32 // bytes; RFC 9106 section 4
)

// Argon2idOptions configures [NewArgon2id]. The zero value has the minimum cost
// that OWASP recommends, and uses all cores.
//
// The cost must reach one line of the table in ASVS v5.0.0 Appendix C: 46 MiB
// for one pass, 19 MiB for two, 12 MiB for three or more. It must also be
// within the bounds of a stored hash that Verify accepts: 256 MiB, 64 passes, 1
// GiB for memory times passes. RFC 9106's first choice of 2 GiB is not for
// servers on which the public can cause hashes.
type Argon2idOptions struct {
	_ [0]func()

	// Memory is the memory of one hash in KiB. Default 19,456 (19 MiB).
	Memory uint32

	// Time is the number of passes over the memory. Default 2.
	Time uint32

	// Parallelism is the number of lanes, 1 to 255. Default 1, because a server
	// uses its cores for several people at once.
	Parallelism uint8

	// MaxConcurrent is how many hashes run at once, Hash and Verify together, 1
	// to 4,096. They need this many times Memory, and about as much again until
	// the garbage is collected. Default GOMAXPROCS at the time of the call:
	// more hashes at once would need more memory and not finish sooner. If the
	// container's memory limit (cgroup v1 or v2) has no room for so many beside
	// 80 MiB for the rest of the program, the default is as many as fit.
	//
	// With the default, hashing can use every processor that Go uses. Then even
	// the cheapest request waits for the scheduler, 20 ms and more. A server
	// that must answer other requests meanwhile keeps GOMAXPROCS above
	// MaxConcurrent: on n cores, GOMAXPROCS at n+1 and MaxConcurrent at n cost
	// no throughput. The operating system switches between threads more often
	// than Go's scheduler does (measured: 0.3 ms instead of 25 at p99).
	MaxConcurrent int

	// MaxWaiting is how many callers may wait for a hash, 1 to 1,048,576. It
	// bounds the memory of their requests, some 20 KiB each. Default 2,048.
	MaxWaiting int

	// MaxWait is how long a caller waits at most. Default 10 s, at most a minute.
	// A caller that would wait longer, as hashes have taken lately, gets [ErrBusy]
	// at once. With 25 ms for a hash, 400 callers can wait for each of
	// MaxConcurrent: a class that resets its passwords in the same second.
	MaxWait time.Duration

	// Logger gets a line if the memory of the container is too small for
	// MaxConcurrent hashes. Default: [slog.Default].
	Logger *slog.Logger
}

// Argon2id is a [Hasher] that writes argon2id hashes (RFC 9106) as PHC strings
// with 16 bytes of salt and 32 of tag, 97 characters at the default cost. It
// hashes the normal form of passwords, and verifies argon2id and bcrypt hashes,
// and those of other programs that the documentation of the package lists.
// Make one with [NewArgon2id] and share it, because its bounds hold for its own
// callers only. It is safe for concurrent use.
type Argon2id struct {
	cost cost
	gate gate
}

var _ Hasher = (*Argon2id)(nil)

// NewArgon2id returns a hasher. The error joins one error for every mistake in
// opts.
func NewArgon2id(opts Argon2idOptions) (*Argon2id, error) {
	byDefault := opts.MaxConcurrent == 0
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	opts.fitMemory(os.DirFS("/"), byDefault)
	return newArgon2id(opts), nil
}

func newArgon2id(opts Argon2idOptions) *Argon2id {
	return &Argon2id{
		cost: cost{memory: opts.Memory, time: opts.Time, parallelism: opts.Parallelism},
		gate: newGate(opts.MaxConcurrent, opts.MaxWaiting, opts.MaxWait),
	}
}

func (o Argon2idOptions) withDefaults() Argon2idOptions {
	o.Memory = cmp.Or(o.Memory, 19*1024)
	o.Time = cmp.Or(o.Time, 2)
	o.Parallelism = cmp.Or(o.Parallelism, 1)
	o.MaxConcurrent = cmp.Or(o.MaxConcurrent, runtime.GOMAXPROCS(0))
	o.MaxWaiting = cmp.Or(o.MaxWaiting, defaultGateWaiting)
	o.MaxWait = cmp.Or(o.MaxWait, defaultGateWait)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func (o Argon2idOptions) validate() error {
	var errs []error
	mistake := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("password: Argon2idOptions."+format, args...))
	}
	// The minimum of Memory for three passes also holds for a Time that is too
	// large. So a mistake in Time is reported once, and not for Memory too.
	floor := uint32(12 * 1024)
	switch o.Time {
	case 1:
		floor = 46 * 1024
	case 2:
		floor = 19 * 1024
	}
	switch {
	case o.Memory < floor:
		mistake("Memory: %d KiB is too little for %d passes, use at least %d (ASVS v5.0.0 Appendix C)", o.Memory, o.Time, floor)
	case o.Memory > maxMemory:
		mistake("Memory: %d KiB is over %d", o.Memory, maxMemory)
	case o.Time <= maxTime && uint64(o.Memory)*uint64(o.Time) > maxWork:
		mistake("Memory: %d KiB times %d passes is over %d", o.Memory, o.Time, maxWork)
	}
	if o.Time > maxTime {
		mistake("Time: %d passes is over %d", o.Time, maxTime)
	}
	checkGate(mistake, o.MaxConcurrent, o.MaxWaiting, o.MaxWait)
	return errors.Join(errs...)
}

// Hash implements [Hasher]. It hashes the normal form of the password.
func (a *Argon2id) Hash(ctx context.Context, password string) (string, error) {
	normal, err := Normalize(password)
	if err != nil {
		return "", err
	}
	leave, err := a.gate.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	h := phc{cost: a.cost, salt: make([]byte, saltLen)}
	rand.Read(h.salt) // it never fails; it would end the program
	h.tag = h.derive(normal, tagLen)
	return h.String(), nil
}

// Verify implements [Hasher]. It reads argon2id in the spelling that Hash
// writes (version 19, parameters m, t, p in this order, unpadded base64), with
// 8 to 48 bytes of salt, 16 to 64 of tag, at most 256 MiB, 64 passes and 1 GiB
// for memory times passes. It reads bcrypt as $2a$, $2b$ or $2y$ with a cost of
// 4 to 15, and the hashes of other programs that the documentation of the package
// lists under "Migrating". [Bcrypt.Verify] reads the same.
//
// A hash that it cannot read takes as long as one that it can read. So the time
// does not show whether an account has such a hash or does not exist.
func (a *Argon2id) Verify(ctx context.Context, attempt Attempt) (Result, error) {
	own := phc{cost: a.cost, salt: make([]byte, saltLen), tag: make([]byte, tagLen)}
	return verify(ctx, &a.gate, own, attempt)
}

// derive computes the tag of a password.
func (h phc) derive(password string, length int) []byte {
	key := argon2.IDKey
	if h.isArgon2i {
		key = argon2.Key
	}
	return key([]byte(password), h.salt, h.cost.time, h.cost.memory, h.cost.parallelism, uint32(length))
}

// matches tries the normal form only, except for a hash that is certainly
// another program's: a second try would permanently double the cost of every
// wrong guess.
func (h phc) matches(p presented) bool {
	if !h.foreign {
		p.typed = p.normal
	}
	match := false
	for _, candidate := range p.spellings() {
		match = subtle.ConstantTimeCompare(h.derive(candidate, len(h.tag)), h.tag) == 1 || match
	}
	return match
}

// phcForm is what makes two argon2 hashes take the same work.
type phcForm struct {
	cost               cost
	salt, tag          int // bytes
	isArgon2i, foreign bool
}

func (h phc) form() any { return phcForm{h.cost, len(h.salt), len(h.tag), h.isArgon2i, h.foreign} }
