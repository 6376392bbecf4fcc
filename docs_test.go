package recovery_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	attacksPage      = "docs/attacks.md"
	architecturePage = "ARCHITECTURE.md"
)

// attackID matches the number of an attack.
var attackID = regexp.MustCompile(`A[0-9]{2,3}`)

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

// codeSpan matches what Markdown sets as code within a line.
var codeSpan = regexp.MustCompile("`([^`\n]+)`")

// Every package of every module stands under "Packages" on ARCHITECTURE.md, so
// that whoever reads the page sees all of them.
func TestArchitecturePageNamesEveryPackage(t *testing.T) {
	_, rest, found := strings.Cut(readPage(t, architecturePage), "\n## Packages\n")
	if !found {
		t.Fatalf("%s has no section \"## Packages\"; put it back", architecturePage)
	}
	section, _, _ := strings.Cut(rest, "\n## ")
	named := map[string]bool{}
	for _, m := range codeSpan.FindAllStringSubmatch(section, -1) {
		named[m[1]] = true
	}
	packages := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 1 && d.Name()[0] == '.'):
			return filepath.SkipDir
		case !d.IsDir() && isGoCode(path):
			packages[filepath.ToSlash(filepath.Dir(path))] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 20 {
		t.Fatalf("found %d packages: the repository was not read to its end", len(packages))
	}
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		name := dir
		if dir == "." {
			name = "recovery"
		}
		if !named[name] {
			t.Errorf("%s does not name the package %s under \"Packages\"; add a line such as \"- `%s`: what it is for\"", architecturePage, name, name)
		}
	}
}

// What ARCHITECTURE.md names as code is in the code: a directory or file, a
// name in a file ("reset.go:prove"), or a name in a package ("Lead.Version",
// "recoverytest.TestLeadStore").
func TestArchitecturePageMatchesTheCode(t *testing.T) {
	spans := codeSpan.FindAllStringSubmatch(readPage(t, architecturePage), -1)
	if len(spans) < 100 {
		t.Fatalf("%s names %d files and functions: the page was not read to its end", architecturePage, len(spans))
	}
	directories := map[string]declarations{}
	in := func(dir string) declarations {
		if directories[dir] == nil {
			directories[dir] = readDeclarations(t, dir)
		}
		return directories[dir]
	}
	checked := map[string]bool{}
	for _, m := range spans {
		span := m[1]
		if checked[span] {
			continue
		}
		checked[span] = true
		if file, name, found := strings.Cut(span, ":"); found {
			switch files := in(path.Dir(file))[name]; {
			case slices.Contains(files, path.Base(file)):
			case len(files) > 0:
				t.Errorf("%s names `%s`, but %s is in %s now; write its new file", architecturePage, span, name, strings.Join(files, ", "))
			default:
				t.Errorf("%s names `%s`, but no code in the directory of %s declares %s; write its new name and file", architecturePage, span, file, name)
			}
			continue
		}
		if _, err := os.Stat(filepath.FromSlash(span)); err == nil || span == "recovery" {
			continue
		}
		dir, name := ".", span
		slash := strings.LastIndexByte(span, '/')
		if at := strings.IndexByte(span[slash+1:], '.'); at > 0 {
			before, after := span[:slash+1+at], span[slash+1+at+1:]
			if info, err := os.Stat(filepath.FromSlash(before)); err == nil && info.IsDir() {
				dir, name = before, after
			}
		}
		if len(in(dir)[name]) == 0 {
			t.Errorf("%s names `%s`, which is no file and no name in package directory %s; write its new name, or take the backticks away if it is no code", architecturePage, span, dir)
		}
	}
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// isGoCode reports whether a file has Go code that is not for tests.
func isGoCode(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
}

// declarations has, for each name that a package declares, the files that
// declare it. Methods and fields are there as "Type.Name", and as "Name" too.
type declarations map[string][]string

// readDeclarations reads the Go files of a directory that are not for tests.
func readDeclarations(t *testing.T, dir string) declarations {
	t.Helper()
	entries, err := os.ReadDir(filepath.FromSlash(dir))
	if err != nil {
		t.Errorf("%s names a file in %s: %v", architecturePage, dir, err)
		return declarations{}
	}
	all := declarations{}
	for _, e := range entries {
		if e.IsDir() || !isGoCode(e.Name()) {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), filepath.Join(filepath.FromSlash(dir), e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		add := func(owner, name string) {
			names := []string{name}
			if owner != "" {
				names = append(names, owner+"."+name)
			}
			for _, n := range names {
				if !slices.Contains(all[n], e.Name()) {
					all[n] = append(all[n], e.Name())
				}
			}
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				add(receiver(d), d.Name.Name)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					addSpec(spec, add)
				}
			}
		}
	}
	return all
}

// receiver is the type that a method belongs to, or empty for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	expr := d.Recv.List[0].Type
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	if generic, ok := expr.(*ast.IndexExpr); ok {
		expr = generic.X
	}
	if ident, ok := expr.(*ast.Ident); ok {
		return ident.Name
	}
	return ""
}

// addSpec adds what one type, constant or variable declares.
func addSpec(spec ast.Spec, add func(owner, name string)) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			add("", name.Name)
		}
	case *ast.TypeSpec:
		add("", s.Name.Name)
		var members *ast.FieldList
		switch kind := s.Type.(type) {
		case *ast.StructType:
			members = kind.Fields
		case *ast.InterfaceType:
			members = kind.Methods
		default:
			return
		}
		for _, member := range members.List {
			for _, name := range member.Names {
				add(s.Name.Name, name.Name)
			}
		}
	}
}
