package redisstore

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
)

// maxNodes is how many masters are remembered. A Cluster has at most 1,000, but
// their addresses change. Those that are forgotten begin anew.
const maxNodes = 2000

// nodeOf returns the node that a key belongs to. In a Cluster that is not known
// before go-redis has asked for its layout, which may take long. So the first
// calls share a node, whose client finds the right master for each key.
func (s *Store) nodeOf(ctx context.Context, key string) *node {
	if s.cluster == nil || !s.first.layoutKnown.Load() {
		return s.first
	}
	master, err := s.cluster.MasterForKey(ctx, key)
	if err != nil {
		return s.first
	}
	return s.nodeAt(master.Options().Addr)
}

func (s *Store) nodeAt(server string) *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.nodes[server]
	if n == nil {
		if len(s.nodes) >= maxNodes {
			clear(s.nodes)
		}
		n = s.newNode(server)
		s.nodes[server] = n
	}
	return n
}

// askMany has jobs decided that may belong to several nodes of a Cluster, by all
// of these at once. Those of one node stay together, and in their order: two may
// be for one key.
func askMany[V int64 | string](ctx context.Context, s *Store, groupOf func(*node) *group[V], jobs []job) ([]answer[V], error) {
	own, places := make(map[*node][]job), make(map[*node][]int)
	for i, j := range jobs {
		n := s.nodeOf(ctx, j.key)
		own[n], places[n] = append(own[n], j), append(places[n], i)
	}
	all := make([]answer[V], len(jobs))
	var wg sync.WaitGroup
	for n := range own {
		wg.Go(func() {
			answers, err := do(ctx, n, groupOf(n), own[n])
			for k, i := range places[n] {
				if all[i].err = err; err == nil {
					all[i] = answers[k]
				}
			}
		})
	}
	wg.Wait()
	return all, firstError(all)
}

// followLayout keeps in step with the masters of a Cluster after a call.
// answered says that at least one job was answered, and err is an error of the
// call or of a job. After an error that another layout may explain, it has
// go-redis ask for the masters again, in the background. By itself go-redis asks
// every 10 s.
func (n *node) followLayout(ctx context.Context, answered bool, err error) {
	cluster, ok := n.client.(*redis.ClusterClient)
	if !ok {
		return
	}
	if answered {
		n.layoutKnown.Store(true)
	}
	if isDown(err) || says(err, "MOVED") {
		cluster.ReloadState(ctx)
	}
}
