package sqltest

import (
	"sync"
	"testing"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// shared are the servers that the tests of this process share.
var shared struct {
	mu      sync.Mutex
	servers map[string]*Server
}

// share returns the one server of a kind, and starts it for the first test.
func share(t testenv.TB, k kind, args ...string) *Server {
	t.Helper()
	if reason := k.missing(); reason != "" {
		testenv.Missing(t, RequireVariable, reason)
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if s := shared.servers[k.name()]; s != nil {
		return s
	}
	s, err := launch(k, args)
	if err != nil {
		t.Fatalf("sqltest: %v", err)
	}
	if shared.servers == nil {
		shared.servers = make(map[string]*Server)
	}
	shared.servers[k.name()] = s
	return s
}

// Main runs the tests of a package and then ends the servers that they shared.
// It returns the code for [os.Exit].
func Main(m *testing.M) int {
	defer func() {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		for _, s := range shared.servers {
			s.remove()
		}
	}()
	return m.Run()
}
