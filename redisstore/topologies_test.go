package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisstore"
)

// The keys of one call may lie on three masters, and a script must only name
// its own.
func TestCluster(t *testing.T) {
	t.Parallel() // the suites mostly wait
	cluster := redistest.StartCluster(t)
	cluster.Calm(t)
	var masters []*redis.Client
	for _, node := range cluster.Nodes[:3] {
		masters = append(masters, node.Client(t))
	}
	suites(t, cluster.Client(t), cluster.Client(t), masters...)
}

func TestSentinel(t *testing.T) {
	t.Parallel() // the suites mostly wait
	sentinel := redistest.StartSentinel(t)
	sentinel.Calm(t)
	suites(t, sentinel.FailoverClient(t), sentinel.FailoverClient(t), sentinel.Master(t).Client(t))
}

// In a Cluster each key's own master waits for its replica; the keys of one
// claim may lie on two.
func TestClusterReplicas(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	cluster.Calm(t)
	s := newStore(t, cluster.Client(t), func(o *redisstore.Options) { o.Replicas, o.Timeout = 1, testenv.Patience(2*time.Second) })
	for range size(10, 30, 30) {
		ref, elsewhere := put(t, s), recovery.TokenRef{Slot: fresh("slot"), Digest: "digest"}
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
	replica := cluster.ReplicaOf(t, ref.Slot)
	replica.Freeze()
	if _, err := s.Claim(t.Context(), "id", ref); !errors.Is(err, redisstore.ErrTooFewReplicas) {
		t.Errorf("Claim without a replica that answers: %v", err)
	}
	replica.Thaw()
	for deadline := testenv.Within(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err := s.Claim(t.Context(), "id", ref)
		if err == nil {
			break
		}
		if deadline.Over() {
			t.Fatalf("the same claim, with the replica back: %v", err)
		}
	}
}

// A claim is won when as many replicas have it as the option says, and one of
// two is too few.
func TestOneOfTwoReplicasIsTooFew(t *testing.T) {
	t.Parallel()
	r := redistest.StartMasterReplica(t, 2)
	s := newStore(t, r.Master.Client(t), func(o *redisstore.Options) { o.Replicas, o.Timeout = 2, testenv.Patience(2*time.Second) })
	// After a change of keys a link may stand in the slot of the former ones, which
	// is asked for last.
	refs := []recovery.TokenRef{{Slot: fresh("slot"), Digest: "digest"}, put(t, s)}
	r.WaitSync(t)
	r.Stall(0)
	_, err := s.Claim(t.Context(), "id", refs...)
	if !errors.Is(err, redisstore.ErrTooFewReplicas) && !errors.Is(err, context.DeadlineExceeded) { // the latter where the machine stalls
		t.Errorf("Claim with one replica of two: %v", err)
	}
	r.Resume(0)
	for deadline := testenv.Within(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err := s.Claim(t.Context(), "id", refs...)
		if err == nil {
			break
		}
		if deadline.Over() {
			t.Fatalf("the same claim, with both replicas: %v", err)
		}
	}
}

// A91: a claim that is sent again, because the server forgot the script, is won
// when the replica has the second one. That it had everything before the first,
// which wrote nothing, does not count.
func TestReplicasHaveTheClaimAfterAForgottenScript_A91(t *testing.T) {
	t.Parallel()
	// No ping, so the replica misses nothing but the claim.
	r := redistest.StartMasterReplica(t, 1, "--repl-ping-replica-period", "3600")
	client := r.Master.Client(t, func(o *redis.Options) { o.ReadTimeout = testenv.Patience(time.Second) })
	s := newStore(t, client, func(o *redisstore.Options) { o.Replicas, o.Timeout = 1, testenv.Patience(10*time.Second) })
	ref := put(t, s)
	r.Master.ScriptFlush()
	testenv.Eventually(t, 10*time.Second, "the replica tells the master that it has everything", func() bool {
		role, err := r.Master.Do("ROLE") // [master OFFSET [[HOST PORT OFFSET]]]
		words := strings.Fields(strings.Trim(fmt.Sprint(role), "[]"))
		return err == nil && len(words) == 5 && words[4] == words[1]
	})
	r.Stall(0)
	if _, err := s.Claim(t.Context(), "id", ref); !errors.Is(err, redisstore.ErrTooFewReplicas) {
		t.Errorf("Claim without the replica: %v", err)
	}
}

// A slot has moved, and the only calls to Redis are claims that share a call
// with claims of a slot that has not. They find the new master long before
// go-redis asks for the masters by itself.
func TestClusterReplicasFollowASlotBesideOthers(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	cluster.Calm(t)
	client := cluster.Client(t)
	s := newStore(t, client, func(o *redisstore.Options) { o.Replicas, o.Timeout = 1, testenv.Patience(2*time.Second) })
	stays, moves := put(t, s), put(t, s)
	for cluster.MasterOf(t, moves.Slot) != cluster.MasterOf(t, stays.Slot) || cluster.Slot(t, moves.Slot) == cluster.Slot(t, stays.Slot) {
		moves = put(t, s)
	}
	client.ReloadState(t.Context()) // so that it does not ask by itself during the test
	cluster.Migrate(t, moves.Slot).Finish(t)
	for deadline := testenv.Within(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := s.Claim(t.Context(), "id", stays, moves)
		if err == nil {
			break
		}
		if deadline.Over() {
			t.Fatalf("the claim does not find the new master: %v", err)
		}
	}
}
