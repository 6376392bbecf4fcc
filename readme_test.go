package recovery_test

import (
	"os"
	"strings"
	"testing"
)

// The README's quick start, log-in and pages are parts of one Example, line by
// line, so they compile, and work when all of them are pasted together.
func TestReadmeQuickStartIsTheExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(program), "\nfunc Example() {\n")
	example, _, ends := strings.Cut(rest, "\n}\n")
	if !found || !ends {
		t.Fatal("there is no Example")
	}
	code := strings.ReplaceAll("\n"+example, "\n\t", "\n")
	// These tests have a type of the name portal.
	code = strings.ReplaceAll(code, "portalpages.", "portal.")
	for heading, want := range map[string]int{"Quick start": 2, "Hosted pages": 1} {
		_, rest, found := strings.Cut(string(readme), "\n## "+heading+"\n")
		section, _, closed := strings.Cut(rest, "\n## ")
		blocks := strings.Split(section, "```go\n")[1:]
		if !found || !closed || len(blocks) != want {
			t.Fatalf("the README's %q has %d blocks of Go, want %d", heading, len(blocks), want)
		}
		for _, block := range blocks {
			block, _, _ = strings.Cut(block, "```")
			if !strings.Contains(code, block) {
				t.Errorf("the Example does not contain the README's\n%s", block)
			}
		}
	}
}
