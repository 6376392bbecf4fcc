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

	maxGateSlots   = 1 << 12
	maxGateWaiting = 1 << 20
	maxGateWait    = time.Minute
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
// with 16 bytes of salt and 32 of tag, and reads these and bcrypt hashes. Make
// one with [NewArgon2id] and share it, because its bounds hold for its own
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
		gate: gate{
			slots:      make(chan struct{}, opts.MaxConcurrent),
			maxWaiting: int64(opts.MaxWaiting),
			maxWait:    opts.MaxWait,
		},
	}
}

func (o Argon2idOptions) withDefaults() Argon2idOptions {
	o.Memory = cmp.Or(o.Memory, 19*1024)
	o.Time = cmp.Or(o.Time, 2)
	o.Parallelism = cmp.Or(o.Parallelism, 1)
	o.MaxConcurrent = cmp.Or(o.MaxConcurrent, runtime.GOMAXPROCS(0))
	o.MaxWaiting = cmp.Or(o.MaxWaiting, 2048)
	o.MaxWait = cmp.Or(o.MaxWait, 10*time.Second)
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
	if o.MaxConcurrent < 1 || o.MaxConcurrent > maxGateSlots {
		mistake("MaxConcurrent: %d is not 1 to %d", o.MaxConcurrent, maxGateSlots)
	}
	if o.MaxWaiting < 1 || o.MaxWaiting > maxGateWaiting {
		mistake("MaxWaiting: %d is not 1 to %d", o.MaxWaiting, maxGateWaiting)
	}
	if o.MaxWait < 0 || o.MaxWait > maxGateWait {
		mistake("MaxWait: %v is not 0 to %v", o.MaxWait, maxGateWait)
	}
	return errors.Join(errs...)
}

// Hash implements [Hasher].
func (a *Argon2id) Hash(ctx context.Context, password string) (string, error) {
	normal, err := Normalize(password)
	if err != nil {
		return "", err
	}
	h := phc{cost: a.cost, salt: make([]byte, saltLen)}
	rand.Read(h.salt) // it never fails; it would end the program
	if h.tag, err = a.derive(ctx, h.cost, h.salt, normal, tagLen); err != nil {
		return "", err
	}
	return h.String(), nil
}

// Verify implements [Hasher]. It reads argon2id in the spelling that Hash
// writes (version 19, parameters m, t, p in this order, unpadded base64), with
// 8 to 48 bytes of salt, 16 to 64 of tag, at most 256 MiB, 64 passes and 1 GiB
// for memory times passes. It reads bcrypt as $2a$, $2b$ or $2y$ with a cost of
// 4 to 15.
//
// A hash that it cannot read takes as long as one that it can read. So the time
// does not show whether an account has such a hash or does not exist.
func (a *Argon2id) Verify(ctx context.Context, encoded, password string) (Result, error) {
	// The password is checked first, because this error must not depend on the
	// stored hash.
	normal, err := Normalize(password)
	if err != nil {
		return Result{}, err
	}
	if isBcrypt(encoded) {
		if err := checkBcrypt(encoded); err != nil {
			return Result{}, a.verifyNobody(ctx, normal, err)
		}
		return a.verifyBcrypt(ctx, encoded, password, normal)
	}
	if encoded == "" {
		return Result{}, a.verifyNobody(ctx, normal, nil)
	}
	h, err := parsePHC(encoded)
	if err != nil {
		return Result{}, a.verifyNobody(ctx, normal, err)
	}
	tag, err := a.derive(ctx, h.cost, h.salt, normal, uint32(len(h.tag)))
	if err != nil {
		return Result{}, err
	}
	match := subtle.ConstantTimeCompare(tag, h.tag) == 1
	current := h.cost == a.cost && len(h.salt) == saltLen && len(h.tag) == tagLen
	return Result{Match: match, Rehash: match && !current}, nil
}

// verifyNobody takes as long as a verification and then returns err. If it
// cannot do so, it returns the error of the gate.
func (a *Argon2id) verifyNobody(ctx context.Context, normal string, err error) error {
	if _, gateErr := a.derive(ctx, a.cost, make([]byte, saltLen), normal, tagLen); gateErr != nil {
		return gateErr
	}
	return err
}

func (a *Argon2id) verifyBcrypt(ctx context.Context, encoded, raw, normal string) (Result, error) {
	leave, err := a.gate.enter(ctx)
	if err != nil {
		return Result{}, err
	}
	defer leave()
	candidates := []string{normal}
	if raw != normal {
		candidates = append(candidates, raw)
	}
	match := matchBcrypt(encoded, candidates...)
	return Result{Match: match, Rehash: match}, nil
}

// derive waits for a slot and computes one argon2id tag.
func (a *Argon2id) derive(ctx context.Context, c cost, salt []byte, normal string, tagLen uint32) ([]byte, error) {
	leave, err := a.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return argon2.IDKey([]byte(normal), salt, c.time, c.memory, c.parallelism, tagLen), nil
}
