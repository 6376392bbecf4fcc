package redistest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

const (
	masters   = 3
	slotCount = 16384
)

// Cluster is three masters with a replica each.
type Cluster struct {
	// Nodes are the servers. The first three started as masters, and node i+3
	// started as the replica of node i.
	Nodes []*Server
}

// clusterConf returns the configuration of a node. The others replace a master
// that is silent for the timeout.
func clusterConf(timeout time.Duration) func(port int) string {
	return func(port int) string {
		return redisConf(port) + fmt.Sprintf(`cluster-enabled yes
cluster-config-file nodes.conf
cluster-node-timeout %d
# A replica may be promoted however long its link has been down, and it stays
# with its master. So only the test decides what happens.
cluster-replica-validity-factor 0
cluster-allow-replica-migration no
`, timeout.Milliseconds())
	}
}

// silence returns how long a server may be silent before the others replace it.
// With less than quiet there would be failovers that no test asked for, and
// with quiet itself too, if every core is busy.
func silence(quiet time.Duration) time.Duration {
	return min(testenv.Patience(quiet), 4*quiet)
}

// StartCluster starts three masters, which share the slots in equal parts, with
// a replica each. It returns once every node reports that the Cluster is
// healthy. The Cluster ends with the test.
//
// On a machine that stalls while the nodes meet, Redis 7.0 can form a Cluster of
// which one node does not know another as a replica, and stays so. Then other
// nodes are started in their place: no test has seen the first ones.
func StartCluster(tb TB, args ...string) *Cluster {
	tb.Helper()
	const sets = 3
	for set := 1; ; set++ {
		c := startNodes(tb, args...)
		err := waitFor("healthy Cluster", formLimit, c.healthy)
		if err == nil {
			return c
		}
		if set == sets {
			tb.Fatalf("redistest: %v, by %d sets of nodes", err, sets)
		}
		tb.Logf("redistest: other nodes are started: %v", err)
		for _, n := range c.Nodes {
			n.Kill()
		}
	}
}

// startNodes starts the nodes and introduces them to each other.
func startNodes(tb TB, args ...string) *Cluster {
	tb.Helper()
	c := &Cluster{Nodes: startAll(tb, 2*masters, clusterConf(silence(1500*time.Millisecond)), args...)}
	ids := make([]string, len(c.Nodes))
	for i, n := range c.Nodes {
		ids[i] = n.id(tb)
		// Nodes that meet with the same epoch resolve the conflict one by one.
		n.must(tb, []any{"CLUSTER", "SET-CONFIG-EPOCH", i + 1})
		if i < masters {
			n.must(tb, []any{
				"CLUSTER", "ADDSLOTSRANGE",
				i * slotCount / masters, (i+1)*slotCount/masters - 1,
			})
		}
	}
	// Every node meets every other node at once. Gossip would take longer.
	for i, n := range c.Nodes {
		for _, other := range c.Nodes[:i] {
			host, port := other.hostPort()
			n.must(tb, []any{"CLUSTER", "MEET", host, port})
		}
	}
	for i, n := range c.Nodes[masters:] {
		await(tb, "nodes meet", formLimit, func() (bool, string) {
			_, err := n.command("CLUSTER", "REPLICATE", ids[i])
			return err == nil, fmt.Sprint(err)
		})
	}
	return c
}

// Calm makes the nodes wait a minute before they replace a silent master. It is
// for tests that want no failover, on machines that may stall.
func (c *Cluster) Calm(tb TB) {
	tb.Helper()
	for _, n := range c.Nodes {
		n.must(tb, []any{"CONFIG", "SET", "cluster-node-timeout", 60_000})
	}
}

// id returns the id of a node.
func (s *Server) id(tb TB) string {
	tb.Helper()
	id, err := s.command("CLUSTER", "MYID")
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	return id
}

// Addrs returns the addresses of all nodes, up or down.
func (c *Cluster) Addrs() []string { return addrs(c.Nodes) }

// Client returns a Cluster client with the defaults of go-redis, changed by the
// options. It is closed with the test.
func (c *Cluster) Client(tb TB, options ...func(*redis.ClusterOptions)) *redis.ClusterClient {
	tb.Helper()
	o := &redis.ClusterOptions{Addrs: c.Addrs()}
	for _, option := range options {
		option(o)
	}
	client := redis.NewClusterClient(o)
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Proxies starts a [Proxy] in front of every node, in the order of Nodes, for
// the Dialer of a client: see [DialThrough].
func (c *Cluster) Proxies(tb TB) []*Proxy {
	tb.Helper()
	var list []*Proxy
	for _, n := range c.Nodes {
		list = append(list, n.Proxy(tb))
	}
	return list
}

// WaitHealthy waits until all nodes that are up report the same masters and a
// healthy Cluster, and replicate from their master if they have one. After a
// [Server.Restart] it waits until the node has its role again.
func (c *Cluster) WaitHealthy(tb TB) {
	tb.Helper()
	await(tb, "healthy Cluster", formLimit, c.healthy)
}

// healthy reports whether the Cluster is, or why not.
func (c *Cluster) healthy() (bool, string) {
	view := ""
	for _, n := range c.Nodes {
		if !n.Up() {
			continue
		}
		if state := n.info("cluster", "cluster_state"); state != "ok" {
			return false, n.Addr + " reports the state " + state
		}
		if n.info("replication", "role") == "slave" && !n.inSync() {
			return false, n.Addr + " is not in sync"
		}
		v, err := c.view(n)
		if err != nil {
			return false, err.Error()
		}
		if view != "" && v.String() != view {
			return false, n.Addr + " reports other masters: " + v.String() + ", not " + view
		}
		view = v.String()
	}
	return view != "", "no node is up"
}

// shard is a range of slots with its nodes, the master first. Replicas that are
// down are not among them.
type shard struct {
	first, last int64
	nodes       []*Server
}

// layout is the shards that one node reports.
type layout []shard

// view asks a node for its layout of the Cluster.
func (c *Cluster) view(n *Server) (layout, error) {
	reply, err := n.Do("CLUSTER", "SLOTS")
	if err != nil {
		return nil, err
	}
	var l layout
	for _, v := range reply.([]any) {
		row := v.([]any)
		s := shard{first: row[0].(int64), last: row[1].(int64)}
		for _, v := range row[2:] {
			node := v.([]any)
			addr := fmt.Sprintf("%v:%v", node[0], node[1])
			server := byAddr(c.Nodes, addr)
			if server == nil {
				return nil, fmt.Errorf("%s names an unknown node, %s", n.Addr, addr)
			}
			s.nodes = append(s.nodes, server)
		}
		l = append(l, s)
	}
	return l, nil
}

// String lists the shards in a fixed order. The nodes of a shard are the
// master, as in CLUSTER SLOTS, and then the replicas, sorted.
func (l layout) String() string {
	var lines []string
	for _, s := range l {
		list := addrs(s.nodes)
		slices.Sort(list[1:])
		lines = append(lines, fmt.Sprintf("%d-%d:%v", s.first, s.last, list))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

// Slot returns the slot of a key.
func (c *Cluster) Slot(tb TB, key string) int64 {
	tb.Helper()
	for _, n := range c.Nodes {
		if !n.Up() {
			continue
		}
		if slot, err := n.Do("CLUSTER", "KEYSLOT", key); err == nil {
			return slot.(int64)
		}
	}
	tb.Fatalf("redistest: no node of the Cluster answers")
	return 0
}

// MasterOf returns the master of a key, once all nodes that are up agree. The
// master may be down or frozen.
func (c *Cluster) MasterOf(tb TB, key string) *Server {
	tb.Helper()
	return c.shardOf(tb, key).nodes[0]
}

// ReplicaOf returns the replica of a key.
func (c *Cluster) ReplicaOf(tb TB, key string) *Server {
	tb.Helper()
	nodes := c.shardOf(tb, key).nodes
	if len(nodes) < 2 {
		tb.Fatalf("redistest: the key %q has no replica that is up", key)
	}
	return nodes[1]
}

func (c *Cluster) shardOf(tb TB, key string) shard {
	tb.Helper()
	slot := c.Slot(tb, key)
	var found shard
	await(tb, "agreement on the master of a key", failoverLimit, func() (bool, string) {
		var reason string
		found, reason = c.agreed(slot)
		return reason == "", reason
	})
	return found
}

// agreed returns the shard of a slot if all nodes that are up name the same
// master. Otherwise it returns the reason.
func (c *Cluster) agreed(slot int64) (shard, string) {
	var found shard
	for _, n := range c.Nodes {
		if !n.Up() {
			continue
		}
		l, err := c.view(n)
		if err != nil {
			return shard{}, err.Error()
		}
		i := slices.IndexFunc(l, func(s shard) bool { return s.first <= slot && slot <= s.last })
		switch {
		case i < 0:
			return shard{}, fmt.Sprintf("%s knows no master of slot %d", n.Addr, slot)
		case found.nodes != nil && found.nodes[0] != l[i].nodes[0]:
			return shard{}, fmt.Sprintf("%s names %s as the master", n.Addr, l[i].nodes[0].Addr)
		}
		found = l[i]
	}
	if found.nodes == nil {
		return shard{}, "no node is up"
	}
	return found, ""
}

// KillMaster kills the master of a key and returns it.
func (c *Cluster) KillMaster(tb TB, key string) *Server {
	tb.Helper()
	master := c.MasterOf(tb, key)
	master.Kill()
	return master
}

// FreezeMaster freezes the master of a key and returns it.
func (c *Cluster) FreezeMaster(tb TB, key string) *Server {
	tb.Helper()
	master := c.MasterOf(tb, key)
	master.Freeze()
	return master
}

// WaitFailover waits until all nodes that are up agree on a new master of a
// key, and report a healthy Cluster. It returns the new master.
func (c *Cluster) WaitFailover(tb TB, key string, old *Server) *Server {
	tb.Helper()
	slot := c.Slot(tb, key)
	var master *Server
	await(tb, "failover of "+old.Addr, failoverLimit, func() (bool, string) {
		s, reason := c.agreed(slot)
		if reason != "" {
			return false, reason
		}
		if master = s.nodes[0]; master == old {
			return false, "it is still named as the master"
		}
		for _, n := range c.Nodes {
			if n.Up() && n.info("cluster", "cluster_state") != "ok" {
				return false, n.Addr + " does not report a healthy Cluster"
			}
		}
		return true, ""
	})
	return master
}

// Failover gives the slots of a key's master to its replica without loss, as
// operators do before maintenance (CLUSTER FAILOVER). It returns the new
// master.
func (c *Cluster) Failover(tb TB, key string) *Server {
	tb.Helper()
	old, replica := c.MasterOf(tb, key), c.ReplicaOf(tb, key)
	slot := c.Slot(tb, key)
	var asked time.Time
	await(tb, "failover of "+old.Addr, failoverLimit, func() (bool, string) {
		// A server stops a manual failover after 5 s, which a busy machine may
		// exceed, and refuses a second one before that.
		if time.Since(asked) > 6*time.Second {
			_, _ = replica.Do("CLUSTER", "FAILOVER")
			asked = time.Now()
		}
		s, reason := c.agreed(slot)
		if reason == "" && s.nodes[0] == old {
			reason = "it is still named as the master"
		}
		return reason == "", reason
	})
	return c.WaitFailover(tb, key, old)
}
