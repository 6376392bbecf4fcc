package main

import (
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

const clusterMasters = 3

// startCluster starts a Cluster of three masters without replicas, which would
// take their share of the cores.
func startCluster(tb redistest.TB) []*redistest.Server {
	const slots = 16384
	nodes := make([]*redistest.Server, clusterMasters)
	do := func(n *redistest.Server, args ...any) any {
		v, err := n.Do(args...)
		must(tb, err)
		return v
	}
	for i := range nodes {
		nodes[i] = redistest.Start(tb, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf")
		do(nodes[i], "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		do(nodes[i], "CLUSTER", "ADDSLOTSRANGE", i*slots/clusterMasters, (i+1)*slots/clusterMasters-1)
		for _, other := range nodes[:i] {
			host, port, _ := strings.Cut(other.Addr, ":")
			do(nodes[i], "CLUSTER", "MEET", host, port)
		}
	}
	until := time.Now().Add(30 * time.Second)
	for _, n := range nodes {
		for {
			info, _ := do(n, "CLUSTER", "INFO").(string)
			rows, _ := do(n, "CLUSTER", "SLOTS").([]any)
			if strings.Contains(info, "cluster_state:ok") && len(rows) == clusterMasters {
				break
			}
			if time.Now().After(until) {
				tb.Fatalf("the Cluster is not healthy after 30 s: %s", info)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nodes
}

// clusterPart compares limiters with the floor on a Cluster, both through
// Cluster clients of default options.
func clusterPart(tb redistest.TB, b *bench) {
	b.step("cluster: starting")
	nodes := startCluster(tb)
	var p place
	var pids []int
	var admins []*redis.Client
	for _, n := range nodes {
		p.addrs, pids, admins = append(p.addrs, n.Addr), append(pids, n.PID()), append(admins, n.Client(tb))
	}
	undo, _ := split(pids...)
	defer undo()
	const table = "Limiter on a Cluster of three"
	for _, callers := range pick(b, callerCounts, []int{64}) {
		c := b.compete(tb, p, table, []target{redisRate, rueidisLimiter, zset, ours}, manyKeys(callers), callers)
		b.add(table, ours.name, c.setting, "decisions in a call", clusterGroup(tb, b, p, admins, callers))
		for _, admin := range admins {
			must(tb, admin.FlushAll(tb.Context()).Err())
		}
		if callers == 64 {
			b.hold("L11", "x floor, Cluster of three, 64 callers", c.of[ours.name].speedup(c.floor), ">=", 1.2)
		}
	}
}

// clusterGroup is how many decisions one call of the script made, by the
// masters' counts of calls.
func clusterGroup(tb redistest.TB, b *bench, p place, admins []*redis.Client, callers int) float64 {
	d, end := open(tb, ours, p)
	defer end()
	names := keys(manyKeys(callers))
	ask := asking(d, names, callers, nil)
	warm := run(tb.Context(), load{callers: callers, length: b.slice / 2}, ask)
	resetStatistics(tb, admins...)
	s := run(tb.Context(), load{callers: callers, length: b.slice, start: warm.ops / callers}, ask)
	must(tb, s.err)
	return float64(s.ops) / scriptStatistics(tb, admins...).calls
}
