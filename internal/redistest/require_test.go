package redistest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

func TestRequire(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs of this test are shell scripts")
	}
	tests := []struct {
		name     string
		program  string // what redis-server is; "" is none
		required string
		want     string
		skips    bool
	}{
		{"none", "", "", "redistest: skipped: redistest: no redis-server on the PATH", true},
		{"none where one is required", "", "1", "redistest: no redis-server on the PATH, and RECOVERY_REQUIRE_REDIS=1", false},
		{"an old one", "echo Redis server v=6.2.14 sha=0", "", "redistest: skipped: redistest: redis-server is older than version 7", true},
		{"one without a version", "echo hello", "", "redistest: skipped: redistest: redis-server --version did not name a version", true},
		{"one that does not run", "exit 1", "1", "redistest: redis-server --version failed: exit status 1, and RECOVERY_REQUIRE_REDIS=1", false},
		{"the oldest that will do", "echo Redis server v=7.0.0 sha=0", "1", "", false},
		{"a later one", "echo Redis server v=10.1.0 sha=0", "1", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.program != "" {
				script := "#!/bin/sh\n" + tt.program + "\n"
				must(t, os.WriteFile(filepath.Join(dir, "redis-server"), []byte(script), 0o700))
			}
			t.Setenv("PATH", dir)
			t.Setenv("RECOVERY_REQUIRE_REDIS", tt.required)
			var path string
			err := redistest.Run(context.Background(), "require", func(tb redistest.TB) {
				path = redistest.Require(tb)
			})
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || errors.Is(err, redistest.ErrSkipped) != tt.skips {
				t.Errorf("Require: %q, want %q", got, tt.want)
			}
			if err == nil && path != filepath.Join(dir, "redis-server") {
				t.Errorf("Require = %q", path)
			}
		})
	}
}

func TestRun(t *testing.T) {
	t.Run("joins what was reported", func(t *testing.T) {
		err := redistest.Run(t.Context(), "program", func(tb redistest.TB) {
			tb.Errorf("first")
			tb.Fatalf("second")
		})
		if fmt.Sprint(err) != "first\nsecond" {
			t.Errorf("Run = %v", err)
		}
	})
	t.Run("cleans up in reverse, with an ended context", func(t *testing.T) {
		var order []int
		err := redistest.Run(t.Context(), "program", func(tb redistest.TB) {
			tb.Cleanup(func() { order = append(order, 1) })
			tb.Cleanup(func() {
				tb.Cleanup(func() { order = append(order, 3) })
				if tb.Context().Err() == nil {
					tb.Errorf("the context has not ended")
				}
				order = append(order, 2)
			})
		})
		if err != nil || fmt.Sprint(order) != "[2 3 1]" {
			t.Errorf("Run = %v; order %v", err, order)
		}
	})
	t.Run("cleans up and passes a panic on", func(t *testing.T) {
		cleaned := false
		defer func() {
			if recover() != "oh" || !cleaned {
				t.Errorf("cleaned up: %t", cleaned)
			}
		}()
		_ = redistest.Run(t.Context(), "program", func(tb redistest.TB) {
			tb.Cleanup(func() { cleaned = true })
			panic("oh")
		})
	})
	t.Run("removes temporary directories", func(t *testing.T) {
		var dir string
		err := redistest.Run(t.Context(), "program", func(tb redistest.TB) { dir = tb.TempDir() })
		if _, missing := os.Stat(dir); err != nil || !errors.Is(missing, os.ErrNotExist) {
			t.Errorf("Run = %v; the directory: %v", err, missing)
		}
	})
}
