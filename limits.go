package recovery

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/seed-51359b35/recovery/internal/ascii"
)

// A scopedRequest is a request to the limiter, and the scope that it is for.
type scopedRequest struct {
	scope LimitScope
	LimitRequest
}

// allow asks the limiter. While that fails, it allows everything if the host wants so.
func (s *Service) allow(ctx context.Context, requests []scopedRequest) ([]Decision, error) {
	decisions, err := s.askLimiter(ctx, requests)
	if err != nil && s.opts.Limits.DangerouslyAllowOnError {
		s.outages.Failed(ctx, s.log, slog.LevelError, "limits", "recovery: limiter failed, requests are allowed", "error", err)
		decisions = make([]Decision, len(requests))
		for i := range decisions {
			decisions[i] = Decision{Allowed: true}
		}
		return decisions, nil
	}
	if err == nil {
		s.outages.Works(ctx, "limits")
	}
	return decisions, err
}

// askLimiter asks the limiter, and checks that the limiter returned as many
// decisions as there are requests.
func (s *Service) askLimiter(ctx context.Context, requests []scopedRequest) ([]Decision, error) {
	ask := make([]LimitRequest, len(requests))
	for i, r := range requests {
		ask[i] = r.LimitRequest
	}
	var decisions []Decision
	err := s.call(ctx, "Limiter.Allow", func(ctx context.Context) (err error) {
		decisions, err = s.opts.Limiter.Allow(ctx, ask...)
		return err
	})
	if err == nil && len(decisions) != len(requests) {
		err = fmt.Errorf("recovery: the limiter returned %[2]d decisions for %[1]d requests", len(requests), len(decisions))
		s.watch(ctx, "Limiter.Allow", err)
	}
	return decisions, err
}

// refusal returns the refusal that lasts longest, or nil. Its only quota is
// that of the policy that refused. A client that waits so long is not refused
// by any of the policies, if nobody else with the same key or address sends a
// request. The policies that allowed and counted this request have to be waited
// for too, if the request was the last that they allow.
func refusal(requests []scopedRequest, decisions []Decision) *RateLimitError {
	var e *RateLimitError
	var wait time.Duration
	for i, d := range decisions {
		if !d.Allowed {
			if e == nil || d.RetryAfter > e.RetryAfter {
				e = &RateLimitError{
					Scope: requests[i].scope, Limit: d.Limit, RetryAfter: d.RetryAfter,
					Quotas: Quotas{{requests[i].scope, requests[i].Policy, d}},
				}
			}
			continue
		}
		if d.Remaining == 0 {
			if t := requests[i].Policy.ThenOneEvery; t > 0 {
				d.Reset = min(d.Reset, t)
			}
			wait = max(wait, d.Reset)
		}
	}
	if e != nil {
		e.RetryAfter = max(e.RetryAfter, wait)
		e.Quotas[0].Decision.RetryAfter = e.RetryAfter
	}
	return e
}

// A clientAction is what a client asks for. The requests of a client are
// counted separately for each action. The text is part of limiter keys, so it
// must not change.
type clientAction string

const (
	actionForgot clientAction = "forgot"
	actionReset  clientAction = "reset"
	actionCheck  clientAction = "check" // CheckProof and NotMe
	actionChange clientAction = "change"
)

// allowRequest counts a public request for its caller and for its client, in
// one round trip.
func (s *Service) allowRequest(ctx context.Context, client LimitPolicy, action clientAction, from Requester) (Quotas, error) {
	bucket := s.clients.Bucket(from.Client)
	requests := make([]scopedRequest, 0, 2)
	if from.Caller != "" {
		requests = append(requests, scopedRequest{ScopeCaller, LimitRequest{
			Key: s.keys.limitKey(ScopeCaller, from.Caller, bucket), Policy: s.opts.Limits.Caller,
		}})
	}
	requests = append(requests, scopedRequest{ScopeClient, LimitRequest{
		Key: s.keys.limitKey(ScopeClient, string(action), bucket), Policy: client,
	}})
	return s.allowOrRefuse(ctx, from, nil, requests...)
}

// allowCaller counts the request of a server, for its API key alone.
func (s *Service) allowCaller(ctx context.Context, from Requester) (Quotas, error) {
	return s.allowOrRefuse(ctx, from, nil, scopedRequest{ScopeCaller, LimitRequest{
		Key: s.keys.limitKey(ScopeCaller, from.Caller, ""), Policy: s.opts.Limits.Caller,
	}})
}

// allowOrRefuse counts requests, and returns a [*RateLimitError] if one is
// refused. It returns the quotas for the answer: the given ones if they are not
// nil, or else those of these requests.
func (s *Service) allowOrRefuse(ctx context.Context, from Requester, quotas Quotas, requests ...scopedRequest) (Quotas, error) {
	decisions, err := s.allow(ctx, requests)
	if err != nil {
		return nil, unavailable("limiter", err)
	}
	return s.judge(ctx, from, quotas, requests, decisions)
}

// judge turns the decisions of a limiter into what allowOrRefuse returns.
func (s *Service) judge(ctx context.Context, from Requester, quotas Quotas, requests []scopedRequest, decisions []Decision) (Quotas, error) {
	given := quotas != nil
	if !given {
		quotas = make(Quotas, 0, len(requests))
		for i, d := range decisions {
			if d.Limit.N > 0 {
				quotas = append(quotas, Quota{requests[i].scope, requests[i].Policy, d})
			}
		}
	}
	if e := refusal(requests, decisions); e != nil {
		if given {
			// The answer names the window that refused, beside those that did
			// not.
			e.Quotas = append(slices.Clone(quotas), e.Quotas...)
		} else {
			e.Quotas = quotas
		}
		s.emit(ctx, Event{Kind: EventRateLimited, Scope: e.Scope, Caller: from.Caller, Client: from.Client})
		return nil, e
	}
	return quotas, nil
}

// secretPolicy limits how many different secrets one client may present.
func secretPolicy() LimitPolicy { return LimitPolicy{Limits: []Limit{{25, 5 * time.Second}}} }

// AllowSecret counts a secret that a client presents. A handler that accepts
// secrets calls it before it compares anything, so that nobody finds a secret
// by trying (A80). One address may present 25 different secrets in 5 s: that of
// the server, if it passes on the address of a person, or else the client's.
// The same secret counts once in that time, so whoever has the right one is not
// limited by this. An empty one counts every time.
//
// Each process counts for itself, in memory. That is enough: a secret that
// cannot be guessed with five attempts a second cannot be guessed with fifty,
// by asking ten instances.
//
// The error is a [*RateLimitError] of the client, also for the right secret, or
// wraps [ErrUnavailable]. The quotas are for the answer to a wrong secret.
func (s *Service) AllowSecret(ctx context.Context, from Requester, presented Secret) (Quotas, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.inFlight.Done()
	if from.passedOn || from.Server.IsValid() {
		// The secret is not checked yet, so the event must not name Client either.
		from.Client = from.Server
	}
	request := LimitRequest{Key: "secret:" + s.clients.Bucket(from.Client), Policy: secretPolicy()}
	if v := presented.Reveal(); v != "" {
		request.ID = s.keys.limitKey(ScopeClient, "secret", v)
	}
	decisions, err := s.secrets.Allow(ctx, request)
	if err != nil {
		return nil, unavailable("limiter", err)
	}
	return s.judge(ctx, from, nil, []scopedRequest{{ScopeClient, request}}, decisions)
}

// deliveryLimits returns the limits on what one person and one address receive,
// and the budgets of all messages together. The requests carry the job's ID, so a
// repeated attempt is not counted again. The budgets must be asked last, and only
// if the others allow the message. Otherwise a stranger could use them up, for
// everybody, by asking for what is not sent (A57).
//
// Links and codes are counted separately: a stranger who asks for codes must not use
// up the limit of links by that (A58). The number of messages after "this was not me" is bounded by the
// number of resets. They are not counted against the person's limits, so that a
// stranger cannot use these up either, but they count against the budgets.
//
// An error that wraps ErrPermanent says that the message can never be
// delivered.
func (s *Service) deliveryLimits(ctx context.Context, d *delivery) (person, budgets []scopedRequest, err error) {
	if d.p.Notice == "" {
		kind := kindMailed
		switch d.kind {
		case MessageResetCode:
			kind = kindCode
		case MessageUnknownAddress:
			// A lead may have the address in a field that is not searched. Its
			// links must not be limited by what strangers have sent there (A58).
			kind = "u"
		case MessageInvitation, MessageResetRequired:
			// What a host sends costs no request of a person. An invitation that a
			// forgotten password brings counts as the link that was asked for.
			kind = d.p.kind()
		}
		person = s.personLimits(d, kind)
	}
	budgets, err = s.budgets(ctx, d)
	return person, budgets, err
}

// budgets returns the budgets of all messages together, which the message counts
// against.
func (s *Service) budgets(ctx context.Context, d *delivery) (budgets []scopedRequest, err error) {
	policy := s.opts.Limits.EmailBudget
	if d.to.channel == ChannelSMS {
		policy = s.opts.Limits.SMSBudget
	}
	if len(policy.Limits) > 0 {
		budgets = append(budgets, s.budget(string(d.to.channel), policy, d.job.ID))
	}
	d.brandBudget = s.brandBudgetOf(d)
	own, err := s.notifierBudgets(ctx, d)
	return append(budgets, own...), err
}

// personLimits returns the limits on what one person and one address receive.
// What a known device asked for was counted by allowDevice instead.
func (s *Service) personLimits(d *delivery, kind tokenKind) []scopedRequest {
	if d.known != "" {
		return nil
	}
	var requests []scopedRequest
	if d.lead.ID != "" {
		requests = append(requests, s.leadLimit(d, kind, d.lead.ID, d.to))
	}
	return append(requests, s.recipientLimit(d, kind, d.to))
}

// leadLimit is the limit on what one lead receives. Each address is counted and not
// each field. If two fields have the same address, a stranger could otherwise have
// Lead refuse what Recipient counts, and the other way round, and no message would
// go out (A58).
func (s *Service) leadLimit(d *delivery, kind tokenKind, leadID string, to address) scopedRequest {
	return scopedRequest{ScopeLead, LimitRequest{
		Key: s.keys.limitKey(ScopeLead, string(kind)+" "+to.canonical, leadID), Policy: s.opts.Limits.Lead, ID: d.job.ID,
	}}
}

// recipientLimit is the limit on what one address receives.
func (s *Service) recipientLimit(d *delivery, kind tokenKind, to address) scopedRequest {
	return scopedRequest{ScopeRecipient, LimitRequest{
		Key: s.keys.limitKey(ScopeRecipient, string(kind)+string(to.channel), to.canonical), Policy: s.opts.Limits.Recipient, ID: d.job.ID,
	}}
}

// notifierBudgets returns the budgets that a [BudgetNotifier] names.
func (s *Service) notifierBudgets(ctx context.Context, d *delivery) ([]scopedRequest, error) {
	notifier, ok := s.notifier.(BudgetNotifier)
	if !ok {
		return nil, nil
	}
	m := d.message()
	var budgets []Budget
	err := s.call(ctx, "BudgetNotifier.Budgets", func(ctx context.Context) (err error) {
		budgets, err = notifier.Budgets(ctx, m)
		return scrub(err, m.secrets()...)
	}, m.secrets()...)
	if err != nil {
		return nil, fmt.Errorf("recovery: asking for budgets: %w", err)
	}
	if len(budgets) > maxBudgets {
		return nil, fmt.Errorf("recovery: %d budgets for one message, at most %d", len(budgets), maxBudgets)
	}
	var requests []scopedRequest
	for _, b := range budgets {
		if !ascii.IsName(b.Name, 1, 32) {
			return nil, fmt.Errorf("recovery: a budget's name must be 1 to 32 characters of printable ASCII without spaces")
		}
		requests = append(requests, s.budget("notifier "+b.Name, b.Policy, d.job.ID))
	}
	return requests, nil
}

// maxBudgets is how many budgets a [BudgetNotifier] may name for one message.
const maxBudgets = 4

func (s *Service) budget(name string, policy LimitPolicy, id string) scopedRequest {
	return scopedRequest{ScopeBudget, LimitRequest{Key: s.keys.limitKey(ScopeBudget, name, ""), Policy: policy, ID: id}}
}
