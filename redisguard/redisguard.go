// Package redisguard is what packages redisstore and asynqqueue share: it stops
// asking a Redis that does not answer (package breaker), and it asks Redis at the
// start whether it can lose what it holds. Programs do not need it.
package redisguard

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/breaker"
)

// Options configure a [Guard]. Down, Logger, WhenDown and WhenUp are required.
type Options struct {
	_ [0]func()

	// Down is the error of calls that are refused while Redis is down.
	Down error
	// Logger gets the line WhenDown, at level ERROR, when Redis begins to count
	// as down, and the line WhenUp, at level INFO, when it answers again. Both
	// have the attributes Attrs, and the first has the error of the last call.
	// A Logger that blocks makes nobody wait but those whose call showed the
	// change.
	Logger           *slog.Logger
	WhenDown, WhenUp string
	Attrs            []any
	// Client, if it is a [*redis.Client], is asked what is wrong when Redis begins
	// to count as down: if the client speaks TLS and the server does not, or the
	// reverse, a line at level ERROR says so up to two seconds later. Default:
	// nobody is asked.
	Client redis.UniversalClient
	// Ignore reports whether an error says nothing about Redis, so that it
	// counts neither as a success nor as a failure. [context.Canceled] is
	// ignored in any case. Default: no other error is.
	Ignore func(error) bool
	// Failed reports whether an error shows that Redis is down. Default: every
	// error does.
	Failed func(error) bool
}

// A Guard refuses calls while Redis does not answer, as a [breaker.Breaker] does.
// It is safe for concurrent use.
type Guard struct {
	*breaker.Breaker
	opts    Options
	failing atomic.Bool // the last call failed
	// For Reach: whether the last try connected, whether any did, and how many
	// did not.
	reached, direct atomic.Bool
	refusals        atomic.Int64
	explains        atomic.Bool // explain runs
}

// New returns a Guard.
func New(opts Options) *Guard {
	g := &Guard{opts: opts}
	g.Breaker = breaker.New(breaker.Options{
		Down: opts.Down, Logger: opts.Logger, WhenDown: opts.WhenDown, WhenUp: opts.WhenUp, Attrs: opts.Attrs,
		Ignore: opts.Ignore, Failed: opts.Failed, Cause: cause, OnDown: g.explain,
		Counted: func(ok bool) {
			g.failing.Store(!ok)
			if ok {
				g.reached.Store(false) // that is long ago at the next failure
			}
		},
	})
	return g
}

// cause returns what may be logged of what Redis answers: the first word, such as
// READONLY. The rest may quote a command.
func cause(err error) string {
	if answer, ok := errors.AsType[redis.Error](err); ok {
		word, _, _ := strings.Cut(answer.Error(), " ")
		return word
	}
	return ""
}

// Failing reports whether [Guard.Reach] should come before the next call: Redis
// counts as down, or the last call failed and Reach has connected before. Where
// it never has, perhaps only the host's hooks can, and one failure is no reason
// to refuse calls.
func (g *Guard) Failing() bool {
	return g.Down() || g.direct.Load() && g.failing.Load()
}

// IsDown reports whether an error shows that Redis is down or cannot do its
// work, rather than that it refused one command. For [Options].Failed.
func IsDown(err error) bool {
	answer, ok := errors.AsType[redis.Error](err)
	if !ok {
		return err != nil
	}
	for _, state := range []string{"LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "BUSY"} {
		if strings.HasPrefix(answer.Error(), state) {
			return true
		}
	}
	return false
}

// Refusal returns why Redis refuses a connection, if err does not say it, or nil.
// While a connection is not signed in, Redis answers a long command with
// "unauthenticated multibulk length", or by closing the connection. Its answer to
// a short one names the cause: NOAUTH, WRONGPASS or NOPERM.
func Refusal(ctx context.Context, client redis.UniversalClient, err error) error {
	if err == nil || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !strings.Contains(err.Error(), "unauthenticated") {
		return nil
	}
	if c, ok := client.(*redis.Client); ok && connect(ctx, c) != nil {
		return nil // and the pool is not made to try
	}
	cause := client.Process(ctx, ping{redis.NewStatusCmd(ctx, "ping")})
	if _, ok := errors.AsType[redis.Error](cause); !ok {
		return nil
	}
	return cause
}

// A ping is one that go-redis does not repeat.
type ping struct{ *redis.StatusCmd }

// NoRetry implements [redis.Cmder].
func (ping) NoRetry() bool { return true }

// Info asks every server that takes writes for one value of a section of INFO,
// and calls found with the answer of each that names it. It asks INFO because
// managed services often refuse CONFIG. It knows the servers of a
// [*redis.Client] and a [*redis.ClusterClient] only: for any other client it asks
// nothing and returns nil.
//
// The error is that of a server, or that of ctx: Info returns when ctx ends,
// although the client may not heed ctx. found is called by one goroutine, and not
// after Info has returned.
func Info(ctx context.Context, client redis.UniversalClient, section, name string, found func(server, value string)) error {
	type answer struct{ server, value string }
	answers := make(chan answer)
	done := make(chan error, 1)
	ask := func(_ context.Context, node *redis.Client) error {
		info, err := node.Info(ctx, section).Result()
		if err != nil {
			return err
		}
		for line := range strings.Lines(info) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
				select {
				case answers <- answer{node.Options().Addr, value}:
				case <-ctx.Done():
				}
			}
		}
		return nil
	}
	go func() {
		switch c := client.(type) {
		case *redis.ClusterClient:
			done <- c.ForEachMaster(ctx, ask)
		case *redis.Client:
			done <- ask(ctx, c)
		default:
			done <- nil // which servers there are is not known
		}
	}()
	for {
		select {
		case a := <-answers:
			found(a.server, a.value)
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// WarnOfEviction logs a warning for each server whose maxmemory-policy can drop
// data when memory is short (A53). The line begins with the name of the package
// and says what can be dropped. The error is that of [Info].
func WarnOfEviction(ctx context.Context, client redis.UniversalClient, log *slog.Logger, pkg, what string) error {
	return Info(ctx, client, "memory", "maxmemory_policy", func(server, policy string) {
		if policy != "noeviction" {
			log.Warn(pkg+": this eviction policy can drop "+what+"; set maxmemory-policy noeviction", "policy", policy, "server", server)
		}
	})
}
