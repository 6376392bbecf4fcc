package recovery_test

import (
	"os"
	"strings"
	"testing"
)

// The README's quick start is the Example's, line by line, so it compiles.
func TestReadmeQuickStartIsTheExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "\n## Quick start\n")
	section, _, closed := strings.Cut(rest, "\n## ")
	blocks := strings.Split(section, "```go\n")[1:]
	if !found || !closed || len(blocks) != 2 {
		t.Fatalf("the README's quick start has %d blocks of Go, want 2", len(blocks))
	}
	code := strings.ReplaceAll(string(program), "\n\t", "\n")
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(code, block) {
			t.Errorf("the Example does not contain the README's\n%s", block)
		}
	}
}
