package recovery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// notMeTTL is how long the link "this was not me" works: people read a notice
// days after it came, and what it does harms nobody but a thief.
const notMeTTL = 7 * 24 * time.Hour

// notMeTier bounds what the notices of one reset do together, whoever holds
// them: a second click, on whichever device, is taken for the first one's, and
// does not kill the new link that the first one sent.
var notMePolicy = LimitPolicy{Limits: []Limit{{1, time.Hour}, {3, notMeTTL}}}

// A NotMeRequest says that a person did not ask for what a message told of.
type NotMeRequest struct {
	// Token is what the link carried.
	Token Secret
	// Origin is where the click came from. Its Caller has no meaning here.
	Requester Requester
}

// A NotMeResult is a message that was disowned.
type NotMeResult struct {
	// Notice is the kind of that message.
	Message MessageKind
	Quotas  Quotas
}

// CheckNotMe tells what the link "this was not me" is about, for the page that
// asks for a click: Message is one of [MessageResetLink], [MessageResetCode] and
// [MessagePasswordChanged]. It reads the link and nothing else: it counts
// nothing, asks no store and changes nothing, so a mail scanner may follow the
// link. The error is [ErrInvalidProof].
func (s *Service) CheckNotMe(_ context.Context, req NotMeRequest) (NotMeResult, error) {
	n, err := s.openNotMe(req.Token.Reveal())
	return NotMeResult{Message: n.kind}, err
}

// NotMe does what a person expects who says "this was not me": it ends every
// link, issued token and code of the lead. After a notice that the password was
// changed it also ends the lead's sessions and sends a new link to the e-mail
// addresses that the lead has now, or by text message to a lead that has none.
// It neither changes the password nor locks the account, so that whoever reads
// the mailbox gains nothing by it; and it is no protection against a thief who
// has already put an address of his own on the lead, which hosts should delay
// after a reset.
//
// Call it for a POST only, that a person made: mail scanners open links. What
// fails is tried again through the queue, so the person is told that it is
// being done. The link works for seven days and three times; pressed again
// within the hour, also in another notice of the same reset, it changes nothing.
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
	// From here the request's end must not stop what has begun.
	ctx = context.WithoutCancel(ctx)
	once := scopedRequest{scopeNotMe, LimitRequest{Key: s.keys.limitKey(scopeNotMe, n.about, n.leadID), Policy: notMePolicy}}
	decisions, err := s.allow(ctx, []scopedRequest{once})
	if err == nil && !decisions[0].Allowed {
		return result, nil
	}
	// A take that was not answered may have been counted: the next click would
	// then be taken for a repetition of one that did nothing.
	e := Event{Kind: EventNotMe, JobID: n.about, LeadID: n.leadID, Client: req.Requester.Client, Message: n.kind}
	s.emit(ctx, e)
	p := payload{
		Op: jobNotMe, Key: LeadKey{LeadIDField, n.leadID}, Notice: storedKind(n.kind),
		Client: req.Requester.Client, Languages: req.Requester.AcceptLanguage, RequestedAt: time.Now(),
	}
	if n.kind == MessagePasswordChanged {
		s.endSessionsOrRetry(ctx, e, p)
	}
	if err := s.performNotMe(ctx, &p); err != nil {
		s.log.ErrorContext(ctx, "recovery: not all is done for \"this was not me\", will be tried again", "lead", n.leadID, "error", err)
		s.enqueueOrRetry(ctx, p)
	}
	return result, nil
}

// performNotMe ends the tokens, once: from then on p says so, because another
// time would end what the person has asked for since. Then it sends the links.
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
	if MessageKind(p.Notice) != MessagePasswordChanged {
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

// finishNotMe is what a worker does with the rest. Once the tokens are ended,
// what then fails goes on as a job of its own.
func (s *Service) finishNotMe(ctx context.Context, p payload) error {
	ended := p.Ended
	err := s.performNotMe(ctx, &p)
	if err != nil && p.Ended && !ended && s.enqueue(ctx, p, time.Until(p.NotAfter), 0) == nil {
		return nil
	}
	return err
}

// sendAnew sends one link to every mailbox of the lead, or, where it has none,
// to its telephones. All carry the same token, so that one of them wins; none is
// tried for longer than that lives, or a late one would revive it.
func (s *Service) sendNewLinks(ctx context.Context, p payload, lead Lead) error {
	var fields []string
	for _, want := range []FieldType{FieldEmail, FieldPhone} {
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
		s.emit(ctx, Event{Kind: EventMessageSuppressed, Reason: ReasonNoRecipient, LeadID: lead.ID, Client: p.Client})
		return nil
	}
	p.Op, p.Link, p.Secret = jobDeliver, s.opts.Link, newSecret()
	end := time.Now().Add(s.opts.Tokens.LinkTTL)
	var errs []error
	for _, field := range fields {
		p.Recipient = field
		errs = append(errs, s.enqueue(ctx, p, time.Until(end), 0))
	}
	if errors.Join(errs...) != nil && !slices.Contains(errs, nil) {
		return errors.Join(errs...)
	}
	return nil // one is under way, and another try would send a second
}

// A disowned is what the link "this was not me" carries.
type notMeClaim struct {
	kind MessageKind
	// about is the reset that the notice tells of, or the message that was
	// asked for.
	about, leadID string
}

// notMeKinds are the messages that can be disowned, and their letters.
var notMeKinds = map[MessageKind]string{
	MessageResetLink: "l", MessageResetCode: "c", MessagePasswordChanged: "p",
}

// notMeLink is the link for a message, or empty.
func (s *Service) notMeLink(m Message, about string) (Secret, error) {
	letter, ok := notMeKinds[m.Kind]
	if !ok || s.opts.NotMe.URL == "" {
		return Secret{}, nil
	}
	sealed, err := s.keys.notMe.Seal([]byte(letter + about + " " + m.LeadID))
	if err != nil {
		return Secret{}, err
	}
	return NewSecret(s.opts.NotMe.render([]LinkParam{{s.opts.NotMe.tokenParam(), sealed}})), nil
}

func (s *Service) openNotMe(sealed string) (notMeClaim, error) {
	b, _, err := s.keys.notMe.Open(sealed)
	if err != nil || len(b) == 0 {
		s.warnForeign("link \"this was not me\"", err)
		return notMeClaim{}, ErrInvalidProof
	}
	id, leadID, ok := strings.Cut(string(b[1:]), " ")
	for kind, letter := range notMeKinds {
		if ok && letter == string(b[:1]) && validLeadID(leadID) {
			return notMeClaim{kind, id, leadID}, nil
		}
	}
	return notMeClaim{}, ErrInvalidProof
}
