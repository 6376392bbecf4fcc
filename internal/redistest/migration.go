package redistest

// Migration is a slot that moves from one master of a [Cluster] to another.
// Between [Cluster.Migrate] and [Migration.Finish], the source answers ASK for
// the keys of the slot that it does not have, also for new keys.
type Migration struct {
	From, To *Server

	cluster *Cluster
	slot    int64
	toID    string
}

// Migrate begins to move the slot of a key to another master.
func (c *Cluster) Migrate(tb TB, key string) *Migration {
	tb.Helper()
	m := &Migration{cluster: c, slot: c.Slot(tb, key), From: c.MasterOf(tb, key)}
	for _, n := range c.Nodes {
		if n != m.From && n.Up() && n.info("replication", "role") == "master" {
			m.To = n
		}
	}
	if m.To == nil {
		tb.Fatalf("redistest: there is no other master to move the slot of %q to", key)
	}
	m.toID = m.To.id(tb)
	m.To.must(tb, []any{"CLUSTER", "SETSLOT", m.slot, "IMPORTING", m.From.id(tb)})
	m.From.must(tb, []any{"CLUSTER", "SETSLOT", m.slot, "MIGRATING", m.toID})
	return m
}

// Finish moves the remaining keys and then the slot. From then on the old
// master answers MOVED.
func (m *Migration) Finish(tb TB) {
	tb.Helper()
	for {
		reply, err := m.From.Do("CLUSTER", "GETKEYSINSLOT", m.slot, 100)
		if err != nil {
			tb.Fatalf("redistest: %v", err)
		}
		keys := reply.([]any)
		if len(keys) == 0 {
			break
		}
		host, port := m.To.hostPort()
		m.From.must(tb, append([]any{"MIGRATE", host, port, "", 0, 5000, "KEYS"}, keys...))
	}
	// The target is told first: it gets a new epoch, and so the others accept
	// its word.
	m.To.must(tb, []any{"CLUSTER", "SETSLOT", m.slot, "NODE", m.toID})
	m.From.must(tb, []any{"CLUSTER", "SETSLOT", m.slot, "NODE", m.toID})
	m.cluster.WaitHealthy(tb)
}
