package recovery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// notMeTTL is how long the link "this was not me" works. People read a notice
// days after it came, and the link can only hurt an attacker.
const notMeTTL = 7 * 24 * time.Hour

// notMePolicy limits the clicks on the links of one reset, in all its notices
// together. A second click on any device counts as a repetition of the first
// one. It must not kill the new link that the first click sent.
var notMePolicy = LimitPolicy{Limits: []Limit{{1, time.Hour}, {3, notMeTTL}}}

// A NotMeRequest asks to protect an account after a message about something
// that the person did not cause.
type NotMeRequest struct {
	// Token is the token in the link of [Options].NotMe.
	Token Secret
	// Requester says who clicked. Its Caller is ignored.
	Requester Requester
}

// A NotMeResult says which message the person answered with "this was not me".
type NotMeResult struct {
	// Message is the kind of that message.
	Message MessageKind
	Quotas  Quotas
}

// CheckNotMe returns which message the link "this was not me" is about, for the
// page that asks for a click: Message is [MessageResetLink], [MessageResetLinks],
// [MessageResetCode] or [MessagePasswordChanged]. It only opens the link. It counts nothing, asks
// no store and changes nothing, so a mail scanner may follow the link. The
// result has no Quotas. The error wraps [ErrInvalidProof].
func (s *Service) CheckNotMe(_ context.Context, req NotMeRequest) (NotMeResult, error) {
	n, err := s.openNotMe(req.Token.Reveal())
	return NotMeResult{Message: n.kind}, err
}

// NotMe protects the account of a person who says "this was not me". It ends
// every link, issued token and code of the lead that the token store holds. A
// job in the queue that has not stored its token yet still sends a link or code
// that works. If the message named several accounts, NotMe does this for each.
//
// If the message was a notice that the password was changed, NotMe also ends
// the lead's sessions. Then it sends a new link to the e-mail addresses that
// the lead has now or, if it has none, to its phone numbers by text message.
//
// NotMe neither changes the password nor locks the account, so that it is of no
// use to somebody else who reads the mailbox. It does not protect against a
// thief who has already put an address of his own on the lead. Hosts should
// delay such a change after a reset.
//
// Call it only for a POST that a person made, because mail scanners open links.
// What fails is tried again through the queue, so NotMe returns no error for
// it: tell the person that it is being done. The link works for seven days and
// three times, which is for all notices of one reset together. A second click
// within one hour, also in another notice of the same reset, and every click
// after the third do nothing. NotMe then returns the same result and no error.
//
// The error is a [*RateLimitError] of the client, which shares the limit of
// CheckProof, or wraps [ErrInvalidProof] or [ErrUnavailable].
func (s *Service) NotMe(ctx context.Context, req NotMeRequest) (NotMeResult, error) {
	if err := s.begin(); err != nil {
		return NotMeResult{}, err
	}
	defer s.inFlight.Done()
	req.Requester.Caller = ""
	if err := req.Requester.check(); err != nil {
		return NotMeResult{}, err
	}
	quotas, err := s.allowRequest(ctx, s.opts.Limits.ClientCheck, actionCheck, req.Requester)
	if err != nil {
		return NotMeResult{}, err
	}
	n, err := s.openNotMe(req.Token.Reveal())
	if err != nil {
		return NotMeResult{}, err
	}
	result := NotMeResult{n.kind, quotas}
	// What follows must be finished also if the request ends.
	ctx = context.WithoutCancel(ctx)
	once := scopedRequest{scopeNotMe, LimitRequest{Key: s.keys.limitKey(scopeNotMe, n.about, n.leads()), Policy: notMePolicy}}
	decisions, err := s.allow(ctx, []scopedRequest{once})
	if err == nil && !decisions[0].Allowed {
		return result, nil
	}
	// After an error of the limiter the work goes on: the limiter may have
	// counted the click, and then the next click would change nothing.
	for _, leadID := range n.leadIDs {
		s.protect(ctx, req.Requester, n, leadID)
	}
	return result, nil
}

// protect does for one lead what NotMe does. What fails is tried again.
func (s *Service) protect(ctx context.Context, from Requester, n notMeClaim, leadID string) {
	e := Event{Kind: EventNotMe, JobID: n.about, LeadID: leadID, Client: from.Client, Message: n.kind, Brand: n.brand}
	s.emit(ctx, e)
	p := payload{
		Op: jobNotMe, Key: LeadKey{LeadIDField, leadID}, Notice: storeKind(n.kind),
		Client: from.Client, Languages: from.AcceptLanguage, RequestedAt: time.Now(), Brand: n.brand,
	}
	if n.kind == MessagePasswordChanged {
		s.endSessionsOrRetry(ctx, e, p)
	}
	if err := s.performNotMe(ctx, &p); err != nil {
		s.log.ErrorContext(ctx, "recovery: a part of \"this was not me\" failed, will be tried again", "lead", leadID, "error", err)
		s.enqueueOrRetry(ctx, p)
	}
}

// performNotMe ends the tokens, and then sends the new links. It sets p.Ended
// once the tokens are ended. They must not be ended a second time, because the
// person may have asked for a new one since.
func (s *Service) performNotMe(ctx context.Context, p *payload) error {
	leadID := p.Key.Value
	if !p.Ended {
		err := s.call(ctx, "TokenStore.Delete", func(ctx context.Context) error {
			return s.tokens.Delete(ctx, s.keys.slots(leadID)...)
		})
		if err != nil {
			return err
		}
		p.Ended = true
	}
	if p.Notice.messageKind() != MessagePasswordChanged {
		return nil
	}
	lead, err := s.leadByID(ctx, leadID)
	if errors.Is(err, ErrLeadNotFound) || errors.Is(err, errBadLead) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.sendNewLinks(ctx, *p, lead)
}

// finishNotMe runs in a worker, and does what NotMe could not do. If it has
// ended the tokens and then something fails, the rest becomes a new job,
// because the present job would end the tokens again.
func (s *Service) finishNotMe(ctx context.Context, p payload) error {
	ended := p.Ended
	err := s.performNotMe(ctx, &p)
	if err != nil && p.Ended && !ended && s.enqueueDelivery(ctx, p, time.Until(p.NotAfter.Add(-s.clockSkew(ctx)))) == nil {
		return nil
	}
	return err
}

// sendNewLinks sends one link to every e-mail address of the lead or, if it has
// none, to its phone numbers. All messages carry the same token, so that only
// one of them can be used. The jobs end when the token would expire: after
// that, an attempt would store the token again.
func (s *Service) sendNewLinks(ctx context.Context, p payload, lead Lead) error {
	var fields []string
	for _, want := range []FieldType{FieldTypeEmail, FieldTypePhone} {
		seen := map[string]bool{}
		for _, f := range s.opts.Fields {
			to, ok := s.recipient(lead, f.Name)
			if ok && f.Type == want && !seen[to.canonical] {
				seen[to.canonical] = true
				fields = append(fields, f.Name)
			}
		}
		if len(fields) > 0 {
			break
		}
	}
	if len(fields) == 0 {
		reason := ReasonNoRecipient
		for _, f := range s.opts.Fields {
			if why := s.whyNoRecipient(ctx, lead, f.Name); why != ReasonNoRecipient {
				reason = why
			}
		}
		s.emit(ctx, Event{Kind: EventMessageSuppressed, Reason: reason, LeadID: lead.ID, Client: p.Client, Brand: p.Brand})
		return nil
	}
	p.Op, p.Link, p.Secret, p.UsualLink = jobDeliver, s.opts.Link, s.keys.sharedSecret(), s.opts.Brands.Find != nil
	end := time.Now().Add(s.opts.Tokens.LinkTTL)
	var errs []error
	for _, field := range fields {
		p.Recipient = field
		errs = append(errs, s.enqueueDelivery(ctx, p, time.Until(end)))
	}
	if errors.Join(errs...) != nil && !slices.Contains(errs, nil) {
		return errors.Join(errs...)
	}
	return nil // at least one is enqueued, and another try would send a second link
}

// A notMeClaim is the content of the link "this was not me".
type notMeClaim struct {
	kind MessageKind
	// about is the ID of the reset that the notice is about, or that of the
	// message with the link or code.
	about string
	// leadIDs is one lead, or several after a MessageResetLinks.
	leadIDs []string
	// brand is that of the message, or empty.
	brand string
}

// leads returns the IDs of the leads with spaces between them, which no ID has.
func (n notMeClaim) leads() string { return strings.Join(n.leadIDs, " ") }

// notMeKinds are the kinds of messages that have the link "this was not me",
// each with its letter in the link. The letters must not change. Where the message
// has a brand, the letter is a capital, and the brand stands behind what the message
// is about.
var notMeKinds = map[MessageKind]string{
	MessageResetLink: "l", MessageResetCode: "c", MessagePasswordChanged: "p", MessageResetLinks: "a",
}

// notMeLink returns the link "this was not me" for a message, or an empty
// secret if it has none.
func (s *Service) notMeLink(link Link, m Message, about string) (Secret, error) {
	letter, ok := notMeKinds[m.Kind]
	if !ok || link.URL == "" {
		return Secret{}, nil
	}
	n := notMeClaim{leadIDs: []string{m.LeadID}}
	if m.Brand != "" {
		letter, about = strings.ToUpper(letter), about+" "+m.Brand
	}
	if len(m.Accounts) > 0 {
		n.leadIDs = nil
		for _, a := range m.Accounts {
			n.leadIDs = append(n.leadIDs, a.LeadID)
		}
	}
	sealed, err := s.keys.notMe.Seal([]byte(letter + about + " " + n.leads()))
	if err != nil && len(m.Accounts) > 0 {
		return Secret{}, nil // their IDs are too long; a link for some of them would be no answer
	}
	if err != nil {
		return Secret{}, err
	}
	url, err := link.carry(linkPart{tokenPlace, link.tokenParam(), sealed})
	return NewSecret(url), err
}

func (s *Service) openNotMe(sealed string) (notMeClaim, error) {
	b, _, err := s.keys.notMe.Open(sealed)
	if err != nil || len(b) == 0 {
		s.tellOfLink("link \"this was not me\"", err)
		return notMeClaim{}, linkError(sealReason(err))
	}
	parts := strings.Split(string(b[1:]), " ")
	sealedLetter, brand := string(b[:1]), ""
	if lower := strings.ToLower(sealedLetter); lower != sealedLetter && len(parts) > 2 {
		sealedLetter, brand = lower, parts[1]
		parts = slices.Delete(parts, 1, 2)
	}
	for kind, letter := range notMeKinds {
		n := notMeClaim{kind, parts[0], parts[1:], brand}
		if letter == sealedLetter && (len(n.leadIDs) == 1 || kind == MessageResetLinks && len(n.leadIDs) > 1) &&
			!slices.ContainsFunc(n.leadIDs, func(id string) bool { return !validLeadID(id) }) {
			return n, nil
		}
	}
	return notMeClaim{}, ErrInvalidProof
}
