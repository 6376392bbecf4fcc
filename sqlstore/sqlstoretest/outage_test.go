package sqlstoretest

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// own are servers that a test may freeze and kill.
var own = []struct {
	database
	server func(testenv.TB, ...string) *sqltest.Server
	source func(s *sqltest.Server) (driver, source string)
}{
	{databases[0], sqltest.StartPostgreSQL, func(s *sqltest.Server) (string, string) { return "pgx", s.URL("postgres") }},
	{databases[1], sqltest.StartMariaDB, func(s *sqltest.Server) (string, string) { return "mysql", "root@tcp(" + s.Addr + ")/mysql" }},
}

// R2: the database is frozen, or the network loses all packets, or the server is
// gone. Nobody waits longer than Timeout, and nobody at all once it is known. It is
// used again as soon as it answers, and no token is lost.
func TestOutage(t *testing.T) {
	outages := []struct {
		name       string
		begin, end func(*sqltest.Server, *sqltest.Link) error
	}{
		{
			"frozen",
			func(s *sqltest.Server, _ *sqltest.Link) error { return s.Freeze() },
			func(s *sqltest.Server, _ *sqltest.Link) error { return s.Thaw() },
		},
		{
			"swallowed",
			func(_ *sqltest.Server, l *sqltest.Link) error { l.Swallow(true); return nil },
			func(_ *sqltest.Server, l *sqltest.Link) error { l.Swallow(false); return nil },
		},
		{
			"killed",
			func(s *sqltest.Server, _ *sqltest.Link) error { return s.Kill() },
			func(s *sqltest.Server, _ *sqltest.Link) error { return s.Restart() },
		},
	}
	for _, d := range own {
		t.Run(d.name, func(t *testing.T) {
			server := d.server(t)
			link := sqltest.NewLink(t, server.Addr)
			driver, source := d.source(server)
			if err := sqlstore.Migrate(t.Context(), connect(t, driver, source), d.dialect); err != nil {
				t.Fatal(err)
			}
			for _, outage := range outages {
				t.Run(outage.name, func(t *testing.T) {
					var log lines
					s, err := sqlstore.New(connect(t, driver, strings.Replace(source, server.Addr, link.Addr, 1)), d.dialect,
						sqlstore.Options{Timeout: 250 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))})
					if err != nil {
						t.Fatal(err)
					}
					ref := put(t, s)
					late := testenv.Lateness(t)
					if err := outage.begin(server, link); err != nil {
						t.Fatal(err)
					}
					longest := askDuringOutage(t, s, ref)
					margin := 10*time.Millisecond + 3*late()
					if longest > 250*time.Millisecond+margin && longest > testenv.Patience(250*time.Millisecond) {
						t.Errorf("somebody waited %v, want at most %v more than 250 ms", longest, margin)
					}
					cost := costWhileDown(t, s)
					if most := 10 * time.Microsecond; cost > most && cost > testenv.Patience(most) {
						t.Errorf("a refused call costs %v, want at most %v", cost, most)
					}
					if err := outage.end(server, link); err != nil {
						t.Fatal(err)
					}
					late = testenv.Lateness(t)
					ended := time.Now()
					testenv.Eventually(t, 30*time.Second, "the token is claimed", func() bool {
						_, err := s.Claim(t.Context(), "id", ref)
						return err == nil
					})
					again := time.Since(ended)
					if allowed := 250*time.Millisecond + 3*late(); again > allowed && again > testenv.Patience(allowed) {
						t.Errorf("used again after %v, want at most %v", again, allowed)
					}
					if down, up := log.count("does not answer, so"), log.count("answers again"); down != 1 || up != 1 {
						t.Errorf("%d lines say that it is down and %d that it is back, want one each", down, up)
					}
					t.Logf("longest wait %v (margin %v), %v a call while down, used again after %v", longest, margin, cost, again)
				})
			}
		})
	}
}

// While the network loses all packets, a try lasts up to Timeout. If the network is
// back meanwhile, that try finds it out, although nobody ever answers what it asked
// first.
func TestTryEndsWithTheOutage(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, d database, link *sqltest.Link, _, far func(testing.TB) *sql.DB) {
		const timeout = 3 * time.Second
		s, err := sqlstore.New(far(t), d.dialect, sqlstore.Options{Timeout: timeout, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ask := func() error {
			_, err := s.Allow(t.Context(), recovery.LimitRequest{Key: fresh(), Policy: policy})
			return err
		}
		link.Swallow(true)
		testenv.Eventually(t, 4*timeout, "the database counts as down", func() bool { return errors.Is(ask(), sqlstore.ErrDown) })
		late := testenv.Lateness(t)
		var answered time.Time
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			for answered.IsZero() {
				if ask() == nil {
					answered = time.Now()
				}
			}
		}()
		time.Sleep(500 * time.Millisecond) // a try is out: one begins every 100 ms
		ended := time.Now()
		link.Swallow(false)
		<-asked
		// A try that waited for what it asked first would take 2 s more.
		if took, limit := answered.Sub(ended), 250*time.Millisecond; took > limit+3*late() && took > timeout/2 {
			t.Errorf("used again after %v, want %v", took, limit)
		} else {
			t.Logf("used again after %v", took)
		}
	})
}

// askDuringOutage has 64 callers ask for 1.5 s, and returns how long the longest
// call took.
func askDuringOutage(t *testing.T, s *sqlstore.Store, ref recovery.TokenRef) (longest time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	end := time.Now().Add(1500 * time.Millisecond)
	for caller := range 64 {
		wg.Go(func() {
			for time.Now().Before(end) {
				began := time.Now()
				var err error
				if caller%2 == 0 {
					_, err = s.Allow(context.Background(), recovery.LimitRequest{Key: "hot", Policy: policy})
				} else {
					_, err = s.Claim(context.Background(), "id", ref)
				}
				took := time.Since(began)
				if err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
					t.Errorf("answered by nobody: %v", err)
				}
				mu.Lock()
				longest = max(longest, took)
				mu.Unlock()
				time.Sleep(4 * time.Millisecond)
			}
		})
	}
	wg.Wait()
	return longest
}

// costWhileDown returns the median time of a refused call.
func costWhileDown(t *testing.T, s *sqlstore.Store) time.Duration {
	t.Helper()
	costs := make([]time.Duration, 0, 2000)
	for len(costs) < cap(costs) {
		began := time.Now()
		_, err := s.Allow(context.Background(), recovery.LimitRequest{Key: "hot", Policy: policy})
		if errors.Is(err, sqlstore.ErrDown) {
			costs = append(costs, time.Since(began))
		} else if err == nil {
			t.Fatal("let through")
		}
	}
	slices.Sort(costs)
	return costs[len(costs)/2]
}
