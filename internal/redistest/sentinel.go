package redistest

import (
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// MasterName is the name of the master for the sentinels of [StartSentinel].
const MasterName = "recovery"

// Sentinel is a master with two replicas, watched by three sentinels.
type Sentinel struct {
	// Servers are the three Redis servers. The first started as the master.
	Servers []*Server
	// Sentinels are the processes that watch the servers. A sentinel that is
	// restarted keeps what it knows, but loses the short periods that
	// StartSentinel set.
	Sentinels []*Server
}

// sentinelConf returns the configuration of a sentinel. Its delays are seconds,
// while those of production are minutes.
func sentinelConf(master string, silence time.Duration) func(port int) string {
	host, masterPort, _ := net.SplitHostPort(master)
	return func(port int) string {
		return fmt.Sprintf(`bind 127.0.0.1
port %d
sentinel monitor %s %s %s 2
sentinel down-after-milliseconds %[2]s %[5]d
sentinel failover-timeout %[2]s 2000
sentinel parallel-syncs %[2]s 2
`, port, MasterName, host, masterPort, silence.Milliseconds())
	}
}

// StartSentinel starts a master, two replicas and three sentinels. The master
// is down when two sentinels agree on that, after 0.7 seconds without an
// answer, or longer on a slow machine. StartSentinel returns once a failover
// would succeed. The servers end with the test.
func StartSentinel(tb TB, args ...string) *Sentinel {
	tb.Helper()
	s := &Sentinel{Servers: startAll(tb, 3, redisConf, args...)}
	master := s.Servers[0]
	for _, replica := range s.Servers[1:] {
		replica.replicaOf(tb, master.Addr)
	}
	await(tb, "replicas in sync", formLimit, func() (bool, string) {
		ok := s.Servers[1].inSync() && s.Servers[2].inSync()
		return ok, "a replica is not connected"
	})
	s.Sentinels = startAll(tb, 3, sentinelConf(master.Addr, silence(700*time.Millisecond)), "--sentinel")
	for _, sentinel := range s.Sentinels {
		// By default sentinels learn of each other from a message every 2 s,
		// and of replicas every 10 s. A clock that seems to jump by 2 s, as it
		// does on a machine that is too busy, stops failovers for 30 s.
		//
		// By default they ping every second, or as often as a server may be
		// silent. The first ping to a new master would then come too late, so
		// that it is replaced at once, and one failover causes the next. But a
		// replica is asked once a second while the master is down, and after 5
		// ping periods its last answer is too old to promote it. So the period
		// is not shorter than this.
		sentinel.must(tb, []any{
			"SENTINEL", "DEBUG", "PUBLISH-PERIOD", 200, "INFO-PERIOD", 500,
			"PING-PERIOD", 300, "TILT-TRIGGER", 10_000, "TILT-PERIOD", 1000,
		})
	}
	s.WaitReady(tb)
	return s
}

// Calm makes the sentinels wait a minute before they replace a silent master.
// It is for tests that want no failover, on machines that may stall.
func (s *Sentinel) Calm(tb TB) {
	tb.Helper()
	for _, sentinel := range s.Sentinels {
		sentinel.must(tb, []any{"SENTINEL", "SET", MasterName, "down-after-milliseconds", 60_000})
	}
}

// WaitReady waits until every sentinel that is up knows the others, and two
// replicas that may be promoted. After a [Server.Restart] or a [Server.Thaw] it
// waits until the next failover would succeed.
func (s *Sentinel) WaitReady(tb TB) {
	tb.Helper()
	await(tb, "sentinels ready", formLimit, func() (bool, string) {
		for _, sentinel := range s.Sentinels {
			if !sentinel.Up() {
				continue
			}
			if _, err := sentinel.command("SENTINEL", "CKQUORUM", MasterName); err != nil {
				return false, err.Error()
			}
			m := sentinel.table("SENTINEL", "MASTER", MasterName)
			if len(m) != 1 || m[0]["num-other-sentinels"] != "2" || m[0]["flags"] != "master" {
				return false, fmt.Sprintf("%s sees the master as %v", sentinel.Addr, m)
			}
			replicas := sentinel.table("SENTINEL", "REPLICAS", MasterName)
			unfit := slices.ContainsFunc(replicas, func(r map[string]string) bool {
				return r["flags"] != "slave" || r["master-link-status"] != "ok"
			})
			if len(replicas) != 2 || unfit {
				return false, fmt.Sprintf("%s sees the replicas as %v", sentinel.Addr, replicas)
			}
		}
		return true, ""
	})
}

// table returns the rows of a reply, which is one list of fields and values, or
// a list of such lists.
func (s *Server) table(args ...any) []map[string]string {
	v, err := s.Do(args...)
	if err != nil {
		return nil
	}
	list, _ := v.([]any)
	if len(list) > 0 {
		if _, ok := list[0].([]any); !ok {
			list = []any{list}
		}
	}
	var rows []map[string]string
	for _, v := range list {
		row := map[string]string{}
		for pair := range slices.Chunk(v.([]any), 2) {
			row[fmt.Sprint(pair[0])] = fmt.Sprint(pair[1])
		}
		rows = append(rows, row)
	}
	return rows
}

// Addrs returns the addresses of the sentinels.
func (s *Sentinel) Addrs() []string { return addrs(s.Sentinels) }

// FailoverClient returns a client that asks the sentinels for the master, with
// the defaults of go-redis changed by the options. It is closed with the test.
func (s *Sentinel) FailoverClient(tb TB, options ...func(*redis.FailoverOptions)) *redis.Client {
	tb.Helper()
	o := &redis.FailoverOptions{MasterName: MasterName, SentinelAddrs: s.Addrs()}
	for _, option := range options {
		option(o)
	}
	c := redis.NewFailoverClient(o)
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// Master returns the server that the sentinels name as the master. It may be
// down.
func (s *Sentinel) Master(tb TB) *Server {
	tb.Helper()
	var master *Server
	await(tb, "sentinels agree on the master", failoverLimit, func() (bool, string) {
		var reason string
		master, reason = s.agreed()
		return master != nil, reason
	})
	return master
}

// agreed returns the master if all sentinels that are up name the same one.
// Otherwise it returns the reason.
func (s *Sentinel) agreed() (*Server, string) {
	var master *Server
	for _, sentinel := range s.Sentinels {
		if !sentinel.Up() {
			continue
		}
		v, err := sentinel.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MasterName)
		if err != nil {
			return nil, err.Error()
		}
		pair, _ := v.([]any)
		if len(pair) != 2 {
			return nil, fmt.Sprintf("%s knows no master", sentinel.Addr)
		}
		named := byAddr(s.Servers, fmt.Sprintf("%v:%v", pair...))
		if named == nil || master != nil && named != master {
			return nil, fmt.Sprintf("%s names %v", sentinel.Addr, pair)
		}
		master = named
	}
	return master, "no sentinel is up"
}

// KillMaster kills the master and returns it.
func (s *Sentinel) KillMaster(tb TB) *Server {
	tb.Helper()
	master := s.Master(tb)
	master.Kill()
	return master
}

// FreezeMaster freezes the master and returns it. If it is thawed after a
// promotion, it acts as a master until a sentinel makes it a replica.
func (s *Sentinel) FreezeMaster(tb TB) *Server {
	tb.Helper()
	master := s.Master(tb)
	master.Freeze()
	return master
}

// WaitPromotion waits until the sentinels agree on a new master, and until that
// server reports that it is a master. It returns the new master.
func (s *Sentinel) WaitPromotion(tb TB, old *Server) *Server {
	tb.Helper()
	var master *Server
	await(tb, "promotion of another than "+old.Addr, failoverLimit, func() (bool, string) {
		var reason string
		if master, reason = s.agreed(); master == nil {
			return false, reason
		}
		if master == old {
			return false, "the sentinels still name the old one"
		}
		if !master.Up() || master.info("replication", "role") != "master" {
			return false, master.Addr + " is not yet a master"
		}
		return true, ""
	})
	return master
}
