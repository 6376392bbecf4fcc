package redistest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// soon is how long a topology may take to start on two busy cores.
const soon = 15 * time.Second

func started(t *testing.T, began time.Time) {
	t.Helper()
	d := time.Since(began)
	t.Logf("started in %v", d)
	if d > soon && d > testenv.Patience(soon) {
		t.Errorf("it took %v to start, want less than %v", d, soon)
	}
}

func TestReplicas(t *testing.T) {
	t.Parallel()
	began := time.Now()
	r := redistest.StartMasterReplica(t, 2)
	started(t, began)
	ctx := t.Context()
	c := r.Master.Client(t)
	must(t, c.Set(ctx, "before", 1, 0).Err())
	if n, err := c.Wait(ctx, 2, time.Minute).Result(); err != nil || n != 2 {
		t.Errorf("WAIT = %d, %v; want 2", n, err)
	}

	t.Run("a stalled link acknowledges nothing and delivers later", func(t *testing.T) {
		r.Stall(0)
		must(t, c.Set(ctx, "during", 1, 0).Err())
		if n, err := c.Wait(ctx, 1, time.Minute).Result(); err != nil || n != 1 {
			t.Errorf("WAIT for the other = %d, %v; want 1", n, err)
		}
		if n, err := c.Wait(ctx, 2, 200*time.Millisecond).Result(); err != nil || n != 1 {
			t.Errorf("WAIT = %d, %v; want 1", n, err)
		}
		if n, err := r.Replicas[0].Client(t).Exists(ctx, "during").Result(); err != nil || n != 0 {
			t.Errorf("EXISTS on a stalled replica = %d, %v", n, err)
		}
		r.Resume(0)
		r.WaitSync(t)
		if n, err := r.Replicas[0].Client(t).Exists(ctx, "during").Result(); err != nil || n != 1 {
			t.Errorf("EXISTS on a replica after the stall = %d, %v", n, err)
		}
	})
	t.Run("a promotion loses what a stalled link has not carried", func(t *testing.T) {
		r.Stall(1)
		must(t, c.Set(ctx, "lost", 1, 0).Err())
		promoted := r.Promote(t, 1)
		if promoted != r.Replicas[1] {
			t.Error("promoted another server")
		}
		pc := promoted.Client(t)
		if n, err := pc.Exists(ctx, "before", "lost").Result(); err != nil || n != 1 {
			t.Errorf("EXISTS on the new master = %d, %v; want 1", n, err)
		}
		must(t, pc.Set(ctx, "k", 1, 0).Err())
		promoted.Restart()
		works(t, pc)
		must(t, pc.Set(ctx, "k", 1, 0).Err()) // still a master
	})
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := redistest.StartSentinel(t)
	started(t, began)
	ctx := t.Context()
	c := s.FailoverClient(t)
	must(t, c.Set(ctx, "k", "v", 0).Err())

	for _, way := range []string{"killed", "frozen"} {
		t.Run("a master that is "+way, func(t *testing.T) {
			var old *redistest.Server
			began := time.Now()
			if way == "killed" {
				old = s.KillMaster(t)
			} else {
				old = s.FreezeMaster(t)
			}
			promoted := s.WaitPromotion(t, old)
			t.Logf("promotion after %v", time.Since(began))
			if promoted == old || s.Master(t) != promoted {
				t.Error("the old master is still the master")
			}
			works(t, c)
			must(t, c.Set(ctx, "k", "v", 0).Err())
			if way == "killed" {
				old.Restart()
			} else {
				old.Thaw()
			}
			began = time.Now()
			s.WaitReady(t)
			t.Logf("ready again after %v", time.Since(began))
			if s.Master(t) != promoted {
				t.Error("the old master took over again")
			}
		})
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	began := time.Now()
	c := redistest.StartCluster(t)
	started(t, began)
	ctx := t.Context()
	client := c.Client(t)
	for i := range 30 {
		must(t, client.Set(ctx, fmt.Sprint(i), i, 0).Err())
	}
	if n := len(c.Addrs()); n != 6 {
		t.Errorf("%d nodes, want 6", n)
	}

	t.Run("a manual failover", func(t *testing.T) {
		old := c.MasterOf(t, "k")
		replica := c.ReplicaOf(t, "k")
		began := time.Now()
		if promoted := c.Failover(t, "k"); promoted != replica || promoted == old {
			t.Errorf("promoted %s, want %s", promoted.Addr, replica.Addr)
		}
		t.Logf("took %v", time.Since(began))
		c.WaitHealthy(t)
		must(t, client.Set(ctx, "k", "v", 0).Err())
	})
	for _, way := range []string{"killed", "frozen"} {
		t.Run("a master that is "+way, func(t *testing.T) {
			var old *redistest.Server
			began := time.Now()
			if way == "killed" {
				old = c.KillMaster(t, "k")
			} else {
				old = c.FreezeMaster(t, "k")
			}
			promoted := c.WaitFailover(t, "k", old)
			t.Logf("failover after %v", time.Since(began))
			if way == "killed" {
				old.Restart()
			} else {
				old.Thaw()
			}
			began = time.Now()
			c.WaitHealthy(t)
			t.Logf("healthy after %v", time.Since(began))
			if c.MasterOf(t, "k") != promoted || c.ReplicaOf(t, "k") != old {
				t.Error("the old master is not the replica of the new one")
			}
			for i := range 30 {
				must(t, client.Set(ctx, fmt.Sprint(i), i, 0).Err())
			}
		})
	}
	t.Run("a slot that moves", func(t *testing.T) {
		key := "moving"
		must(t, client.Set(ctx, key, "old", 0).Err())
		m := c.Migrate(t, key)
		from := m.From.Client(t)
		if err := from.Get(ctx, "{moving}absent").Err(); !redis.HasErrorPrefix(err, "ASK") {
			t.Errorf("GET of an absent key during the move: %v, want ASK", err)
		}
		must(t, client.Set(ctx, "{moving}new", 1, 0).Err())
		m.Finish(t)
		if err := from.Get(ctx, key).Err(); !redis.HasErrorPrefix(err, "MOVED") {
			t.Errorf("GET after the move: %v, want MOVED", err)
		}
		if c.MasterOf(t, key) != m.To {
			t.Error("the slot has not moved")
		}
		if v, err := client.Get(ctx, key).Result(); err != nil || v != "old" {
			t.Errorf("GET = %q, %v", v, err)
		}
	})
	t.Run("a client through proxies", func(t *testing.T) {
		proxies := c.Proxies(t)
		pc := c.Client(t, func(o *redis.ClusterOptions) {
			o.Dialer = redistest.DialThrough(proxies...)
		})
		n := 0
		for i := range 30 {
			must(t, pc.Get(ctx, fmt.Sprint(i)).Err())
		}
		for _, p := range proxies {
			n += p.Commands("GET")
		}
		if n != 30 {
			t.Errorf("%d commands went through the proxies, want 30", n)
		}
	})
}
