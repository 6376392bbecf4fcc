package main

import (
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// A ranScripts is what servers say of the scripts that they ran since their
// statistics were reset.
type ranScripts struct{ calls, usec float64 }

// resetStatistics has servers count from now on.
func resetStatistics(tb redistest.TB, servers ...*redis.Client) {
	for _, server := range servers {
		must(tb, server.ConfigResetStat(tb.Context()).Err())
	}
}

// scriptStatistics asks servers for their own statistics of commands.
func scriptStatistics(tb redistest.TB, servers ...*redis.Client) ranScripts {
	var ran ranScripts
	for _, server := range servers {
		info, err := server.Info(tb.Context(), "commandstats").Result()
		must(tb, err)
		for line := range strings.Lines(info) {
			name, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
			if name != "cmdstat_evalsha" && name != "cmdstat_eval" {
				continue
			}
			for field := range strings.SplitSeq(rest, ",") {
				k, v, _ := strings.Cut(field, "=")
				n, _ := strconv.ParseFloat(v, 64)
				switch k {
				case "calls":
					ran.calls += n
				case "usec":
					ran.usec += n
				}
			}
		}
	}
	return ran
}
