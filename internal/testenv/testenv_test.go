package testenv_test

import (
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

func TestPatienceIsNeverShorterThanAsked(t *testing.T) {
	if s := testenv.Slowness(); s < 1 || s > 50 {
		t.Errorf("slowness %v, want 1 to 50", s)
	}
	if d := testenv.Patience(time.Second); d < time.Second || d > 50*time.Second {
		t.Errorf("patience %v, want 1 s to 50 s", d)
	}
}

func TestEventuallyEndsWithTheCondition(t *testing.T) {
	asked := 0
	testenv.Eventually(t, time.Second, "asked three times", func() bool { asked++; return asked == 3 })
	if asked != 3 {
		t.Errorf("asked %d times, want 3", asked)
	}
}
