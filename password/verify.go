package password

import "context"

// A storedHash is a hash of a kind that this package reads. One type implements
// it for each kind.
type storedHash interface {
	// matches reports whether the hash is one of the password. It takes as long
	// for every hash of the same form and for every password of the same
	// spellings.
	matches(p presented) bool
	// form is comparable, and equal for hashes of one kind and cost.
	form() any
}

// A presented password, as it was typed and in its normal form.
type presented struct{ typed, normal string }

// spellings returns both, or one if they are the same.
func (p presented) spellings() []string {
	if p.typed == p.normal {
		return []string{p.normal}
	}
	return []string{p.normal, p.typed}
}

// parseHash reads a hash of any kind. Its errors wrap ErrMalformedHash and quote
// nothing of encoded.
func parseHash(encoded string) (storedHash, error) {
	if isBcrypt(encoded) {
		return parseBcrypt(encoded)
	}
	return parsePHC(encoded)
}

// verify is the method Verify of every hasher of this package. own is a hash of
// the form that the hasher makes. An account without a hash, or with one that
// cannot be read, takes as long as own, so that the time does not show it.
func verify(ctx context.Context, g *gate, own storedHash, attempt Attempt) (Result, error) {
	// The password is checked first, because this error must not depend on the
	// stored hash.
	normal, err := Normalize(attempt.Password)
	if err != nil {
		return Result{}, err
	}
	var stored storedHash
	var unreadable error
	if attempt.Hash != "" {
		stored, unreadable = parseHash(attempt.Hash)
	}
	leave, err := g.enter(ctx)
	if err != nil {
		return Result{}, err
	}
	defer leave()
	p := presented{typed: attempt.Password, normal: normal}
	if attempt.Hash == "" || unreadable != nil {
		own.matches(p)
		return Result{}, unreadable
	}
	match := stored.matches(p)
	return Result{Match: match, Rehash: match && stored.form() != own.form()}, nil
}
