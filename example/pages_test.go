package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The commands of this program that README.md and the pages name have flags that
// it knows. Capitals such as HOST stand for what the reader has.
func TestCommandsOfThePages(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile("go run \\./example((?: +[^ `\n#.,]+(?:[.,][^ `\n#]+)*)*)")
	n := 0
	for _, page := range slices.Concat(pages, []string{"../README.md", "../CONTRIBUTING.md"}) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range commands.FindAllStringSubmatch(string(text), -1) {
			args := strings.Fields(m[1])
			if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
				continue // "go run ./example shows ..."
			}
			n++
			if _, err := parse(args, io.Discard); err != nil {
				t.Errorf("%s: %s: %v", page, m[0], err)
			}
		}
	}
	if n < 4 {
		t.Errorf("%d commands: the pages were not read", n)
	}
}
