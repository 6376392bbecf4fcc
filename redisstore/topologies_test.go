package redisstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// The keys of one call may lie on three masters, and a script must only name
// its own.
func TestCluster(t *testing.T) {
	t.Parallel() // the suites mostly wait
	cluster := redistest.StartCluster(t)
	var masters []*redis.Client
	for _, node := range cluster.Nodes[:3] {
		masters = append(masters, node.Client(t))
	}
	suites(t, cluster.Client(t), cluster.Client(t), 100*time.Millisecond, masters...)
}

func TestSentinel(t *testing.T) {
	t.Parallel() // the suites mostly wait
	sentinel := redistest.StartSentinel(t)
	suites(t, sentinel.FailoverClient(t), sentinel.FailoverClient(t), 100*time.Millisecond, sentinel.Master(t).Client(t))
}

// In a Cluster each key's own master waits for its replica; the keys of one
// claim may lie on two.
func TestClusterReplicas(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	s := newStore(t, cluster.Client(t), func(o *redisstore.Options) { o.Replicas, o.Timeout = 1, time.Second })
	for range 30 {
		ref, elsewhere := put(t, s), recovery.Ref{Slot: fresh("slot"), Digest: "digest"}
		if _, err := s.Claim(t.Context(), "id", elsewhere, ref); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Claim(t.Context(), "other", elsewhere, ref); !errors.Is(err, recovery.ErrTokenNotFound) {
			t.Fatalf("a second claim: %v", err)
		}
		// The replica has it.
		replica := cluster.ReplicaOf(t, ref.Slot).Client(t).Conn()
		must(t, replica.ReadOnly(t.Context()).Err())
		if value, err := replica.Get(t.Context(), ref.Slot).Result(); err != nil || !strings.Contains(value, " id ") {
			t.Fatalf("the replica has %q, %v", value, err)
		}
	}
	ref := put(t, s)
	cluster.ReplicaOf(t, ref.Slot).Freeze()
	if _, err := s.Claim(t.Context(), "id", ref); !errors.Is(err, redisstore.ErrTooFewReplicas) {
		t.Errorf("Claim without a replica that answers: %v", err)
	}
	cluster.ReplicaOf(t, ref.Slot).Thaw()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		_, err := s.Claim(t.Context(), "id", ref)
		if err == nil {
			break
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("the same claim, with the replica back: %v", err)
		}
	}
}
