package recoverytest_test

import (
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/recoverytest"
)

// TestImports shows that the package depends on the root and the standard
// library only.
func TestImports(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(path, "/")
			if strings.Contains(first, ".") && path != "github.com/seed-51359b35/recovery" {
				t.Errorf("%s imports %s", file.Name(), path)
			}
		}
	}
}

// TestClauses shows that a clause can be run by its name and read as a
// sentence.
func TestClauses(t *testing.T) {
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	for suite, clauses := range recoverytest.Clauses() {
		seen := map[string]bool{}
		for _, c := range clauses {
			if seen[c[0]] || !name.MatchString(c[0]) {
				t.Errorf("%s: clause %q: bad name", suite, c[0])
			}
			seen[c[0]] = true
			if !strings.HasSuffix(c[1], ".") {
				t.Errorf("%s: clause %q: the text is not a sentence: %q", suite, c[0], c[1])
			}
			t.Logf("%s/%s: %s", suite, c[0], c[1])
		}
	}
}
