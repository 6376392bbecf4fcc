package recovery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-51359b35/recovery/internal/ascii"
	"github.com/seed-51359b35/recovery/internal/readout"
)

// A HelpDeskRequest asks for a link or a code that the host's help desk gives to a
// person who can read none of their addresses. The help desk has checked before who
// the person is: see docs/helpdesk.md.
type HelpDeskRequest struct {
	// LeadID is the lead: one with [StatusActive] or [StatusResetRequired]. It
	// needs no verified address.
	LeadID string
	// Operator is the name of whoever has checked the caller's identity: 1 to 64
	// characters on one line, without characters that control or that change the
	// direction of the text, and without spaces at its ends. The events have it, also
	// those of the reset, and so has the notice that the person reads after the reset.
	// Required.
	Operator string
	// Code asks for a code to be read out. Default false: a link.
	Code bool
	// TTL is the lifetime of the link or code: 1 min to 24 h. Default: 15 min for a
	// code, and [TokenOptions].LinkTTL for a link.
	TTL time.Duration
	// Link is the page of the link. It must carry one token, as an invitation's
	// does. Default: that of the lead's brand, or else [Options].Link.
	Link *Link
	// Labels are as in [ForgotRequest].
	Labels map[string]string
	// Requester says who asks, for events: Caller is optional. Nothing is limited
	// by it.
	Requester Requester
}

// A HelpDeskToken is what [Service.IssueForHelpDesk] returned: URL and Token, or
// Code.
type HelpDeskToken struct {
	// URL is the link, and Token the sealed token in it, for [TokenProof].
	URL, Token Secret
	// Code is the code to be read out: 15 letters and digits in three groups, with
	// hyphens between them, such as 7KQ2M-9XWB4-TR5HC. With an identifier of the
	// lead it is a [CodeProof].
	Code Secret
	// Expires is when all of them expire.
	Expires time.Time
}

// readOutTTL is the default lifetime of a code that is read out: the person is on
// the telephone.
const readOutTTL = 15 * time.Minute

// maxHelpDeskTTL is the longest lifetime of what a help desk issues.
const maxHelpDeskTTL = 24 * time.Hour

// IssueForHelpDesk returns a link or a code for a help desk. Whoever has it can take
// the account over, so only operators who may do that must be able to call this
// (A101). No stranger can end it. It has a slot of its own, and wrong guesses at a
// code are not counted, because it has 75 random bits (NIST SP 800-63B-4, 3.1.2.2).
// A newer one of the same kind replaces it, link or code. It works no more once
// [Lead].Version has changed, as a mailed link.
//
// Nothing is sent. After the reset, the notice goes to every verified address of
// the lead, and names the Operator. A host that wants to tell the person already
// now sends a message of its own.
//
// It counts against [Limits].Issue, separately from [Service.IssueToken]. The error
// is an [*InvalidRequestError], a [*RateLimitError] of [ScopeIssueToken], or wraps
// [ErrLeadNotFound] or [ErrUnavailable]. ErrLeadNotFound also stands for leads that
// are disabled or have no password; an event says which.
func (s *Service) IssueForHelpDesk(ctx context.Context, req HelpDeskRequest) (HelpDeskToken, error) {
	if err := s.begin(); err != nil {
		return HelpDeskToken{}, err
	}
	defer s.inFlight.Done()
	d, err := s.helpDeskDelivery(req)
	if err != nil {
		return HelpDeskToken{}, err
	}
	reason, err := s.findForIssue(ctx, d, false)
	if err != nil {
		return HelpDeskToken{}, err
	}
	if reason != "" {
		_ = s.suppress(ctx, d, reason)
		return HelpDeskToken{}, ErrLeadNotFound
	}
	_, err = s.allowOrRefuse(ctx, req.Requester, nil, scopedRequest{ScopeIssueToken, LimitRequest{
		Key: s.keys.limitKey(ScopeIssueToken, "help desk", d.lead.ID), Policy: s.opts.Limits.Issue,
	}})
	if err != nil {
		return HelpDeskToken{}, err
	}
	return s.putForHelpDesk(ctx, d)
}

// helpDeskDelivery checks the request, and turns it into a delivery that ends
// without a message.
func (s *Service) helpDeskDelivery(req HelpDeskRequest) (d *delivery, err error) {
	from := req.Requester
	if err := from.check(); err != nil {
		return nil, err
	}
	switch {
	case !validLeadID(req.LeadID):
		return nil, invalid("leadId", "is malformed")
	case !validOperator(req.Operator):
		return nil, invalid("operator", operatorRule)
	case req.TTL != 0 && (req.TTL < minTTL || req.TTL > maxHelpDeskTTL):
		return nil, invalid("ttl", "must be 1 min to 24 h")
	}
	p := payload{
		Key: LeadKey{LeadIDField, req.LeadID}, TTL: req.TTL, Operator: req.Operator,
		Caller: from.Caller, Client: from.Client, RequestedAt: time.Now(),
	}
	if p.Labels, err = copyLabels(req.Labels); err != nil {
		return nil, err
	}
	if req.Code {
		p.Secret = readout.New()
	} else {
		p.Secret, p.UsualLink = newSecret(), req.Link == nil && s.opts.Brands.Find != nil
		if p.Link, err = s.link(req.Link); err != nil {
			return nil, err
		}
		if p.Link.isSplit() {
			return nil, invalid("link", linkOfOneToken)
		}
	}
	d = newDelivery(Job{}, p)
	if d.token = kindDeskLink; req.Code {
		d.token = kindReadOut
	}
	return d, nil
}

// validOperator reports whether a text can be [HelpDeskRequest].Operator.
func validOperator(s string) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxOperator &&
		!strings.ContainsFunc(s, disturbs) && strings.TrimSpace(s) == s
}

// maxOperator is the longest name of an operator, in characters.
const maxOperator = 64

const operatorRule = "must be 1 to 64 characters on one line, without characters that control or that change the direction of the text, and without spaces at its ends"

// putForHelpDesk stores the token. Its operator is stored first: without the
// operator, nobody would be told whose help it was.
func (s *Service) putForHelpDesk(ctx context.Context, d *delivery) (HelpDeskToken, error) {
	g := &s.keys.generations[0]
	ref := s.keys.refOf(g, d.token, d.lead.ID, "", d.p.Secret)
	if err := s.putOperator(ctx, ref, d.p.Operator, d.ttl(s)); err != nil {
		return HelpDeskToken{}, unavailable("token store", err)
	}
	if err := s.endOlder(ctx, d.token, d.lead.ID); err != nil {
		return HelpDeskToken{}, unavailable("token store", err)
	}
	token, err := s.put(ctx, g, d.token, d.ttl(s), d.lead, "", d.p.Secret)
	if err != nil {
		return HelpDeskToken{}, unavailable("token store", err)
	}
	issued := HelpDeskToken{Expires: token.Expires}
	if d.token == kindReadOut {
		issued.Code = NewSecret(readout.Grouped(d.p.Secret))
	} else {
		if d.p.Sealed, err = s.keys.sealToken(d.token, d.lead.ID, d.p.Secret); err != nil {
			return HelpDeskToken{}, err
		}
		url, err := s.linkURL(d)
		if err != nil {
			return HelpDeskToken{}, err
		}
		issued.URL, issued.Token = NewSecret(url), NewSecret(d.p.Sealed)
	}
	d.event.Kind = EventTokenIssued
	s.emit(ctx, d.event)
	return issued, nil
}

// endOlder ends what a help desk issued for a lead under other keys, which stands in
// other slots than what replaces it.
func (s *Service) endOlder(ctx context.Context, kind tokenKind, leadID string) error {
	var slots []string
	for i := range s.keys.generations[1:] {
		slots = append(slots, s.keys.slot(&s.keys.generations[1+i], kind, leadID, ""))
	}
	if slots == nil {
		return nil
	}
	return s.call(ctx, "TokenStore.Delete", func(ctx context.Context) error { return s.tokens.Delete(ctx, slots...) })
}

// A PendingToken is a link, issued token or code that can be used now. It does not
// hold the secret, which nobody can compute from it.
type PendingToken struct {
	// ID names it for [Service.RevokeToken]. It is a keyed digest, of up to 64 bytes
	// of printable ASCII without spaces.
	ID string
	// Kind says how it is presented, and Purpose what it is for.
	Kind    ProofKind
	Purpose Purpose
	// Operator is [HelpDeskRequest].Operator, or empty for one that no help desk has
	// issued.
	Operator string
	// Created is when it was stored, and Expires when it expires, both by the clock
	// of the TokenStore. Created is zero if the store does not know.
	Created, Expires time.Time
}

// PendingTokens returns the links, issued tokens and codes of a lead that can be
// used now. One that is being used at this moment is not among them, nor is one
// whose job waits in a queue. Codes that too many wrong guesses have stopped are among
// them, because they work again later. For an unknown lead there are none. It is for
// operators: the answer tells whether somebody has asked for a link.
//
// The error is an [*InvalidRequestError] or wraps [ErrUnavailable], or
// [errors.ErrUnsupported] if the TokenStore is no [TokenLister].
func (s *Service) PendingTokens(ctx context.Context, leadID string) ([]PendingToken, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.inFlight.Done()
	lister, err := s.lister(leadID)
	if err != nil {
		return nil, err
	}
	lead, err := s.leadByID(ctx, leadID)
	if errors.Is(err, ErrLeadNotFound) || errors.Is(err, errBadLead) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var records []TokenRecord
	err = s.call(ctx, "TokenLister.List", func(ctx context.Context) (err error) {
		records, err = lister.List(ctx, s.keys.slots(leadID)...)
		return err
	})
	if err != nil {
		return nil, unavailable("token store", err)
	}
	var pending []PendingToken
	for _, token := range records {
		kind, ok := s.keys.kindOf(token.Slot, leadID)
		if !ok {
			s.emit(ctx, Event{Kind: EventWrongRecord, LeadID: leadID})
			return nil, unavailable("token store", errors.New("recovery: the token store returned the record of another token"))
		}
		// One that was made for another version of the lead is dead.
		if s.whyNoToken(kind, lead.Status) != "" || !s.isOfVersion(proven{kind: kind, token: token}, lead) {
			continue
		}
		t := PendingToken{ID: token.Digest, Kind: kind.proof(), Purpose: kind.purpose(), Created: token.Created, Expires: token.Expires}
		if kind.isHelpDesk() {
			if t.Operator, err = s.operatorOf(ctx, token); err != nil {
				return nil, unavailable("token store", err)
			}
		}
		pending = append(pending, t)
	}
	return pending, nil
}

// RevokeToken ends one link, issued token or code of a lead, by the ID that
// [Service.PendingTokens] returned. If it is being used at this moment, whoever
// uses it may be first. One that is used, expired or ended already is no error, and
// neither is an unknown lead. See [Service.RevokeTokens], which ends all of them.
//
// The error is an [*InvalidRequestError] or wraps [ErrUnavailable], or
// [errors.ErrUnsupported] if the TokenStore is no [TokenLister].
func (s *Service) RevokeToken(ctx context.Context, leadID, id string) error {
	return s.revokeToken(ctx, leadID, id, Event{})
}

// revokeToken is RevokeToken with what its event says of who revokes.
func (s *Service) revokeToken(ctx context.Context, leadID, id string, e Event) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.inFlight.Done()
	lister, err := s.lister(leadID)
	if err != nil {
		return err
	}
	if !ascii.IsName(id, 1, 64) {
		return invalid("id", "is malformed")
	}
	// The ID is that of no other token of the lead, so it is ended wherever it
	// stands. A look for it first would miss one that is claimed, and that may be
	// released later.
	slots := s.keys.slots(leadID)
	refs := make([]TokenRef, len(slots))
	for i, slot := range slots {
		refs[i] = TokenRef{Slot: slot, Digest: id}
	}
	if err := s.call(ctx, "TokenLister.End", func(ctx context.Context) error { return lister.End(ctx, refs...) }); err != nil {
		return unavailable("token store", err)
	}
	e.Kind, e.LeadID = EventTokensRevoked, leadID
	s.emit(ctx, e)
	return nil
}

// lister returns the token store as one that can list, and checks the lead's ID.
func (s *Service) lister(leadID string) (TokenLister, error) {
	if !validLeadID(leadID) {
		return nil, invalid("leadId", "is malformed")
	}
	lister, ok := s.tokens.(TokenLister)
	if !ok {
		return nil, fmt.Errorf("recovery: the TokenStore %T is no TokenLister, so it can neither list the tokens of a lead nor end one. RevokeTokens ends all of them: %w", s.tokens, errors.ErrUnsupported)
	}
	return lister, nil
}
