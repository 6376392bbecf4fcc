package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/seed-51359b35/recovery/breaker"
	"github.com/seed-51359b35/recovery/groupcommit"
)

// A group decides the jobs of many callers together. One call of each kind to the
// database is out at a time. A second one would halve the groups: at 64 callers on
// PostgreSQL, one call at a time decides 49,000 jobs a second, and two decide
// 38,000.
type group[J, A any] struct {
	statements statements
	timeout    time.Duration
	guard      *breaker.Breaker
	// first decides jobs that are new, and second those for which that was too
	// late, with locks. So jobs whose records somebody else has locked go a way of
	// their own, however long that lasts.
	first, second *groupcommit.Group[[]J, []answer[A]]
}

func newGroup[J, A any](r records[J, A], logger *slog.Logger) *group[J, A] {
	cleaner := &cleaner{db: r.db, statements: r.statements, timeout: r.timeout, logger: logger}
	r.wrote = cleaner.wrote
	locking := r
	locking.lock = true
	options := groupcommit.Options[[]J]{
		MaxCalls: 1, Timeout: r.timeout, Breaker: r.guard, Key: func(jobs []J) string { return r.nameOf(jobs[0]) },
	}
	return &group[J, A]{r.statements, r.timeout, r.guard, groupcommit.New(r.decide, options), groupcommit.New(locking.decide, options)}
}

// ask has the jobs of one caller decided.
func (g *group[J, A]) ask(ctx context.Context, jobs []J) ([]A, error) {
	if len(jobs) == 0 {
		return []A{}, ctx.Err()
	}
	if g.guard.Refuses() {
		return nil, ErrDown
	}
	began := time.Now()
	answers, err := g.first.Do(ctx, jobs)
	if err == nil {
		err = g.askAgain(ctx, began, jobs, answers)
	}
	if errors.Is(err, groupcommit.ErrTimeout) {
		return nil, errTimeout
	}
	if err != nil {
		return nil, err
	}
	values := make([]A, len(answers))
	for i, a := range answers {
		if a.err != nil {
			return nil, a.err
		}
		values[i] = a.value
	}
	return values, nil
}

// askAgain has those of the jobs decided that came too late, until none does, and
// writes their answers over the earlier ones.
func (g *group[J, A]) askAgain(ctx context.Context, began time.Time, jobs []J, answers []answer[A]) error {
	for pause := time.Duration(0); ; pause = min(2*pause+time.Millisecond, 50*time.Millisecond) {
		var late []J
		var places []int
		for i, a := range answers {
			if a.err == errLate {
				late, places = append(late, jobs[i]), append(places, i)
			}
		}
		if len(late) == 0 {
			return nil
		}
		again, err := g.again(ctx, began.Add(g.timeout), pause, late)
		if err != nil {
			return err
		}
		for n, a := range again {
			answers[places[n]] = a
		}
	}
}

// again has jobs decided after a pause.
func (g *group[J, A]) again(ctx context.Context, deadline time.Time, pause time.Duration, jobs []J) ([]answer[A], error) {
	short, cancel := context.WithDeadlineCause(ctx, deadline, errTimeout)
	defer cancel()
	select {
	case <-time.After(pause):
	case <-short.Done():
		return nil, context.Cause(short)
	}
	answers, err := g.second.Do(short, jobs)
	if err != nil && short.Err() != nil {
		err = context.Cause(short)
	}
	return answers, err
}

// pingEvery is how often somebody asks a database that is down whether it is back,
// or less often where Timeout is long: there are ten questions at most.
const pingEvery = 200 * time.Millisecond

// reach returns once the database answers, or after its first error. It asks again
// and again, because a question is never answered that went over a connection
// which the network has lost, also when the database can be reached again.
func reach(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	deadline, _ := ctx.Deadline()
	ticker := time.NewTicker(max(pingEvery, time.Until(deadline)/10))
	defer ticker.Stop()
	answers := make(chan error)
	for {
		go func() {
			err := db.PingContext(ctx)
			select {
			case answers <- err:
			case <-ctx.Done():
			}
		}()
		select {
		case err := <-answers:
			return err
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
