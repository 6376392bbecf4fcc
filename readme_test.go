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
	_, rest, ok := strings.Cut(string(readme), "## Quick start\n\n```go\n")
	block, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("the README has no quick start")
	}
	code := strings.ReplaceAll(string(program), "\n\t", "\n")
	if !strings.Contains(code, block) {
		t.Errorf("the Example does not contain the README's\n%s", block)
	}
}
