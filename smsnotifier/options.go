package smsnotifier

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"github.com/seed-51359b35/recovery"
)

// Options configure a [Notifier]. [New] copies what it needs.
//
// A tier counts messages, of which each costs up to MaxSegments segments.
type Options struct {
	_ [0]func()

	// Countries are the countries that messages go to, by their ISO 3166-1
	// alpha-2 codes in capitals, and the budget of each. Required: there is no
	// country to which everybody's users go.
	//
	// A country is not a calling code: +1 is the United States, Canada and
	// some twenty islands where a message costs many times as much (A57). The
	// code is that of the number's region in libphonenumber, which finds no
	// difference between some: the numbers of AX are FI, of BL and MF GP, of
	// CC and CX AU, of EH MA, of SJ NO, of VA IT, and a part of those of IM GB.
	Countries map[string]recovery.LimitPolicy
	// Budget is the budget of all text messages together. Required.
	Budget recovery.LimitPolicy
	// Neighbours is the budget of each block of 10,000 adjacent numbers, those
	// that differ only in their last four digits: whoever rents numbers to have
	// them sent to rents them in a row (A57). Default: 10 in 1 h, 20 in 24 h,
	// and after that still one an hour, so that a person among them is not shut
	// out. A host whose users are numbered in a row, a company's, sets more.
	NumberBlock recovery.LimitPolicy
	// Notices is the budget of [recovery.MessagePasswordChanged], for which a
	// [recovery.Service] asks for no budget, because it takes a completed reset
	// to have one sent. Notices are counted when they are sent; one over the
	// budget is an error that may pass, so the queue tries it again for a day.
	// Default: the tier of Budget, counted apart from it.
	Notices recovery.LimitPolicy
	// Limiter counts Notices. Default: a [recovery.MemoryLimiter] of this
	// Notifier alone; several instances share one of theirs.
	Limiter recovery.Limiter
	// Prefix starts the key under which Limiter counts, as
	// [recovery.Options].Prefix does: portals that share a Limiter have
	// different ones. 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'. Default
	// "recovery".
	Prefix string
	// MaxSegments is how many segments a message may have, 1 to 10. A longer
	// one is not sent. Default 8, which is room for a sealed link in every
	// language; a code takes one.
	MaxSegments int
}

func (o Options) withDefaults() Options {
	o.Countries = maps.Clone(o.Countries)
	for country, tier := range o.Countries {
		o.Countries[country] = clonePolicy(tier)
	}
	o.Budget = clonePolicy(o.Budget)
	if isZero(o.NumberBlock) {
		o.NumberBlock = recovery.LimitPolicy{
			Limits:       []recovery.Limit{{N: 10, Window: time.Hour}, {N: 20, Window: 24 * time.Hour}},
			ThenOneEvery: time.Hour,
		}
	}
	o.NumberBlock = clonePolicy(o.NumberBlock)
	o.Notices = clonePolicy(o.Notices)
	if o.Limiter == nil {
		o.Limiter = recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
	}
	if o.Prefix == "" {
		o.Prefix = "recovery"
	}
	if o.MaxSegments == 0 {
		o.MaxSegments = 8
	}
	return o
}

// validate reports every mistake at once. The receiver has its defaults.
func (o Options) validate(renderer Renderer, provider Provider) error {
	var errs []error
	bad := func(option, format string, args ...any) {
		errs = append(errs, &recovery.OptionError{Option: option, Reason: fmt.Sprintf(format, args...)})
	}
	if renderer == nil {
		bad("renderer", "is required: what writes the texts, a *messages.Set")
	}
	if f, ok := provider.(ProviderFunc); provider == nil || ok && f == nil {
		bad("provider", "is required: what carries the texts")
	}
	if len(o.Countries) == 0 {
		bad("Countries", "is required: the countries to which messages go, each with its budget")
	}
	regions := phonenumbers.GetSupportedRegions()
	for _, country := range slices.Sorted(maps.Keys(o.Countries)) {
		if !regions[country] {
			bad("Countries", "%.8q is not the ISO 3166-1 alpha-2 code, in capitals, of a country with telephone numbers", country)
			continue
		}
		if reason := policyReason(o.Countries[country]); reason != "" {
			bad("Countries", "the budget of %s %s", country, reason)
		}
	}
	if isZero(o.Budget) {
		bad("Budget", "is required: how many text messages the host pays for")
	}
	for _, t := range []struct {
		option string
		tier   recovery.LimitPolicy
	}{{"Budget", o.Budget}, {"Neighbours", o.NumberBlock}, {"Notices", o.Notices}} {
		if reason := policyReason(t.tier); reason != "" && !isZero(t.tier) {
			bad(t.option, "%s", reason)
		}
	}
	if len(o.Prefix) > 32 || strings.ContainsFunc(o.Prefix, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
	}) {
		bad("Prefix", "must be 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'")
	}
	if o.MaxSegments < 1 || o.MaxSegments > 10 {
		bad("MaxSegments", "is %d, must be 1 to 10", o.MaxSegments)
	}
	return errors.Join(errs...)
}

// tierReason says what is wrong with a tier; empty means nothing. A limiter
// would say the same, but not before the first message.
func policyReason(t recovery.LimitPolicy) string {
	err := recovery.LimitRequest{Key: "sms", Policy: t}.Validate()
	if err == nil {
		return ""
	}
	return strings.TrimPrefix(err.Error(), "recovery: a take's tier ")
}

func isZero(t recovery.LimitPolicy) bool { return len(t.Limits) == 0 && t.ThenOneEvery == 0 }

func clonePolicy(t recovery.LimitPolicy) recovery.LimitPolicy {
	t.Limits = slices.Clone(t.Limits)
	return t
}
