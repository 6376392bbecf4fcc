package groupcommit_test

import (
	"context"
	"testing"

	"github.com/seed-51359b35/recovery/groupcommit"
)

// What a group costs, beside the call.
func BenchmarkDo(b *testing.B) {
	g := groupcommit.New(func(_ context.Context, items []int, outs []int) error {
		copy(outs, items)
		return nil
	}, groupcommit.Options[int]{})
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = g.Do(b.Context(), 1)
		}
	})
	b.Run("64 callers", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, _ = g.Do(b.Context(), 1)
			}
		})
	})
}
