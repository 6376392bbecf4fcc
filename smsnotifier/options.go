package smsnotifier

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"github.com/seed-51359b35/recovery"
)

// Options configure a [Notifier]. [New] copies what it needs.
//
// A policy counts messages, and each message costs up to MaxSegments segments.
type Options struct {
	_ [0]func()

	// Countries are the countries that messages go to, by their ISO 3166-1
	// alpha-2 codes in capitals, with the budget of each. Required: no country
	// is right for every host.
	//
	// A country is not a calling code: +1 is the United States, Canada and
	// about twenty islands where a message costs many times as much (A57). The
	// code is the region of the number in libphonenumber. For some regions
	// libphonenumber returns another code: FI for AX, GP for BL and MF, AU for
	// CC and CX, MA for EH, NO for SJ, IT for VA, and GB for some numbers of
	// IM.
	Countries map[string]recovery.LimitPolicy
	// Budget is the budget of all text messages together. Required.
	Budget recovery.LimitPolicy
	// NumberBlock is the budget of each block of 10,000 adjacent numbers. These
	// differ only in their last four digits. Whoever rents numbers to be paid
	// for messages to them rents adjacent ones (A57). Default: 10 in 1 h, 20 in
	// 24 h, then one every hour, so that a person in such a block is not locked
	// out. If many users have adjacent numbers, as in one company, set more.
	NumberBlock recovery.LimitPolicy
	// Notices is the budget of [recovery.MessagePasswordChanged]. A
	// [recovery.Service] asks for no budget for these messages, because only a
	// completed reset sends one. They are counted when they are sent. A notice
	// over the budget is a temporary error, so the queue tries again for a day.
	// Default: the policy of Budget, with a count of its own.
	Notices recovery.LimitPolicy
	// Limiter counts Notices. Default: a [recovery.MemoryLimiter] that only
	// this Notifier uses. Several instances need one Limiter that they share.
	Limiter recovery.Limiter
	// Prefix starts the key under which Limiter counts, as
	// [recovery.Options].Prefix does. Portals that share a Limiter must have
	// different prefixes. 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'. Default
	// "recovery".
	Prefix string
	// MaxSegments is how many segments a message may have, 1 to 10. A longer
	// message is not sent. Default 8, which is enough for a sealed link in
	// every language. A code needs one segment.
	MaxSegments int
}

// withDefaults returns a copy in which zero fields have their defaults.
func (o Options) withDefaults() Options {
	o.Countries = maps.Clone(o.Countries)
	for country, policy := range o.Countries {
		o.Countries[country] = clonePolicy(policy)
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
	mistakes := recovery.OptionErrors{Package: "smsnotifier"}
	if renderer == nil {
		mistakes.Add("renderer", "is required: what writes the texts, a *messages.Renderer")
	}
	if f, ok := provider.(ProviderFunc); provider == nil || ok && f == nil {
		mistakes.Add("provider", "is required: what sends the texts")
	}
	o.checkCountries(&mistakes)
	if isZero(o.Budget) {
		mistakes.Add("Budget", "is required: how many text messages the host pays for")
	}
	for _, p := range []struct {
		option string
		policy recovery.LimitPolicy
	}{{"Budget", o.Budget}, {"NumberBlock", o.NumberBlock}, {"Notices", o.Notices}} {
		if reason := policyReason(p.policy); reason != "" && !isZero(p.policy) {
			mistakes.Add(p.option, "%s", reason)
		}
	}
	if !isPrefix(o.Prefix) {
		mistakes.Add("Prefix", "must be 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'")
	}
	mistakes.CheckInt("MaxSegments", o.MaxSegments, 1, 10)
	return mistakes.Err()
}

func (o Options) checkCountries(mistakes *recovery.OptionErrors) {
	if len(o.Countries) == 0 {
		mistakes.Add("Countries", "is required: the countries to which messages go, each with its budget")
	}
	regions := phonenumbers.GetSupportedRegions()
	for _, country := range slices.Sorted(maps.Keys(o.Countries)) {
		if !regions[country] {
			mistakes.Add("Countries", "%.8q is not the ISO 3166-1 alpha-2 code, in capitals, of a country with telephone numbers", country)
			continue
		}
		if reason := policyReason(o.Countries[country]); reason != "" {
			mistakes.Add("Countries", "the budget of %s: %s", country, reason)
		}
	}
}

// isPrefix reports whether s is what [recovery.Options].Prefix may be.
func isPrefix(s string) bool {
	return len(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
	})
}

// policyReason returns what is wrong with a policy, or "". A Limiter would
// report the same, but not before the first message.
func policyReason(p recovery.LimitPolicy) string {
	err := p.Validate()
	if err == nil {
		return ""
	}
	return strings.TrimPrefix(err.Error(), "recovery: a limit policy ")
}

func isZero(p recovery.LimitPolicy) bool { return len(p.Limits) == 0 && p.ThenOneEvery == 0 }

func clonePolicy(p recovery.LimitPolicy) recovery.LimitPolicy {
	p.Limits = slices.Clone(p.Limits)
	return p
}
