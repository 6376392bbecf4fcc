package recovery

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-51359b35/recovery/internal/ascii"
)

type scopedRequest struct {
	scope LimitScope
	LimitRequest
}

// take asks the limiter, and does not trust it to answer every question.
func (s *Service) allow(ctx context.Context, takes []scopedRequest) ([]Decision, error) {
	ask := make([]LimitRequest, len(takes))
	for i, t := range takes {
		ask[i] = t.LimitRequest
	}
	var decisions []Decision
	err := s.call(ctx, "Limiter.Take", func(ctx context.Context) (err error) {
		decisions, err = s.opts.Limiter.Allow(ctx, ask...)
		return err
	})
	if err == nil && len(decisions) != len(takes) {
		err = fmt.Errorf("recovery: %d takes got %d decisions", len(takes), len(decisions))
	}
	if err != nil && s.opts.Limits.DangerouslyAllowOnError {
		s.log.ErrorContext(ctx, "recovery: limiter failed, request let through", "error", err)
		decisions = make([]Decision, len(takes))
		for i := range decisions {
			decisions[i] = Decision{Allowed: true}
		}
		return decisions, nil
	}
	return decisions, err
}

// refused returns the refusal that lasts longest, so that a client which waits
// for it is not refused by the others. That includes the tiers that counted
// this request although another refused it: the place that it took there may
// have been the last.
func refusal(takes []scopedRequest, decisions []Decision) *RateLimitError {
	var e *RateLimitError
	var wait time.Duration
	for i, d := range decisions {
		if !d.Allowed {
			if e == nil || d.RetryAfter > e.RetryAfter {
				e = &RateLimitError{Scope: takes[i].scope, Limit: d.Limit, RetryAfter: d.RetryAfter}
			}
			continue
		}
		if d.Remaining == 0 {
			if t := takes[i].Policy.ThenOneEvery; t > 0 {
				d.Reset = min(d.Reset, t)
			}
			wait = max(wait, d.Reset)
		}
	}
	if e != nil {
		e.RetryAfter = max(e.RetryAfter, wait)
	}
	return e
}

// A clientAction is what the requests of a client address are counted for, each
// action apart. Its text stands in limiter keys.
type clientAction string

const (
	actionForgot clientAction = "forgot"
	actionReset  clientAction = "reset"
	actionCheck  clientAction = "check" // of a proof, and NotMe
)

// admit counts a public request with its caller and its client, in one round
// trip.
func (s *Service) allowRequest(ctx context.Context, client LimitPolicy, action clientAction, o Requester) (Quotas, error) {
	bucket := s.clients.Bucket(o.Client)
	takes := make([]scopedRequest, 0, 2)
	if o.Caller != "" {
		takes = append(takes, scopedRequest{ScopeCaller, LimitRequest{
			Key: s.keys.limitKey(ScopeCaller, o.Caller, bucket), Policy: s.opts.Limits.Caller,
		}})
	}
	takes = append(takes, scopedRequest{ScopeClient, LimitRequest{
		Key: s.keys.limitKey(ScopeClient, string(action), bucket), Policy: client,
	}})
	return s.allowOrRefuse(ctx, takes, o)
}

// admitCaller counts a request of a server with its key alone.
func (s *Service) allowCaller(ctx context.Context, o Requester) (Quotas, error) {
	return s.allowOrRefuse(ctx, []scopedRequest{{ScopeCaller, LimitRequest{
		Key: s.keys.limitKey(ScopeCaller, o.Caller, ""), Policy: s.opts.Limits.Caller,
	}}}, o)
}

func (s *Service) allowOrRefuse(ctx context.Context, takes []scopedRequest, o Requester) (Quotas, error) {
	decisions, err := s.allow(ctx, takes)
	if err != nil {
		return nil, unavailable("limiter", err)
	}
	quotas := make(Quotas, 0, len(takes))
	for i, d := range decisions {
		if d.Limit.N > 0 {
			quotas = append(quotas, Quota{takes[i].scope, takes[i].Policy, d})
		}
	}
	if e := refusal(takes, decisions); e != nil {
		e.Quotas = quotas
		s.emit(ctx, Event{Kind: EventRateLimited, Scope: e.Scope, Caller: o.Caller, Client: o.Client})
		return nil, e
	}
	return quotas, nil
}

// allow counts further takes of an authenticated server.
func (s *Service) allowMore(ctx context.Context, o Requester, quotas Quotas, takes ...scopedRequest) error {
	decisions, err := s.allow(ctx, takes)
	if err != nil {
		return unavailable("limiter", err)
	}
	if e := refusal(takes, decisions); e != nil {
		e.Quotas = quotas
		s.emit(ctx, Event{Kind: EventRateLimited, Scope: e.Scope, Caller: o.Caller, Client: o.Client})
		return e
	}
	return nil
}

// deliveryTakes are the limits on what one person and one address receive, and
// on what all messages cost. The job's ID makes them repeatable.
//
// Links and codes are counted apart: a stranger can ask for codes and kill them
// by guessing, and must take no place from the links by that (A58). What "this
// was not me" sends is bounded by the resets that it answers, so that a stranger
// takes no place from it either; but it costs what all messages cost.
//
// An error that wraps ErrPermanent says that the message could never be
// delivered.
func (s *Service) deliveryLimits(ctx context.Context, d *delivery) ([]scopedRequest, error) {
	takes := make([]scopedRequest, 0, 6)
	if d.p.Notice == "" {
		kind := kindMailed
		if d.kind == MessageResetCode {
			kind = kindCode
		}
		if d.lead.ID != "" {
			takes = append(takes, scopedRequest{ScopeLead, LimitRequest{
				Key: s.keys.limitKey(ScopeLead, string(kind), d.lead.ID), Policy: s.opts.Limits.Lead, ID: d.job.ID,
			}})
		}
		takes = append(takes, scopedRequest{ScopeRecipient, LimitRequest{
			Key: s.keys.limitKey(ScopeRecipient, string(kind)+string(d.to.channel), d.to.canonical), Policy: s.opts.Limits.Recipient, ID: d.job.ID,
		}})
	}
	tier := s.opts.Limits.EmailBudget
	if d.to.channel == ChannelSMS {
		tier = s.opts.Limits.SMSBudget
	}
	if len(tier.Limits) > 0 {
		takes = append(takes, s.budget(string(d.to.channel), tier, d.job.ID))
	}
	budgets, err := s.notifierBudgets(ctx, d)
	return append(takes, budgets...), err
}

// notifierBudgets are those that a [BudgetNotifier] names.
func (s *Service) notifierBudgets(ctx context.Context, d *delivery) ([]scopedRequest, error) {
	notifier, ok := s.notifier.(BudgetNotifier)
	if !ok {
		return nil, nil
	}
	m := d.message()
	var budgets []Budget
	err := s.call(ctx, "BudgetNotifier.Budgets", func(ctx context.Context) (err error) {
		budgets, err = notifier.Budgets(ctx, m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("recovery: asking for budgets: %w", scrub(err, m.secrets()...))
	}
	if len(budgets) > maxBudgets {
		return nil, fmt.Errorf("recovery: %d budgets for one message, at most %d", len(budgets), maxBudgets)
	}
	var takes []scopedRequest
	for _, b := range budgets {
		if !ascii.IsName(b.Name, 1, 32) {
			return nil, fmt.Errorf("recovery: a budget's name must be 1 to 32 of printable ASCII")
		}
		takes = append(takes, s.budget("notifier "+b.Name, b.Policy, d.job.ID))
	}
	return takes, nil
}

// maxBudgets is how many a [BudgetNotifier] may name for one message.
const maxBudgets = 4

func (s *Service) budget(name string, tier LimitPolicy, id string) scopedRequest {
	return scopedRequest{ScopeBudget, LimitRequest{Key: s.keys.limitKey(ScopeBudget, name, ""), Policy: tier, ID: id}}
}
