package recovery

import (
	"context"
	"fmt"
	"time"
)

type scopedTake struct {
	scope LimitScope
	Take
}

// take asks the limiter, and does not trust it to answer every question.
func (s *Service) take(ctx context.Context, takes []scopedTake) ([]Decision, error) {
	ask := make([]Take, len(takes))
	for i, t := range takes {
		ask[i] = t.Take
	}
	var decisions []Decision
	err := s.call(ctx, "Limiter.Take", func(ctx context.Context) (err error) {
		decisions, err = s.opts.Limiter.Take(ctx, ask...)
		return err
	})
	if err == nil && len(decisions) != len(takes) {
		err = fmt.Errorf("recovery: %d takes got %d decisions", len(takes), len(decisions))
	}
	if err != nil && s.opts.DangerouslyAllowOnLimiterError {
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
func refused(takes []scopedTake, decisions []Decision) *RateLimitError {
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
			if t := takes[i].Tier.Trickle; t > 0 {
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

// admit counts a public request with its caller and its client, in one round
// trip.
func (s *Service) admit(ctx context.Context, client Tier, op operation, o Origin) (Quotas, error) {
	bucket := s.clients.Bucket(o.Client)
	takes := make([]scopedTake, 0, 2)
	if o.Caller != "" {
		takes = append(takes, scopedTake{ScopeCaller, Take{
			Key: s.keys.limitKey(ScopeCaller, o.Caller, bucket), Tier: s.opts.Limits.Caller,
		}})
	}
	takes = append(takes, scopedTake{ScopeClient, Take{
		Key: s.keys.limitKey(ScopeClient, string(op), bucket), Tier: client,
	}})
	return s.admitAll(ctx, takes, o)
}

// admitCaller counts a request of a server with its key alone.
func (s *Service) admitCaller(ctx context.Context, o Origin) (Quotas, error) {
	return s.admitAll(ctx, []scopedTake{{ScopeCaller, Take{
		Key: s.keys.limitKey(ScopeCaller, o.Caller, ""), Tier: s.opts.Limits.Caller,
	}}}, o)
}

func (s *Service) admitAll(ctx context.Context, takes []scopedTake, o Origin) (Quotas, error) {
	decisions, err := s.take(ctx, takes)
	if err != nil {
		return nil, unavailable("limiter", err)
	}
	quotas := make(Quotas, 0, len(takes))
	for i, d := range decisions {
		if d.Limit.N > 0 {
			quotas = append(quotas, Quota{takes[i].scope, takes[i].Tier, d})
		}
	}
	if e := refused(takes, decisions); e != nil {
		e.Quotas = quotas
		s.emit(ctx, Event{Kind: EventRateLimited, Scope: e.Scope, Caller: o.Caller, Client: o.Client})
		return nil, e
	}
	return quotas, nil
}

// allow counts further takes of an authenticated server.
func (s *Service) allow(ctx context.Context, o Origin, quotas Quotas, takes ...scopedTake) error {
	decisions, err := s.take(ctx, takes)
	if err != nil {
		return unavailable("limiter", err)
	}
	if e := refused(takes, decisions); e != nil {
		e.Quotas = quotas
		s.emit(ctx, Event{Kind: EventRateLimited, Scope: e.Scope, Caller: o.Caller, Client: o.Client})
		return e
	}
	return nil
}

// deliveryTakes are the limits on what one person and one address receive, and
// on what all messages cost. id makes them repeatable.
//
// Links and codes are counted apart: a stranger can ask for codes and kill them
// by guessing, and must not spend the links' places by that (A58).
//
// An error that wraps ErrPermanent says that m could never be delivered.
func (s *Service) deliveryTakes(ctx context.Context, m Message, to address, kind tokenKind, id string) ([]scopedTake, error) {
	takes := make([]scopedTake, 0, 6)
	if m.LeadID != "" {
		takes = append(takes, scopedTake{ScopeLead, Take{
			Key: s.keys.limitKey(ScopeLead, string(kind), m.LeadID), Tier: s.opts.Limits.Lead, ID: id,
		}})
	}
	takes = append(takes, scopedTake{ScopeRecipient, Take{
		Key: s.keys.limitKey(ScopeRecipient, string(kind)+string(to.channel), to.canonical), Tier: s.opts.Limits.Recipient, ID: id,
	}})
	budgets, err := s.budgetTakes(ctx, m, to, id)
	return append(takes, budgets...), err
}

// budgetTakes are the limits on what all messages cost.
func (s *Service) budgetTakes(ctx context.Context, m Message, to address, id string) ([]scopedTake, error) {
	var takes []scopedTake
	tier := s.opts.Limits.EmailBudget
	if to.channel == ChannelSMS {
		tier = s.opts.Limits.SMSBudget
	}
	if len(tier.Limits) > 0 {
		takes = append(takes, s.budget(string(to.channel), tier, id))
	}
	notifier, ok := s.notifier.(BudgetNotifier)
	if !ok {
		return takes, nil
	}
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
	for _, b := range budgets {
		if !isName(b.Name, 32) {
			return nil, fmt.Errorf("recovery: a budget's name must be 1 to 32 of printable ASCII")
		}
		takes = append(takes, s.budget("notifier "+b.Name, b.Tier, id))
	}
	return takes, nil
}

// maxBudgets is how many a [BudgetNotifier] may name for one message.
const maxBudgets = 4

func (s *Service) budget(name string, tier Tier, id string) scopedTake {
	return scopedTake{ScopeBudget, Take{Key: s.keys.limitKey(ScopeBudget, name, ""), Tier: tier, ID: id}}
}
