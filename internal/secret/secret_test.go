package secret_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/secret"
)

// A80: secrets are compared in full, whatever their lengths are.
func TestEqual_A80(t *testing.T) {
	long := strings.Repeat("s", 1<<16)
	tests := []struct {
		sentence string
		a, b     string
		want     bool
	}{
		{"equal", "s3cret", "s3cret", true},
		{"equal and empty", "", "", true},
		{"equal and long", long, strings.Clone(long), true},
		{"one byte off", "s3cret", "s3creT", false},
		{"a prefix", "s3cret", "s3cre", false},
		{"empty and not", "", "s3cret", false},
		{"long and one byte longer", long, long + "s", false},
		{"a NUL at the end", "s3cret", "s3cret\x00", false},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if secret.Equal(test.a, test.b) != test.want || secret.Equal(test.b, test.a) != test.want {
				t.Errorf("want %v", test.want)
			}
		})
	}
}

func BenchmarkEqual(b *testing.B) {
	x, y := strings.Repeat("x", 64), strings.Repeat("x", 64)
	b.ReportAllocs()
	for b.Loop() {
		secret.Equal(x, y)
	}
}
