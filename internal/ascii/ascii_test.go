package ascii_test

import (
	"testing"

	"github.com/seed-51359b35/recovery/internal/ascii"
)

func TestIsName(t *testing.T) {
	for _, tt := range []struct {
		s    string
		want bool
	}{
		{"a", true}, {"!~", true}, {"abcd", true},
		{"", false}, {"abcde", false}, {"a b", false}, {"a\n", false}, {"a\x7f", false}, {"é", false}, {"\x00", false},
	} {
		if got := ascii.IsName(tt.s, 1, 4); got != tt.want {
			t.Errorf("%q: %t, want %t", tt.s, got, tt.want)
		}
	}
	if !ascii.IsName("", 0, 4) {
		t.Error("the empty name is refused although 0 bytes are allowed")
	}
}
