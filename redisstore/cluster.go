package redisstore

import (
	"context"

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
