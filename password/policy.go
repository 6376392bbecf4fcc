package password

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	defaultMinLength = 15  // NIST SP 800-63B-4 section 3.1.1.2, single factor
	defaultMaxLength = 256 // code points
	lowestMinLength  = 8   // ASVS v5.0.0-6.2.1; with a second factor only
	lowestMaxLength  = 64  // ASVS v5.0.0-6.2.9
	maxContextWord   = 256 // bytes
)

// Rule names a reason to refuse a password. The values do not change, so
// clients may choose texts by them.
type Rule string

// The rules. There are no rules about composition (ASVS v5.0.0-6.2.5) or age
// (6.2.10), and none will be added.
const (
	RuleTooShort   Rule = "too_short"  // fewer code points than Min
	RuleTooLong    Rule = "too_long"   // more code points than Max, or too many bytes
	RuleEncoding   Rule = "encoding"   // invalid UTF-8 or an unassigned code point
	RuleCommon     Rule = "common"     // a common password or a plain pattern
	RuleContext    Rule = "context"    // nothing but names of the product or organisation
	RuleIdentifier Rule = "identifier" // nothing but what identifies the person
	RuleBreached   Rule = "breached"   // found by the BreachChecker
	RuleReused     Rule = "reused"     // for hosts that keep a history; a Policy never returns it
)

// Violation is one reason why a password was refused.
type Violation struct {
	Rule Rule

	// Message says in plain English what is wrong and what to do. It is safe
	// to show, and contains nothing of the password.
	Message string

	// Min is the bound of RuleTooShort and Max that of RuleTooLong, in code
	// points. Max is 0 if the bound is one of bytes. Both are 0 for the other
	// rules.
	Min, Max int
}

// PolicyError says why a password was refused. It has one violation or more,
// each of another rule. It does not contain the password.
type PolicyError struct {
	Violations []Violation
}

// Error names the rules that the password violates.
func (e *PolicyError) Error() string {
	rules := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		rules[i] = string(v.Rule)
	}
	return "password: refused: " + strings.Join(rules, ", ")
}

// Has reports whether rule is among the violations.
func (e *PolicyError) Has(rule Rule) bool {
	return slices.ContainsFunc(e.Violations, func(v Violation) bool { return v.Rule == rule })
}

// ErrBreachCheck is wrapped by the error of [Policy.CheckFor] when the
// [BreachChecker] failed. It says nothing about the password.
var ErrBreachCheck = errors.New("password: the breach check failed")

// PolicyOptions configures [NewPolicy]. The zero value is a secure policy
// without a breach check.
type PolicyOptions struct {
	_ [0]func()

	// MinLength is the minimum length in code points after normalisation, 8 to
	// 64. Default 15. Less than 15 is only for hosts that always ask for a
	// second factor (NIST SP 800-63B-4 section 3.1.1.2).
	MinLength int

	// MaxLength is the maximum length in code points after normalisation, 64
	// to 1,024. Default 256, or MaxBytes if that is less.
	MaxLength int

	// MaxBytes is the maximum length in bytes of UTF-8 after normalisation, 64
	// to 1,024. Default 1,024. A host that hashes with [Bcrypt] sets 72, because
	// bcrypt ignores the rest (attack A64).
	MaxBytes int

	// ContextWords are the names of the product, the organisation and the like
	// (ASVS v5.0.0-6.1.2 and 6.2.11). A password that consists of such words
	// only is refused. A password that contains them is not. See
	// [Policy.Check].
	ContextWords []string

	// Breach checks whether a password leaked elsewhere (ASVS v5.0.0-6.2.12).
	// Default: no such check. See [NewHIBP].
	Breach BreachChecker
}

// Policy decides which passwords may be chosen. It is immutable and safe for
// concurrent use. The zero value is the policy of zero options.
//
// Apply it where a password is chosen, and never where a person signs in. A
// login that applies a policy locks out people who chose their password before
// the policy changed.
type Policy struct {
	minLength, maxLength, maxBytes int

	context []word
	breach  BreachChecker
}

// NewPolicy returns a policy. The error joins one error for every mistake in
// opts. The first call takes about 40 ms and keeps 1 MB of memory, because it
// loads the lists of common passwords, words and names.
func NewPolicy(opts PolicyOptions) (*Policy, error) {
	var errs []error
	mistake := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("password: PolicyOptions."+format, args...))
	}

	p := &Policy{
		minLength: cmp.Or(opts.MinLength, defaultMinLength),
		maxBytes:  cmp.Or(opts.MaxBytes, maxBytes),
		breach:    opts.Breach,
	}
	p.maxLength = cmp.Or(opts.MaxLength, min(defaultMaxLength, max(p.maxBytes, lowestMaxLength)))
	if p.minLength < lowestMinLength {
		mistake("MinLength: %d is below %d (ASVS v5.0.0-6.2.1)", p.minLength, lowestMinLength)
	}
	if p.minLength > lowestMaxLength {
		mistake("MinLength: %d is over %d", p.minLength, lowestMaxLength)
	}
	if p.maxLength < lowestMaxLength {
		mistake("MaxLength: %d is below %d (ASVS v5.0.0-6.2.9)", p.maxLength, lowestMaxLength)
	}
	if p.maxLength > maxBytes {
		mistake("MaxLength: %d is over %d", p.maxLength, maxBytes)
	}
	switch {
	case p.maxBytes < lowestMaxLength:
		mistake("MaxBytes: %d is below %d (ASVS v5.0.0-6.2.9)", p.maxBytes, lowestMaxLength)
	case p.maxBytes > maxBytes:
		mistake("MaxBytes: %d is over %d", p.maxBytes, maxBytes)
	case p.maxLength > p.maxBytes && p.maxLength <= maxBytes:
		mistake("MaxLength: %d can never be reached with MaxBytes %d", p.maxLength, p.maxBytes)
	}
	for i, s := range opts.ContextWords {
		w := newWord(s)
		switch {
		case len(s) > maxContextWord:
			mistake("ContextWords[%d]: longer than %d bytes", i, maxContextWord)
		case !utf8.ValidString(s):
			mistake("ContextWords[%d]: invalid UTF-8", i)
		case len(w) == 0:
			mistake("ContextWords[%d]: no letter and no digit", i)
		}
		p.context = append(p.context, w)
	}
	if _, err := loadDictionary(); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p, nil
}

// MinLength returns the minimum length in code points.
func (p *Policy) MinLength() int { return cmp.Or(p.minLength, defaultMinLength) }

// MaxLength returns the maximum length in code points.
func (p *Policy) MaxLength() int { return cmp.Or(p.maxLength, defaultMaxLength) }

// MaxBytes returns the maximum length in bytes of UTF-8.
func (p *Policy) MaxBytes() int { return cmp.Or(p.maxBytes, maxBytes) }

// Check applies every rule that needs neither a person nor I/O. It returns nil,
// or a [*PolicyError] with all violations. If the encoding is wrong, that is
// the only violation.
//
// It judges the whole password, and never a part of it (NIST SP 800-63B-4
// section 3.1.1.2): a passphrase may contain common words and the name of the
// product. [RuleCommon] refuses the password if it, compared without case,
//
//   - is a common password, an English word, a first name or a surname, in the
//     lists of zxcvbn ("congratulations"); also with the usual digits and signs
//     for letters ("P@ssw0rd");
//   - is a run, "abcdefghijklmnop", "9876543210987654", "2468024680246802", or
//     counts, "123456789101112";
//   - is a keyboard walk: one path of neighbouring keys, or several paths of
//     three keys and more, as in "1qaz2wsx3edc4rfv" and "qwertyuiopasdfgh"; on
//     QWERTY and Dvorak, and on the number pads as one path without diagonals;
//   - alternates between two of these, "q1w2e3r4t5y6u7i8";
//   - repeats one of these, or anything shorter than 8 code points; the last
//     repetition may be cut off;
//   - is one of these with trivial padding at either end, or between its
//     repetitions: digits, punctuation and symbols, at most 9 in all (4 with a
//     word of up to 4 letters), or more of them in patterns such as
//     "12345678901", "!!!!!!!!!!!" and "@12345678901".
//
// Spaces, hyphens, underscores and full stops between the characters are
// ignored ("pass-word pass-word"). [RuleContext] refuses the password if it is
// a sequence of one or more context words, with the same padding around and
// between them.
func (p *Policy) Check(password string) error {
	_, violations := p.check(password)
	return asError(violations)
}

// CheckFor applies all rules of [Policy.Check], and then compares the password
// with the identifiers of this person. If there is no violation so far, it asks
// the breach checker.
//
// Identifiers are e-mail addresses, phone numbers, user names and names, in any
// order. Empty ones are ignored. [RuleIdentifier] refuses the password if it is
// a sequence of identifiers, their parts and context words, with the padding
// that Check describes. The parts of an e-mail address are its local part, the
// local part without a "+tag", its domain, the domain without the top-level
// domain, and the words in all of these. The parts of a name are its words. The
// parts of a phone number are its digits, with and without a country code.
//
// Any error but a [*PolicyError] wraps [ErrBreachCheck].
func (p *Policy) CheckFor(ctx context.Context, password string, identifiers ...string) error {
	normal, violations := p.check(password)
	if len(normal) > 0 && isOnly(fold(normal), identifierWords(identifiers), p.context) {
		violations = append(violations, Violation{
			Rule:    RuleIdentifier,
			Message: "This password is little more than your own name, address or number. Choose one that nobody can derive from those.",
		})
	}
	if len(violations) == 0 && p.breach != nil {
		breached, err := p.breach.Breached(ctx, normal)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBreachCheck, err)
		}
		if breached {
			violations = append(violations, Violation{
				Rule:    RuleBreached,
				Message: "This password has appeared in a data breach of another service, so attackers try it. Choose one that you use nowhere else.",
			})
		}
	}
	return asError(violations)
}

// check returns the normal form of the password and its violations. The normal
// form is "" if there is none, or if it is too long.
func (p *Policy) check(password string) (normal string, violations []Violation) {
	tooLong := Violation{
		Rule:    RuleTooLong,
		Message: fmt.Sprintf("Use at most %d characters.", p.MaxLength()),
		Max:     p.MaxLength(),
	}
	normal, err := Normalize(password)
	if err != nil {
		refused, _ := errors.AsType[*PolicyError](err)
		// People count characters. So the message speaks of bytes only if the
		// number of characters is allowed.
		if refused.Has(RuleTooLong) && utf8.RuneCountInString(password) > p.MaxLength() {
			return "", []Violation{tooLong}
		}
		return "", refused.Violations
	}

	switch n := utf8.RuneCountInString(normal); {
	case n > p.MaxLength():
		return "", []Violation{tooLong}
	case len(normal) > p.MaxBytes():
		return "", []Violation{tooManyBytes(p.MaxBytes())}
	case n < p.MinLength():
		violations = append(violations, Violation{
			Rule:    RuleTooShort,
			Message: fmt.Sprintf("Use at least %d characters. Several words in a row are easy to remember.", p.MinLength()),
			Min:     p.MinLength(),
		})
	}
	folded := fold(normal)
	if why := weakness(folded); why != "" {
		violations = append(violations, Violation{Rule: RuleCommon, Message: string(why)})
	}
	if isOnly(folded, p.context, nil) {
		violations = append(violations, Violation{
			Rule:    RuleContext,
			Message: "This password is little more than the name of this service. Choose one that has nothing to do with it.",
		})
	}
	return normal, violations
}

func asError(violations []Violation) error {
	if len(violations) == 0 {
		return nil
	}
	return &PolicyError{Violations: violations}
}

func policyError(v Violation) error { return &PolicyError{Violations: []Violation{v}} }

func badEncoding(message string) Violation {
	return Violation{Rule: RuleEncoding, Message: message}
}

func tooManyBytes(limit int) Violation {
	return Violation{
		Rule:    RuleTooLong,
		Message: fmt.Sprintf("Use a shorter password: at most %d bytes, where accented letters and symbols count as several.", limit),
	}
}
