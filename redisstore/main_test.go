package redisstore_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisstore"
)

func TestMain(m *testing.M) {
	redistest.QuietClients()
	if os.Getenv(racerVariable) != "" {
		os.Exit(racerMain())
	}
	if os.Getenv(chunkVariable) != "" {
		os.Exit(chunkMain())
	}
	flag.Parse()
	// The parallel tests mostly wait, and by default as many run as there are
	// cores.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("16")
	}
	os.Exit(m.Run())
}

// A way is how Redis is reached.
type way struct {
	name string
	// client is how a client of one server is made.
	client []func(*redis.Options)
}

// ways are a client as it is by default, which heeds no context, and one that
// heeds them.
var ways = []way{
	{"default", nil},
	{"contexts", []func(*redis.Options){func(o *redis.Options) { o.ContextTimeoutEnabled = true }}},
}

// link is a link's token, at most three live ones in a slot.
func link(digest string) recovery.TokenSpec {
	return recovery.TokenSpec{Digest: digest, State: "s", TTL: 10 * time.Minute, MaxLive: 3}
}

var serial atomic.Int64

// fresh returns a name that nothing else has.
func fresh(what string) string {
	return fmt.Sprintf("test:%s:%d:%d", what, os.Getpid(), serial.Add(1))
}

// put puts a new token and returns where.
func put(t testing.TB, s recovery.TokenStore) recovery.TokenRef {
	t.Helper()
	ref := recovery.TokenRef{Slot: fresh("slot"), Digest: "digest"}
	if _, err := s.Put(t.Context(), ref.Slot, link(ref.Digest)); err != nil {
		t.Fatal(err)
	}
	return ref
}

// limit is LeadSquared's and LoginRadius' window, longer.
var limit = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 25, Window: 5 * time.Minute}}}

// failsClosed asks for everything while Redis cannot answer: errors, no token,
// no decision that lets anything through, and none that says no such token.
func failsClosed(t testing.TB, s *redisstore.Store, ref recovery.TokenRef) {
	t.Helper()
	ctx := context.Background()
	check := func(what string, err error, nothing bool) {
		t.Helper()
		if err == nil || !nothing {
			t.Errorf("%s: error %v, want one and nothing else", what, err)
		}
		if errors.Is(err, recovery.ErrTokenNotFound) || errors.Is(err, recovery.ErrTokenSpent) {
			t.Errorf("%s: %v, as if Redis had said so", what, err)
		}
	}
	decisions, err := s.Allow(ctx, recovery.LimitRequest{Key: fresh("log"), Policy: limit})
	check("Allow", err, decisions == nil)
	token, err := s.Put(ctx, fresh("slot"), link("digest"))
	check("Put", err, token == recovery.TokenRecord{})
	token, err = s.Claim(ctx, "other"+strconv.FormatInt(serial.Add(1), 36), ref)
	check("Claim", err, token == recovery.TokenRecord{})
	check("Release", s.Release(ctx, "never", ref), true)
	check("Delete", s.Delete(ctx, ref.Slot), true)
}

// works polls until everything works, and returns how long that took.
func works(t testing.TB, s *redisstore.Store) time.Duration {
	t.Helper()
	ctx, began, deadline := context.Background(), time.Now(), testenv.Within(20*time.Second)
	try := func() error {
		ref := recovery.TokenRef{Slot: fresh("slot"), Digest: "digest"}
		if _, err := s.Put(ctx, ref.Slot, link(ref.Digest)); err != nil {
			return err
		}
		if _, err := s.Peek(ctx, ref); err != nil {
			return err
		}
		if _, err := s.Claim(ctx, "id", ref); err != nil {
			return err
		}
		if err := errors.Join(s.Release(ctx, "id", ref), s.Delete(ctx, ref.Slot)); err != nil {
			return err
		}
		_, err := s.Allow(ctx, recovery.LimitRequest{Key: fresh("log"), Policy: limit})
		return err
	}
	for {
		err := try()
		if err == nil {
			return time.Since(began)
		}
		if deadline.Over() {
			t.Fatalf("it does not work again: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// size is how often a test repeats something: short by default, long where
// long tests are wanted, and raced where the race detector makes them slow.
func size(short, long, raced int) int {
	switch {
	case !testenv.Long():
		return short
	case raceDetector:
		return raced
	}
	return long
}
