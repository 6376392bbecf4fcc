package sqlstore

import (
	"context"
	"time"

	"github.com/seed-51359b35/recovery"
)

// Allow implements [recovery.Limiter]. All requests of a call are decided
// together, and concurrent calls share statements. The Store remembers a key
// that is denied until the denial can end. Until then further calls with the key
// cost the database nothing.
func (s *Store) Allow(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	decisions := make([]recovery.Decision, len(requests))
	sent := time.Now()
	var open []recovery.LimitRequest
	var places []int // of the open requests
	for i, r := range requests {
		if d, ok := s.denials.Lookup(r, sent); ok {
			decisions[i] = d
			continue
		}
		if err := r.Validate(); err != nil {
			return nil, err
		}
		open, places = append(open, r), append(places, i)
	}
	if len(open) == 0 {
		return decisions, nil
	}
	answers, err := s.limits.ask(ctx, open)
	if err != nil {
		return nil, err
	}
	answered := time.Now()
	for n, d := range answers {
		s.denials.Remember(open[n], d, sent, answered, time.Microsecond)
		decisions[places[n]] = d
	}
	return decisions, nil
}
