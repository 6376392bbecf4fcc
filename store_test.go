package recovery_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
)

func TestValidateClaimID(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "Zz09": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a b": false, "a,b": false, "-": false, "a\n": false, "é": false,
	} {
		if (recovery.ValidateClaimID(id) == nil) != want {
			t.Errorf("%q: want %v", id, want)
		}
	}
}

func TestValidateTokenSlot(t *testing.T) {
	for slot, want := range map[string]bool{
		"a": true, "recovery:t:m:x": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "a b": false, "a\n": false, "é": false,
	} {
		if (recovery.ValidateTokenSlot(slot) == nil) != want {
			t.Errorf("%q: want %v", slot, want)
		}
	}
}
