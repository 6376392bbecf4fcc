package redistest

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// minVersion is the first major version with CLUSTER ADDSLOTSRANGE and with the
// configuration that [Start] writes.
const minVersion = 7

var versionField = regexp.MustCompile(`\bv=(\d+)\.`)

// Require returns the path of redis-server. If there is none, or if it is older
// than version 7, Require skips the test. If RECOVERY_REQUIRE_REDIS is 1, as in
// continuous integration, Require fails the test instead, so that a machine
// without the server cannot report success.
func Require(tb TB) string {
	tb.Helper()
	path, reason := find()
	switch {
	case reason == "":
		return path
	case os.Getenv("RECOVERY_REQUIRE_REDIS") == "1":
		tb.Fatalf("redistest: %s, and RECOVERY_REQUIRE_REDIS=1", reason)
	default:
		tb.Skipf("redistest: %s", reason)
	}
	return ""
}

// find returns the path of redis-server, or the reason why there is none.
func find() (path, reason string) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", "no redis-server on the PATH"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", "redis-server --version failed: " + err.Error()
	}
	m := versionField.FindSubmatch(out)
	if m == nil {
		return "", "redis-server --version did not name a version"
	}
	if major, err := strconv.Atoi(string(m[1])); err != nil || major < minVersion {
		return "", "redis-server is older than version " + strconv.Itoa(minVersion)
	}
	return path, ""
}

// QuietClients makes go-redis log nothing. Without it, go-redis prints lines to
// standard error for every server that a test kills. Call it in TestMain or in
// a program, and not in a test: the logger is global to the process, and cannot
// be read, so a test could not restore it, and would silence parallel tests.
func QuietClients() { redis.SetLogger(quiet{}) }

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
