// Package i18n_test compares the choice of a language with that of Node.
package i18n_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/internal/i18n"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// negotiator is what most servers on Node choose a language with. This version
// has no dependencies.
var negotiator = browsertest.Package{
	Name: "negotiator", Version: "1.0.0",
	Integrity: "sha512-8Ofs/AUQh8MaEcrlq5xOX0CQ9ypTF5dl78mjlMNfOK08fzpgTHQRQPBxcPlEtIw0yRpws+Zo/3r+5WRby7u3Gg==",
}

// recorded holds the first of the lists, for the tests of the package without
// Node.
const recorded = "../../i18n/testdata/negotiator.txt"

// recordedLists is how many lists recorded has.
const recordedLists = 500

// writeVariable names the environment variable that has recorded written anew.
const writeVariable = "RECOVERY_WRITE_NEGOTIATOR"

var offered = []string{"en", "es", "fr", "de", "pt", "hi", "ar", "zh", "ja"}

// randomLists returns n lists, always the same ones. Their tags are primary
// languages, because negotiator knows no families.
func randomLists(n int) []string {
	random := rand.New(rand.NewPCG(21, 21))
	names := append([]string{"*", "sv", "nl", "ko", "uk", "fa", "gl", "eu", "mr", "ckb", "gsw", "xh"}, offered...)
	weights := []string{"", "", "", ";q=1", ";q=1.0", ";q=0", ";q=0.0", ";q=0.001"}
	for i := range 9 {
		weights = append(weights, fmt.Sprintf(";q=0.%d", i+1), fmt.Sprintf(";q=0.%d5", i))
	}
	var lists []string
	for range n {
		var ranges []string
		for range 1 + random.IntN(9) {
			ranges = append(ranges, names[random.IntN(len(names))]+weights[random.IntN(len(weights))])
		}
		lists = append(lists, strings.Join(ranges, []string{",", ", "}[random.IntN(2)]))
	}
	return lists
}

// ask returns what negotiator chooses of each list.
func ask(t *testing.T, lists []string) []string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		testenv.Missing(t, "RECOVERY_REQUIRE_CHROMIUM", "no Node on the PATH")
	}
	dir := filepath.Join(t.TempDir(), negotiator.Name)
	if err := os.CopyFS(dir, negotiator.Files(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience(time.Minute))
	defer cancel()
	cmd := exec.CommandContext(ctx, node, append([]string{filepath.Join("testdata", "negotiator.js"), dir}, offered...)...)
	cmd.Stdin = strings.NewReader(strings.Join(lists, "\n") + "\n")
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	chosen := strings.Fields(string(out))
	if err != nil || len(chosen) != len(lists) {
		t.Fatalf("%d answers to %d lists: %v", len(chosen), len(lists), err)
	}
	return chosen
}

// With tags cut to their primary language on both sides, npm's negotiator chooses
// the same language: of 20,000 lists with RECOVERY_LONG=1, otherwise of 500.
func TestAgreesWithNegotiator(t *testing.T) {
	lists := randomLists(recordedLists)
	if testenv.Long() {
		lists = randomLists(20_000)
	}
	chosen := ask(t, lists)
	var among []language.Tag
	for _, name := range offered {
		among = append(among, language.MustParse(name))
	}
	m := i18n.NewMatcher(among, among[0])
	var record bytes.Buffer
	differ := 0
	for i, list := range lists {
		want := chosen[i]
		if i < recordedLists {
			fmt.Fprintf(&record, "%s\t%s\n", list, want)
		}
		if want == "-" {
			want = offered[0]
		}
		if got := offered[m.Match("", list)]; got != want {
			if differ++; differ <= 10 {
				t.Errorf("%q: %s, and negotiator %s", list, got, want)
			}
		}
	}
	if differ > 0 {
		t.Errorf("%d of %d lists differ", differ, len(lists))
	}
	if os.Getenv(writeVariable) == "1" {
		if err := os.WriteFile(recorded, record.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(recorded); err != nil || !bytes.Equal(got, record.Bytes()) {
		t.Errorf("%s is not what negotiator chooses (%v): write it anew with %s=1", recorded, err, writeVariable)
	}
}
