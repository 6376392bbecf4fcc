package recovery_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// minimums are the libraries that a host is likely to use too, with the lowest
// version that works for us and with a package of each. To raise one forces the
// new version on every host, so there has to be a reason, which stands here.
var minimums = []struct{ module, version, uses string }{
	{"github.com/redis/go-redis/v9", "v9.20.0", "github.com/redis/go-redis/v9"},      // NoRetry, and a Close that waits for no call
	{"github.com/gorilla/securecookie", "v1.1.2", "github.com/gorilla/securecookie"}, // lengths are checked without the padding
	{"github.com/wneessen/go-mail", "v0.8.1", "github.com/wneessen/go-mail"},         // SkipSMTPUTF8
	{"golang.org/x/crypto", "v0.54.0", "golang.org/x/crypto/bcrypt"},                 // what go-mail requires
	{"golang.org/x/text", "v0.40.0", "golang.org/x/text/language"},                   // what go-mail requires
	{"golang.org/x/net", "v0.57.0", "golang.org/x/net/idna"},                         // refuses xn--example-, A11
	{"google.golang.org/protobuf", "v1.36.11", "google.golang.org/protobuf/proto"},   // what phonenumbers requires
	{"github.com/sony/gobreaker/v2", "v2.4.0", "github.com/sony/gobreaker/v2"},       // Settings.IsExcluded
	{"github.com/jackc/pgx/v5", "v5.8.0", "github.com/jackc/pgx/v5"},                 // a bystander
	{"go.opentelemetry.io/otel", "v1.39.0", "go.opentelemetry.io/otel"},              // a bystander
	{"github.com/alexedwards/scs/v2", "v2.8.0", "github.com/alexedwards/scs/v2"},     // a bystander
}

// goCommand runs the go command in a directory, outside any workspace.
func goCommand(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	tool, err := exec.LookPath("go") // go test puts its own first
	if err != nil {
		t.Skip("there is no go command to ask")
	}
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -buildvcs=false")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return string(out), nil
}

// requirements reads the versions that a go.mod requires.
func requirements(t *testing.T, dir string) map[string]string {
	t.Helper()
	out, err := goCommand(t, dir, "mod", "edit", "-json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal([]byte(out), &file); err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, r := range file.Require {
		versions[r.Path] = r.Version
	}
	return versions
}

// consumer writes a program that imports the root, and packages of other
// modules, and tidies it. Modules of this repository have no version.
func consumer(t *testing.T, with []struct{ module, version, uses string }) (dir string) {
	t.Helper()
	dir = t.TempDir()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var mod, main strings.Builder
	fmt.Fprintf(&mod, "module example.com/host\n\ngo 1.26.0\n\nreplace %s => %s\n\nrequire %[1]s v0.0.0\n", module, root)
	fmt.Fprintf(&main, "package main\n\nimport (\n\t_ %q\n", module)
	fmt.Fprintf(&mod, "replace %s/sqlstore => %s/sqlstore\n", module, root) // riverqueue's tests use it
	for _, m := range with {
		if ours, ok := strings.CutPrefix(m.module, module); ok {
			fmt.Fprintf(&mod, "replace %s => %s%s\n", m.module, root, ours)
			m.version = "v0.0.0"
		}
		fmt.Fprintf(&mod, "require %s %s\n", m.module, m.version)
		fmt.Fprintf(&main, "\t_ %q\n", m.uses)
	}
	main.WriteString(")\n\nfunc main() {}\n")
	for name, text := range map[string]string{"go.mod": mod.String(), "main.go": main.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := goCommand(t, dir, "mod", "tidy"); err != nil {
		// Most likely no module can be fetched here.
		testenv.Missing(t, "RECOVERY_REQUIRE_MODULES", err.Error())
	}
	return dir
}

// A host keeps the versions that it has chosen, as long as they are not below
// the lowest that work.
func TestRootForcesNoVersionOnItsHost(t *testing.T) {
	ours := requirements(t, ".")
	for _, m := range minimums {
		if v, ok := ours[m.module]; ok && v != m.version {
			t.Errorf("go.mod requires %s %s, the lowest that works is %s", m.module, v, m.version)
		}
	}
	got := requirements(t, consumer(t, minimums))
	for _, m := range minimums {
		if got[m.module] != m.version {
			t.Errorf("go mod tidy changed the host's %s from %s to %s", m.module, m.version, got[m.module])
		}
	}
}

// This is all that go mod tidy adds to a program that imports the root alone.
func TestWhatTheRootAddsToItsHost(t *testing.T) {
	checkAdded(t, consumer(t, nil), rootAdds)
}

var rootAdds = []string{
	module, "github.com/ccojocar/zxcvbn-go", "github.com/gorilla/securecookie",
	"golang.org/x/crypto", "golang.org/x/net", "golang.org/x/sys", "golang.org/x/text",
}

// riverqueue adds River, with what River needs, and nothing that only its tests
// use.
func TestWhatRiverqueueAddsToItsHost(t *testing.T) {
	const added = module + "/riverqueue"
	dir := consumer(t, []struct{ module, version, uses string }{{module: added, uses: added}})
	checkAdded(t, dir, append([]string{
		added, "github.com/jackc/pgpassfile", "github.com/jackc/pgservicefile", "github.com/jackc/pgx/v5", "github.com/jackc/puddle/v2",
		"github.com/riverqueue/river", "github.com/riverqueue/river/riverdriver", "github.com/riverqueue/river/riverdriver/riverpgxv5",
		"github.com/riverqueue/river/rivershared", "github.com/riverqueue/river/rivertype",
		"github.com/tidwall/gjson", "github.com/tidwall/match", "github.com/tidwall/pretty", "github.com/tidwall/sjson", "golang.org/x/sync",
	}, rootAdds...))
}

// checkAdded compares what a consumer's go.mod requires.
func checkAdded(t *testing.T, dir string, want []string) {
	t.Helper()
	got := slices.Sorted(maps.Keys(requirements(t, dir)))
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("go mod tidy requires\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
