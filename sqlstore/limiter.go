package sqlstore

import (
	"context"

	"github.com/seed-51359b35/recovery"
)

// Allow implements [recovery.Limiter]. All requests of a call are decided
// together, and concurrent calls share statements.
func (s *Store) Allow(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error) {
	for _, r := range requests {
		if err := r.Validate(); err != nil {
			return nil, err
		}
	}
	return s.limits.ask(ctx, requests)
}
