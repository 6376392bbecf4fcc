package recovery

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
)

// A MultiLeadStore also finds all leads that have one value, for hosts where
// several accounts can share an address. A [Service] uses it for requests for a
// link: if several leads that may reset their passwords have one address, one
// message, a [MessageResetLinks], names each of them with a link of its own.
// Without it, nothing is sent for such an address, and the event has
// [ReasonAmbiguous].
//
// A store that embeds a MultiLeadStore, such as that of package sqlstore, and has a
// FindLead of its own needs a FindLeads of its own too.
//
// Codes and [Service.IssueToken] are for one lead, so they treat several as
// FindLead does. So does a link to a phone number.
type MultiLeadStore interface {
	LeadStore
	// FindLeads returns the leads whose field has the value, whatever their status:
	// those among which FindLead does not choose. If there are more than max, which
	// is at least 1, it returns max of them. They come in an order that stays the
	// same while the leads do, such as that of their IDs. If there is none, it
	// returns no lead, and no error or one that wraps [ErrLeadNotFound].
	//
	// Each lead is as FindLead returns it, the values are compared in the same way,
	// and any other error means the same. A Service asks for fields with Search,
	// and not for [LeadIDField].
	FindLeads(ctx context.Context, key LeadKey, max int) ([]Lead, error)
}

// maxAccounts is how many accounts one message names. Whoever has more with one
// address finds the others by another identifier, such as the user name. maxFound is
// how many the store is asked for: more, because those that get no link must not
// take the places of those that do. Otherwise a stranger who signs up eight times
// with somebody's address, and verifies it never, keeps that person from a reset
// (A99).
const maxAccounts, maxFound = 8, 100

// A MessageAccount is one of the accounts in a [MessageResetLinks].
type MessageAccount struct {
	LeadID string
	// Account is as in [Message], and Name is [Lead].Name. Each may be empty.
	Account, Name string
	// URL is the link that resets the password of this account. It carries a
	// secret.
	URL Secret
}

// String returns nothing of the account.
func (a MessageAccount) String() string { return "account " + redacted }

// Format writes what String returns, for every verb.
func (a MessageAccount) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// An account is a lead that shares a message with others.
type account struct {
	lead Lead
	to   address
}

// A leftOut is a lead that a shared message does not name, and why.
type leftOut struct {
	lead   Lead
	reason EventReason
	scope  LimitScope
}

// findLeads finds every lead that has what a request named, in one question to the
// store, as findLead does. So an address that several leads have costs no more
// questions than one that nobody has.
func (d *delivery) findLeads(ctx context.Context, s *Service) (ok bool, err error) {
	store, ok := s.leads.(MultiLeadStore)
	if !ok || d.p.Code {
		return d.findLead(ctx, s)
	}
	found, err := s.findLeads(ctx, store, d.p.Key, s.fields[d.p.Key.Field])
	switch {
	case errors.Is(err, errBadLead):
		return false, fmt.Errorf("%w: %w", ErrPermanent, err)
	case errors.Is(err, ErrLeadNotFound):
		return d.isNobody(err), nil
	case err != nil:
		return false, err
	case len(found) == 0:
		return false, nil
	case len(found) == 1:
		d.is(s, found[0])
		return true, nil
	}
	return s.share(d, found), nil
}

// findLeads returns the leads with a canonical key. Each is checked as findLead
// checks one (A10).
func (s *Service) findLeads(ctx context.Context, store MultiLeadStore, key LeadKey, f Field) ([]Lead, error) {
	var found []Lead
	err := s.call(ctx, "LeadStore.FindLeads", func(ctx context.Context) (err error) {
		found, err = store.FindLeads(ctx, key, maxFound)
		return notFoundOr(err, key.Value)
	}, key.Value)
	if errors.Is(err, ErrLeadNotFound) {
		return nil, err
	}
	if err != nil {
		return nil, unavailable("lead store", err)
	}
	var leads []Lead
	seen := map[string]bool{}
	for _, lead := range found[:min(len(found), maxFound)] {
		lead, err := s.checkLead(ctx, lead, key, f)
		switch {
		case errors.Is(err, ErrLeadNotFound):
			continue
		case err != nil:
			return nil, err
		}
		if !seen[lead.ID] { // a join may find one twice
			seen[lead.ID] = true
			leads = append(leads, lead)
		}
	}
	return leads, nil
}

// share decides which of several leads the message is for: those that may reset
// their passwords, and have one address in the field that the message goes to. That
// is the address that was asked for, if one of them has it there. It returns false if
// it is not certain whom the message is for.
func (s *Service) share(d *delivery, found []Lead) bool {
	d.shared = true
	var able []account
	for _, lead := range found {
		a, ok := s.recipient(lead, d.p.Recipient)
		if !ok || s.whyNoToken(kindMailed, lead.Status) != "" {
			d.leave(lead, s.whyNot(lead), "")
			continue
		}
		able = append(able, account{lead, a})
	}
	able = d.ofBrand(able)
	same := true
	var to address
	for i, a := range able {
		same = same && (i == 0 || a.to.canonical == to.canonical)
		if i == 0 || a.to.canonical == d.p.Key.Value {
			to = a.to
		}
	}
	switch {
	case len(able) == 0:
		d.out = nil
		d.is(s, mostTelling(found))
		return true
	case len(able) > 1 && (to.channel != ChannelEmail || !same && to.canonical != d.p.Key.Value):
		d.ambiguous = true
		return false
	}
	d.to = to
	for _, a := range able {
		switch {
		case a.to.canonical != to.canonical:
			d.leave(a.lead, ReasonNoRecipient, "")
		case len(d.accounts) < maxAccounts:
			d.accounts = append(d.accounts, a)
		}
	}
	d.settle(s)
	return true
}

// whyNot returns why a lead with which others share a value gets no link.
func (s *Service) whyNot(lead Lead) EventReason {
	if why := s.whyNoToken(kindMailed, lead.Status); why != "" {
		return why
	}
	return ReasonNoRecipient
}

// mostTelling returns the lead that a request is about if none of several gets a
// link: one without a password before the others, because it can be told how it
// signs in, then one that only lacks an address, then one that may be invited. One
// that is disabled hides no other.
func mostTelling(found []Lead) Lead {
	for _, status := range []LeadStatus{StatusNoPassword, StatusActive, StatusResetRequired, StatusInvited} {
		for _, lead := range found {
			if lead.Status == status {
				return lead
			}
		}
	}
	return found[0]
}

// leave leaves a lead out of a shared message.
func (d *delivery) leave(lead Lead, reason EventReason, scope LimitScope) {
	d.out = append(d.out, leftOut{lead, reason, scope})
}

// settle makes the delivery one of the usual kind if one account is left, or else
// one of several. What all of them have in common stands in d.lead.
func (d *delivery) settle(s *Service) {
	first := d.accounts[0]
	if len(d.accounts) == 1 {
		d.is(s, first.lead)
		d.kind, d.to = MessageResetLink, first.to
		return
	}
	common := Lead{Name: first.lead.Name, Locale: first.lead.Locale, Status: StatusActive, Brand: first.lead.Brand}
	for _, a := range d.accounts[1:] {
		if a.lead.Name != common.Name {
			common.Name = ""
		}
		if common.Locale == "" {
			common.Locale = a.lead.Locale
		}
	}
	d.lead, d.account, d.event.LeadID, d.kind = common, "", "", MessageResetLinks
	d.event.Data = d.p.Data
}

// candidates returns the leads that a request may be about.
func (d *delivery) candidates() []Lead {
	if len(d.accounts) < 2 {
		return []Lead{d.lead}
	}
	leads := make([]Lead, len(d.accounts))
	for i, a := range d.accounts {
		leads[i] = a.lead
	}
	return leads
}

// allowShared counts a message for several accounts. Their address counts once. Each
// lead has its own limit, under the name that it has in a message for this lead
// alone. One that is over it is left out, so who asks for one account often cannot
// keep the others from being reset (A58). A known device frees its own lead from the
// limit, and the address, as it does elsewhere, and no other lead.
func (s *Service) allowShared(ctx context.Context, d *delivery) (ok bool, err error) {
	budgets, err := s.budgets(ctx, d)
	if err != nil {
		return s.cannotDeliver(ctx, d, err)
	}
	var requests []scopedRequest
	var counted, kept []account
	for _, a := range d.accounts {
		if a.lead.ID != d.known {
			requests = append(requests, s.leadLimit(d, kindMailed, a.lead.ID, a.to))
			counted = append(counted, a)
		}
	}
	if d.known == "" {
		requests = append(requests, s.recipientLimit(d, kindMailed, d.to))
	}
	decisions, err := s.allow(ctx, requests)
	if err != nil {
		return false, unavailable("limiter", err)
	}
	if n := len(counted); n < len(requests) {
		if r := refusal(requests[n:], decisions[n:]); r != nil {
			d.event.Scope = r.Scope
			return false, s.suppress(ctx, d, ReasonRateLimited)
		}
	}
	refused := map[string]bool{}
	for i, a := range counted {
		refused[a.lead.ID] = !decisions[i].Allowed
	}
	for _, a := range d.accounts {
		if refused[a.lead.ID] {
			d.leave(a.lead, ReasonRateLimited, ScopeLead)
		} else {
			kept = append(kept, a)
		}
	}
	if len(kept) == 0 {
		d.event.Scope = ScopeLead
		return false, s.suppress(ctx, d, ReasonRateLimited)
	}
	d.accounts = kept
	d.settle(s)
	return s.allowStages(ctx, d, d.inStages(nil, budgets))
}

// secretOf returns the secret of a lead's link. All attempts at a job send the same
// one. Where several leads have what was asked for, each gets a secret of its own,
// derived under the keys of the job: who has one link can build no other, neither
// from this message nor from another attempt, in which the lead was alone.
func (d *delivery) secretOf(leadID string) string {
	if !d.shared {
		return d.p.Secret
	}
	return hex.EncodeToString(d.p.generation.account.sum(nil, d.p.Secret, leadID))
}

// sendShared stores a token for each account, and then sends one message with all
// links. An account whose token is spent already, because an earlier attempt sent
// it, is left out.
func (s *Service) sendShared(ctx context.Context, d *delivery) error {
	links := map[string]string{}
	var kept []account
	expires := d.until.Add(s.lifetime(kindMailed)) // later than any of them
	for _, a := range d.accounts {
		own := *d
		own.lead, own.p.Secret = a.lead, d.secretOf(a.lead.ID)
		token, err := s.put(ctx, d.p.generation, kindMailed, d.ttl(s), a.lead, d.p.Slot, own.p.Secret)
		switch {
		case errors.Is(err, ErrTokenSpent):
			d.leave(a.lead, ReasonTokenSpent, "")
			continue
		case err != nil:
			return unavailable("token store", err)
		}
		if links[a.lead.ID], err = s.linkURL(&own); err != nil {
			return fmt.Errorf("%w: %w", ErrPermanent, err)
		}
		if e := s.expiry(d, token); e.Before(expires) {
			expires = e
		}
		kept = append(kept, a)
	}
	if len(kept) == 0 {
		return s.suppress(ctx, d, ReasonTokenSpent)
	}
	d.accounts = kept
	d.settle(s)
	m := d.message()
	m.Expires = expires
	if len(kept) == 1 {
		m.URL = NewSecret(links[kept[0].lead.ID])
	}
	for i := range m.Accounts {
		m.Accounts[i].Account = s.accountOf(kept[i].lead)
		m.Accounts[i].URL = NewSecret(links[m.Accounts[i].LeadID])
	}
	if err := s.send(ctx, d, m, m.ID); err != nil {
		return err
	}
	for _, out := range d.out {
		e := d.event
		e.Kind, e.LeadID, e.Reason, e.Scope = EventMessageSuppressed, out.lead.ID, out.reason, out.scope
		s.emit(ctx, e)
	}
	return nil
}
