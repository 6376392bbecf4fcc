package redisstore

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
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

// A script is a Lua script and the name that Redis knows it by.
type script struct {
	source string
	sha    string
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

func (s script) call(ctx context.Context, key string, args []any) call {
	all := make([]any, 0, 4+len(args))
	all = append(all, "evalsha", s.sha, 1, key)
	return call{redis.NewCmd(ctx, append(all, args...)...)}
}

// full is the call that brings the source along, for a server that does not
// know the script: then the short one did not run.
func (s script) full(ctx context.Context, key string, args []any) call {
	all := make([]any, 0, 4+len(args))
	all = append(all, "eval", s.source, 1, key)
	return call{redis.NewCmd(ctx, append(all, args...)...)}
}

func isNoScript(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT")
}
