package recovery_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const attacksPage = "docs/attacks.md"

// attackID matches the number of an attack.
var attackID = regexp.MustCompile(`A[0-9]{2}`)

// testName matches a test as docs/attacks.md names it.
var testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]*)`")

// docs/attacks.md and the code go together: each attack that the code mentions
// is explained, and each test that the page names exists. Tests are found by
// name alone, so they may move between packages.
func TestAttacksPageMatchesTheCode(t *testing.T) {
	mentions, tests := readRepository(t)
	if len(mentions) < 50 || len(tests) < 500 {
		t.Fatalf("found %d attacks and %d tests: the repository was not read to its end", len(mentions), len(tests))
	}
	page, err := os.ReadFile(attacksPage)
	if err != nil {
		t.Fatal(err)
	}
	defined := map[string]bool{}
	for _, section := range strings.Split(string(page), "\n### ")[1:] {
		section, _, _ = strings.Cut(section, "\n## ") // the next theme
		heading, body, _ := strings.Cut(section, "\n")
		id, _, found := strings.Cut(heading, ": ")
		if !found || attackID.FindString(id) != id {
			t.Errorf("%s: the heading %q must begin like \"A36: \"", attacksPage, heading)
			continue
		}
		if defined[id] {
			t.Errorf("%s: %s has two headings; keep one", attacksPage, id)
		}
		defined[id] = true
		if len(mentions[id]) == 0 {
			t.Errorf("%s: no code mentions %s; name it in the comment of a test that shows it, or delete its section", attacksPage, id)
		}
		_, list, _ := strings.Cut(body, "\nTests: ")
		named := testName.FindAllStringSubmatch(list, -1)
		if len(named) == 0 {
			t.Errorf("%s: %s names no test; add a line such as \"Tests: `TestOne`, `TestTwo`\"", attacksPage, id)
		}
		for _, m := range named {
			if !tests[m[1]] {
				t.Errorf("%s: %s names %s, which is no test in this repository; give its new name, or name another test that shows %s", attacksPage, id, m[1], id)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(mentions)) {
		if !defined[id] {
			t.Errorf("%s does not explain %s, which %s mentions; add a section \"### %s: ...\" with its attack, rule and tests", attacksPage, id, mentions[id], id)
		}
	}
}

// readRepository returns the attacks that any file but docs/attacks.md
// mentions, each with one such file, and the names of all tests, in all modules
// of the repository.
func readRepository(t *testing.T) (mentions map[string]string, tests map[string]bool) {
	t.Helper()
	mentions, tests = map[string]string{}, map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 1 && d.Name()[0] == '.'):
			return filepath.SkipDir
		case !slices.Contains([]string{".go", ".lua", ".html", ".md"}, filepath.Ext(path)), filepath.ToSlash(path) == attacksPage:
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, at := range attackID.FindAllIndex(text, -1) {
			// An underscore ends a word, because names of tests have _A36.
			if start, end := at[0], at[1]; (start == 0 || !isAlnum(text[start-1])) && (end == len(text) || !isAlnum(text[end])) {
				mentions[string(text[start:end])] = path
			}
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), path, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && testName.MatchString("`"+f.Name.Name+"`") {
				tests[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return mentions, tests
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
