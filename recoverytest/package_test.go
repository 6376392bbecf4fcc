package recoverytest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
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
// sentence, and that it names a place where package recovery documents it.
func TestClauses(t *testing.T) {
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	documented := documentedNames(t)
	for suite, clauses := range recoverytest.Clauses() {
		seen := map[string]bool{}
		for _, c := range clauses {
			if seen[c.Name] || !name.MatchString(c.Name) {
				t.Errorf("%s: clause %q: bad name", suite, c.Name)
			}
			seen[c.Name] = true
			if !strings.HasSuffix(c.Text, ".") {
				t.Errorf("%s: clause %q: the text is not a sentence: %q", suite, c.Name, c.Text)
			}
			if !documented[c.Where] {
				t.Errorf("%s: clause %q: package recovery has no documentation of %q", suite, c.Name, c.Where)
			}
			t.Logf("%s/%s (%s): %s", suite, c.Name, c.Where, c.Text)
		}
	}
}

// documentedNames returns the types of package recovery that have a comment, and
// their fields and methods that do.
func documentedNames(t *testing.T) map[string]bool {
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			types, ok := decl.(*ast.GenDecl)
			if !ok || types.Tok != token.TYPE || types.Doc.Text() == "" {
				continue
			}
			spec := types.Specs[0].(*ast.TypeSpec)
			names[spec.Name.Name] = true
			var members *ast.FieldList
			switch of := spec.Type.(type) {
			case *ast.StructType:
				members = of.Fields
			case *ast.InterfaceType:
				members = of.Methods
			default:
				continue
			}
			for _, member := range members.List {
				for _, name := range member.Names {
					names[spec.Name.Name+"."+name.Name] = member.Doc.Text() != ""
				}
			}
		}
	}
	return names
}
