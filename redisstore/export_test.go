package redisstore

var (
	ParseReply    = parse
	ParseOne      = parseOne
	ParseDecision = decision
)

const MaxNodes = maxNodes

// NodeAt returns what stands for the master at an address, to compare it.
func (s *Store) NodeAt(address string) any { return s.nodeAt(address) }

func (s *Store) Nodes() int { return len(s.nodes) }
