package recovery_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	portalpages "github.com/seed-51359b35/recovery/portal"
)

// A block of code on a page.
type block struct{ page, language, text string }

// docPages returns the names of the pages for hosts.
func docPages(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("docs/*.md")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d pages, %v", len(names), err)
	}
	return append(names, "README.md", "CONTRIBUTING.md", "SECURITY.md")
}

var (
	fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	// unfenced matches code that is set by its indentation.
	unfenced = regexp.MustCompile(`(?m)^(\t|    )[^\s*-]`)
)

func blocksOf(t *testing.T, page string) (blocks []block) {
	t.Helper()
	for _, m := range fence.FindAllStringSubmatch(readPage(t, page), -1) {
		blocks = append(blocks, block{page, m[1], m[2]})
	}
	return blocks
}

// Every block of code on a page stands in a file that is compiled and tested, or
// is run by a test. Otherwise it would be wrong after some change, and nobody
// would notice:
//
//   - go and sql: whole lines of one file of this repository;
//   - text, what a program logs: whole lines that TestPagesShowWhatIsLogged sees, or
//     a part of a Go file in each line;
//   - sh: commands that a test or .ci/run runs, see heldCommand.
func TestBlocksOfCodeAreHeld(t *testing.T) {
	sources := readSources(t)
	n := 0
	for _, page := range docPages(t) {
		outside := fence.ReplaceAllString(readPage(t, page), "")
		if strings.Contains(outside, "```") || unfenced.MatchString(outside) {
			t.Errorf("%s has code outside of ``` fences, which nothing checks", page)
		}
		for _, b := range blocksOf(t, page) {
			n++
			if page == filepath.Join("docs", "own-store.md") {
				continue // TestPage of recoverytest/sqlexample holds it, with what its run prints
			}
			switch b.language {
			case "go", "sql": // SQL may stand in a Go file
				if !sources.quotes(b.text, ".go") && (b.language == "go" || !sources.quotes(b.text, ".sql")) {
					t.Errorf("%s has this block, which is in no file of the repository, line by line:\n%s", b.page, b.text)
				}
			case "text":
				checkPrinted(t, sources, b)
			case "sh":
				for line := range strings.Lines(b.text) {
					command, _, _ := strings.Cut(line, " # ")
					if command = strings.TrimSpace(command); !heldCommand(t, b.page, command) {
						t.Errorf("%s has the command %q, which nothing runs", b.page, command)
					}
				}
			default:
				t.Errorf("%s has a block of language %q; want go, sql, text or sh", b.page, b.language)
			}
		}
	}
	if n < 20 {
		t.Errorf("%d blocks: the pages were not read to their end", n)
	}
}

// sources are the lines of the files of this repository, by name.
type sources map[string][]string

func readSources(t *testing.T) sources {
	t.Helper()
	all := sources{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 1 && d.Name()[0] == '.'):
			return filepath.SkipDir
		case d.IsDir() || !slices.Contains([]string{".go", ".sql"}, filepath.Ext(path)):
			return nil
		}
		text, err := os.ReadFile(path)
		if filepath.ToSlash(path) == "example_test.go" {
			// The tests of the root have a type of the name portal.
			text = []byte(strings.ReplaceAll(string(text), "portalpages.", "portal."))
		}
		all[path] = strings.Split(string(text), "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// quotes reports whether a file has the lines of a text one after another, all
// with the same indentation before them.
func (s sources) quotes(text, extension string) bool {
	want := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for name, lines := range s {
		if filepath.Ext(name) != extension {
			continue
		}
		for i := 0; i+len(want) <= len(lines); i++ {
			indent, ok := strings.CutSuffix(lines[i], want[0])
			if ok && strings.Trim(indent, "\t") == "" && same(lines[i:i+len(want)], want, indent) {
				return true
			}
		}
	}
	return false
}

func same(lines, want []string, indent string) bool {
	for i, line := range lines {
		if line != want[i] && line != indent+want[i] {
			return false
		}
	}
	return true
}

// checkPrinted checks that code prints what a block shows.
func checkPrinted(t *testing.T, all sources, b block) {
	t.Helper()
	for part := range strings.SplitSeq(b.text, "\n") {
		if strings.HasPrefix(part, "level=") {
			continue // TestPagesShowWhatIsLogged
		}
		part = strings.TrimSpace(strings.TrimPrefix(part, "..."))
		found := part == ""
		for name, lines := range all {
			found = found || filepath.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go") &&
				slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, part) })
		}
		if !found {
			t.Errorf("%s says that this is printed, and no code prints it:\n%s", b.page, part)
		}
	}
}

// heldCommand reports whether a command is run somewhere.
func heldCommand(t *testing.T, page, command string) bool {
	t.Helper()
	if name, _, ok := strings.Cut(strings.TrimPrefix(command, "export "), "="); ok && page == filepath.Join("docs", "sql.md") {
		return strings.Contains(readPage(t, "example/sqlapp/main.go"), "os.Getenv(\""+name+"\")")
	}
	if strings.HasPrefix(command, "go run ./example ") {
		return true // TestCommandsOfThePages in example parses it
	}
	if page == filepath.Join("docs", "getting-started.md") {
		return true // TestGettingStarted runs it
	}
	return slices.Contains([]string{
		"go test work", "bash .ci/run", // whoever runs this test is running them
		"GOWORK=off go run -C bench .",                         // bench/README.md has its result
		"go run golang.org/x/vuln/cmd/govulncheck@latest work", // before a release
		"psql $DATABASE_URL -f schema.sql", "go run .",         // the tests of sqlapp do the same from Go
		"openssl rand -base64 32", // TestOpenSSLMakesAKey
	}, command)
}

// The lines of the log on the pages are those that are logged.
func TestPagesShowWhatIsLogged(t *testing.T) {
	p := newPortal(t, func(_ *portal, o *recovery.Options) { o.API.Path = "/api" })
	h := p.Handler()
	post(h, "/account/not-me", `{}`)
	preflight(h, "/api/not-me", "https://app.example.com")
	r := httptest.NewRequest(http.MethodPost, "/api/not-me", nil)
	r.RemoteAddr = "10.1.2.3:45678"
	r.Header.Set("X-Forwarded-For", "198.51.100.7")
	p.Requester(r)
	_, err := portalpages.New(p.Service, portalpages.Options{BaseURL: "https://portal.example.com/users", Keys: [][]byte{testKey(1)}, Product: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	logged := map[string]bool{} // whether a page has it
	for line := range strings.Lines(p.log.String()) {
		if at := strings.Index(line, "level=WARN"); at >= 0 {
			logged[strings.TrimSpace(line[at:])] = false
		}
	}
	for _, page := range docPages(t) {
		for _, b := range blocksOf(t, page) {
			for line := range strings.Lines(b.text) {
				line = strings.TrimSpace(line)
				if _, ok := logged[line]; ok {
					logged[line] = true
				} else if strings.HasPrefix(line, "level=") {
					t.Errorf("%s has this line, which is not logged:\n%s", page, line)
				}
			}
		}
	}
	for line, shown := range logged {
		if !shown {
			t.Errorf("no page shows\n%s", line)
		}
	}
	if len(logged) != 4 {
		t.Errorf("%d lines, want 4", len(logged))
	}
}

// docs/nothing-arrives.md says what to do about every reason that there is.
func TestPageNamesEveryReason(t *testing.T) {
	const page = "docs/nothing-arrives.md"
	text := readPage(t, page)
	reasons := regexp.MustCompile(`EventReason = "([a-z_]+)"`).FindAllStringSubmatch(readPage(t, "events.go"), -1)
	if len(reasons) < 10 {
		t.Fatalf("%d reasons in events.go", len(reasons))
	}
	for _, m := range reasons {
		if !strings.Contains(text, "| `"+m[1]+"` |") {
			t.Errorf("%s has no row for the reason %s", page, m[1])
		}
	}
}

// The text that openssl prints is a key.
func TestOpenSSLMakesAKey(t *testing.T) {
	tool, err := exec.LookPath("openssl")
	if err != nil {
		testenv.Missing(t, "RECOVERY_REQUIRE_OPENSSL", "openssl is not installed")
	}
	out, err := exec.CommandContext(t.Context(), tool, "rand", "-base64", "32").Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := recovery.ParseKey(string(out)); err != nil {
		t.Error(err)
	}
}

// A reader does what docs/getting-started.md says, in an empty directory, and gets
// the program whose test drives it: example/start. Only the library is that of
// this repository, and not the newest release.
func TestGettingStarted(t *testing.T) {
	const page = "docs/getting-started.md"
	program, err := os.ReadFile("example/start/main.go")
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir, ran := t.TempDir(), 0
	for _, b := range blocksOf(t, page) {
		if b.language == "go" && b.text == string(program) {
			if err := os.WriteFile(filepath.Join(dir, "main.go"), program, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if b.language != "sh" {
			continue
		}
		for line := range strings.Lines(b.text) {
			ran++
			var err error
			switch line = strings.TrimSpace(line); line {
			case "mkdir acme && cd acme":
				dir = filepath.Join(dir, "acme")
				err = os.Mkdir(dir, 0o700)
			case "go run .":
				_, err = goCommand(t, dir, "vet", ".")
			case "go mod tidy":
				if _, err := goCommand(t, dir, "mod", "edit", "-replace", module+"="+here); err != nil {
					t.Fatal(err)
				}
				if _, err := goCommand(t, dir, "mod", "tidy"); err != nil {
					testenv.Missing(t, "RECOVERY_REQUIRE_MODULES", err.Error())
				}
			default:
				command, isGo := strings.CutPrefix(line, "go ")
				if !isGo {
					t.Fatalf("%s has a command that this test does not know: %s", page, line)
				}
				_, err = goCommand(t, dir, strings.Fields(command)...)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if ran < 4 {
		t.Errorf("%d commands, want those that make a module and run the program", ran)
	}
}

// pageLink matches a link to a file or to a heading, and not to the web.
var pageLink = regexp.MustCompile(`\]\(([^):]+)\)`)

// Links between pages lead somewhere.
func TestLinksOfPages(t *testing.T) {
	n := 0
	for _, page := range append(docPages(t), architecturePage) {
		for _, m := range pageLink.FindAllStringSubmatch(fence.ReplaceAllString(readPage(t, page), ""), -1) {
			n++
			file, heading, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			} else if heading != "" && !slices.Contains(headings(readPage(t, target)), heading) {
				t.Errorf("%s links to %s, and %s has no such heading", page, m[1], target)
			}
		}
	}
	if n < 20 {
		t.Errorf("%d links: the pages were not read to their end", n)
	}
}

// headings returns the headings of a page as links name them.
func headings(page string) (all []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(name, " ", "-"))
	}
	return all
}
