package recoverytest_test

import (
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

func TestMemoryTokenStore(t *testing.T) {
	recoverytest.TestTokenStore(t, recoverytest.TokenStoreHarness{
		New:    func(*testing.T) recovery.TokenStore { return recovery.NewMemoryTokenStore() },
		Bubble: synctest.Test,
	})
}

func TestMemoryLimiter(t *testing.T) {
	recoverytest.TestLimiter(t, recoverytest.LimiterHarness{
		New: func(*testing.T) recovery.Limiter {
			return recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		},
		Bubble: synctest.Test,
	})
}
