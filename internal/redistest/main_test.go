package redistest_test

import (
	"os"
	"testing"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

func TestMain(m *testing.M) {
	redistest.QuietClients()
	os.Exit(m.Run())
}
