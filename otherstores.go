package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/seed-51359b35/recovery/internal/seal"
)

// tellOfStores tells once of a link that was made with these Keys a short time ago
// and that the store has no record of: it was made with another store. A link that
// was used, replaced or ended is recorded until it would have expired, and nobody
// can make one up. A link of more than half its lifetime counts as expired, because
// clocks differ.
func (s *Service) tellOfStores(ctx context.Context, proof Proof, err error) {
	if proof.sealed.IsZero() || !errors.Is(err, ErrTokenNotRecorded) {
		return
	}
	age := time.Since(seal.Time(proof.sealed.Reveal()))
	if age > s.opts.Tokens.LinkTTL/2 || s.toldOfStores.Swap(true) {
		return
	}
	s.log.WarnContext(ctx, "recovery: the token store has no record of a link that was made with these Keys a short time ago. Another instance made it in another store, or the store has lost it. "+storeAdvice(s.tokens),
		"store", described(s.tokens), "age", age.Round(time.Second).String())
}

// storeAdvice says what to do about two stores.
func storeAdvice(tokens TokenStore) string {
	if _, ok := tokens.(*MemoryTokenStore); ok {
		return "A MemoryTokenStore is lost when its program ends, and no other instance has it. Where there are several instances, or links must outlive the program, use a store such as sqlstore or redisstore"
	}
	return "Give all instances the same server and database, and the same Fields"
}

// described is what the log says about a collaborator: what it says itself, as a
// [slog.LogValuer], or else its type.
func described(collaborator any) any {
	if v, ok := collaborator.(slog.LogValuer); ok {
		return v
	}
	return fmt.Sprintf("%T", collaborator)
}
