package redisstore

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// One file for each operation. Those on slots share what reads and writes one.
var (
	//go:embed lua/slot.lua
	slotLua string
	//go:embed lua/put.lua
	putLua string
	//go:embed lua/peek.lua
	peekLua string
	//go:embed lua/claim.lua
	claimLua string
	//go:embed lua/release.lua
	releaseLua string
	//go:embed lua/delete.lua
	deleteLua string
	//go:embed lua/take.lua
	takeLua string
)

// A script is a Lua script and the name that Redis knows it by, both boxed
// once.
type script struct {
	source any
	sha    any
}

func newScript(parts ...string) script {
	source := strings.Join(parts, "\n")
	sum := sha1.Sum([]byte(source)) // the protocol's name for it, not a protection
	return script{source, hex.EncodeToString(sum[:])}
}

// scripts are those of one store.
type scripts struct {
	put, peek, claim, release, delete, take script
}

func newScripts() *scripts {
	return &scripts{
		put:     newScript(slotLua, putLua),
		peek:    newScript(slotLua, peekLua),
		claim:   newScript(slotLua, claimLua),
		release: newScript(slotLua, releaseLua),
		delete:  newScript(slotLua, deleteLua),
		take:    newScript(takeLua),
	}
}

// call is a run of a script that go-redis must not repeat on its own. By
// default it runs a script again when the reply was lost, up to three times,
// and reports success; whether a repetition is harmless, this package decides.
type call struct {
	*redis.Cmd
}

// NoRetry implements [redis.Cmder].
func (call) NoRetry() bool { return true }

// lead is what goes before a job's own arguments in a call.
const lead = 4

func (s script) call(ctx context.Context, j job) call {
	j.args[0], j.args[1], j.args[2], j.args[3] = "evalsha", s.sha, 1, j.key
	return call{redis.NewCmd(ctx, j.args...)}
}

// full is the call that brings the source along, for a server that does not
// know the script: then the short one did not run. It copies the arguments,
// because a pipeline may hold those of the short one.
func (s script) full(ctx context.Context, j job) call {
	args := slices.Clone(j.args)
	args[0], args[1] = "eval", s.source
	return call{redis.NewCmd(ctx, args...)}
}

func isNoScript(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT")
}
