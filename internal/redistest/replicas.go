package redistest

import (
	"fmt"
	"slices"
	"strconv"
)

// Replicas is a master with replicas, without sentinels. Each replica
// replicates through a [Proxy] of its own. Asynchronous replication can lose
// writes that the master has acknowledged and the link has not carried. With
// [Replicas.Stall] and [Replicas.Promote] it always does.
type Replicas struct {
	// Master is the server that was started as the master.
	Master *Server
	// Replicas are the others, and Links the proxies through which they
	// replicate, in the same order.
	Replicas []*Server
	Links    []*Proxy
}

// StartMasterReplica starts a master with n replicas, and returns once they are
// in sync. The servers end with the test.
func StartMasterReplica(tb TB, n int, args ...string) *Replicas {
	tb.Helper()
	servers := startAll(tb, n+1, redisConf, args...)
	r := &Replicas{Master: servers[0], Replicas: servers[1:]}
	for _, s := range r.Replicas {
		link := NewProxy(tb, r.Master.Addr)
		r.Links = append(r.Links, link)
		s.replicaOf(tb, link.Addr)
	}
	r.WaitSync(tb)
	return r
}

// Stall holds everything that the master and replica i send to each other.
// Neither notices, because the connection stays open. After the repl-timeout of
// 60 seconds both close it.
func (r *Replicas) Stall(i int) {
	r.Links[i].Set(Replies, Fault{Mode: Stall})
	r.Links[i].Set(Requests, Fault{Mode: Stall})
}

// Resume ends a stall. The replica then receives what was held.
func (r *Replicas) Resume(i int) { r.Links[i].Clear() }

// Promote makes replica i a master, as an operator or a sentinel would, and
// returns it. It does not change the old master, which the test may kill,
// freeze or demote. The other replicas stay with the old master.
func (r *Replicas) Promote(tb TB, i int) *Server {
	tb.Helper()
	s := r.Replicas[i]
	s.must(tb, []any{"REPLICAOF", "NO", "ONE"}, []any{"CONFIG", "REWRITE"})
	return s
}

// WaitSync waits until every replica is connected and has received everything
// that the master has written. It is not for use while a client writes, or
// after a promotion.
func (r *Replicas) WaitSync(tb TB) {
	tb.Helper()
	await(tb, "replicas in sync", formLimit, func() (bool, string) {
		at := r.Master.offset("master_repl_offset")
		behind := slices.IndexFunc(r.Replicas, func(s *Server) bool {
			return !s.inSync() || s.offset("slave_repl_offset") < at
		})
		return behind < 0, fmt.Sprintf("replica %d is behind", behind)
	})
}

// offset returns the replication offset that a field of INFO names, or -1.
func (s *Server) offset(field string) int64 {
	n, err := strconv.ParseInt(s.info("replication", field), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
