package recovery_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/seed-51359b35/recovery"

// listed is what these tests read of go list -json.
type listed struct {
	ImportPath, Dir string
	Standard        bool
	Module          *struct{ Path string }
	Imports, Deps   []string
}

// goList lists packages of the module with their non-test imports.
func goList(t *testing.T, patterns ...string) []listed {
	t.Helper()
	tool, err := exec.LookPath("go") // go test puts its own first
	if err != nil {
		t.Skip("there is no go command to ask")
	}
	cmd := exec.CommandContext(t.Context(), tool, append([]string{"list", "-e", "-json=ImportPath,Dir,Standard,Module,Imports,Deps"}, patterns...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// isStandard reports whether an import path is the standard library's: its
// first element has no dot.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func isBelow(path, parent string) bool { return path == parent || strings.HasPrefix(path, parent+"/") }

// Dependencies are part of the API: whoever imports the root gets these and no
// others, directly or through them. There is no JWT library among them, because
// there are no JWTs (A37).
func TestImportsOfTheRoot(t *testing.T) {
	root := goList(t, module)[0]
	for _, path := range root.Imports {
		switch {
		case isStandard(path), path == module+"/password", isBelow(path, module+"/internal"):
		case isBelow(path, "golang.org/x/crypto"), isBelow(path, "golang.org/x/text"):
		case path == "golang.org/x/net/idna", path == "github.com/gorilla/securecookie":
		default:
			t.Errorf("the root imports %s", path)
		}
	}
	// Everything that it pulls in is one of these.
	modules := []string{
		module + "/password", module + "/internal",
		"golang.org/x/crypto", "golang.org/x/text", "golang.org/x/net/idna", "golang.org/x/sys/cpu",
		"github.com/gorilla/securecookie", "github.com/ccojocar/zxcvbn-go",
	}
	for _, path := range root.Deps {
		if strings.HasPrefix(path, "vendor/") {
			continue // the standard library's own
		}
		if !isStandard(path) && !slices.ContainsFunc(modules, func(m string) bool { return isBelow(path, m) }) {
			t.Errorf("the root depends on %s", path)
		}
	}
	for _, never := range []string{"net/smtp", "database/sql", "html/template", "text/template", "expvar", "net/http/pprof", "plugin", "os/exec"} {
		if slices.Contains(root.Imports, never) {
			t.Errorf("the root imports %s", never)
		}
	}
}

// isTestKit reports whether a package is there for tests alone: the public
// conformance suites, and what tests of several packages share.
func isTestKit(path string) bool {
	return isBelow(path, module+"/recoverytest") || isBelow(path, module+"/internal") && strings.HasSuffix(path, "test")
}

// Who may import whom, over every module of the workspace.
func TestImportsOfTheModules(t *testing.T) {
	packages := goList(t, module+"/...")
	if len(packages) < 3 {
		t.Fatalf("%d packages", len(packages))
	}
	for _, p := range packages {
		for _, path := range p.Imports {
			switch {
			case isTestKit(path) && !isTestKit(p.ImportPath) && !isBelow(p.ImportPath, module+"/bench"):
				t.Errorf("%s imports %s, which is for tests", p.ImportPath, path)
			// A30: there is one source of randomness. Suites repeat their
			// random histories from a seed, and draw no secret.
			case path == "math/rand", path == "math/rand/v2", isBelow(path, "golang.org/x/exp/rand"):
				if !isBelow(p.ImportPath, module+"/bench") && !isTestKit(p.ImportPath) {
					t.Errorf("%s imports %s", p.ImportPath, path)
				}
			case isBelow(path, "github.com/ccojocar/zxcvbn-go"):
				if p.ImportPath != module+"/password" && !isBelow(p.ImportPath, module+"/bench") {
					t.Errorf("%s imports %s", p.ImportPath, path)
				}
			// Its numbering plans add 4 MB to a program.
			case isBelow(path, "github.com/nyaruka/phonenumbers"):
				if p.ImportPath != module+"/smsnotifier" && p.ImportPath != module+"/portal/phones" {
					t.Errorf("%s imports %s", p.ImportPath, path)
				}
			case isBelow(path, module+"/example"), isBelow(path, module+"/bench"):
				top := strings.Join(strings.SplitN(path, "/", 5)[:4], "/")
				if !isBelow(p.ImportPath, top) {
					t.Errorf("%s imports %s", p.ImportPath, path)
				}
			// A nested module and the root can be at different versions, and
			// only exported names are kept alike between them.
			case isBelow(path, module+"/internal") && p.Module.Path != module && !isTestKit(p.ImportPath):
				t.Errorf("%s is in module %s and imports %s, which is internal to the root module", p.ImportPath, p.Module.Path, path)
			case path == "unsafe", path == "C":
				t.Errorf("%s imports %s", p.ImportPath, path)
			case strings.Contains(strings.ToLower(path), "redis"):
				if !isBelow(p.ImportPath, module+"/redisstore") && !isBelow(p.ImportPath, module+"/redisguard") && !isBelow(p.ImportPath, module+"/asynqqueue") &&
					!isBelow(p.ImportPath, module+"/bench") && !isBelow(p.ImportPath, module+"/example") && !isTestKit(p.ImportPath) {
					t.Errorf("%s imports %s", p.ImportPath, path)
				}
			}
		}
		// What sign-up and login use too knows nothing of recovery, and what
		// is internal nothing of its users.
		if isBelow(p.ImportPath, module+"/password") || isBelow(p.ImportPath, module+"/internal") && !isTestKit(p.ImportPath) {
			if slices.Contains(p.Deps, module) {
				t.Errorf("%s depends on the root", p.ImportPath)
			}
		}
		if base := filepath.Base(p.ImportPath); base == "util" || base == "utils" || base == "types" || base == "common" || strings.Contains(p.ImportPath, "/pkg/") {
			t.Errorf("%s: no such names", p.ImportPath)
		}
	}
}
