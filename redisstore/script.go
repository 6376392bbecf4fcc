package redisstore

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed lua/limits.lua
	limitsLua string
	//go:embed lua/tokens.lua
	tokensLua string
)

// A script is a Lua script whose reply is a list of one type, which begins with
// the nonce of the call.
type script[V int64 | string] struct {
	source any // a string
	sha    any // a string: the name by which Redis knows it
	width  int // values of the reply for each key
	nonce  func() V
	list   func(ctx context.Context, args ...any) list[V]
}

// A list is a command whose reply is a list.
type list[V any] interface {
	redis.Cmder
	Val() []V
}

func limitsScript() script[int64] {
	return script[int64]{
		limitsLua, redis.NewScript(limitsLua).Hash(), 2, newNonce,
		func(ctx context.Context, args ...any) list[int64] {
			return ints{redis.NewIntSliceCmd(ctx, args...), once{}}
		},
	}
}

func tokensScript() script[string] {
	return script[string]{
		tokensLua, redis.NewScript(tokensLua).Hash(), 2, func() string { return strconv.FormatInt(newNonce(), 10) },
		func(ctx context.Context, args ...any) list[string] {
			return texts{redis.NewStringSliceCmd(ctx, args...), once{}}
		},
	}
}

type (
	ints struct {
		*redis.IntSliceCmd
		once
	}
	texts struct {
		*redis.StringSliceCmd
		once
	}
	// once makes a command one that go-redis does not repeat. By default it
	// runs a script again when the reply was lost, up to three times, and
	// reports success.
	once struct{}
)

// NoRetry implements [redis.Cmder].
func (once) NoRetry() bool { return true }

// newNonce returns a number that no other call has, and that Lua has exactly.
func newNonce() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return int64(binary.BigEndian.Uint64(b[:]) >> 11)
}

// says reports whether a server answered with an error of this code. Of those
// that this package asks for, the script did not run.
func says(err error, code string) bool {
	answer, ok := errors.AsType[redis.Error](err)
	return ok && strings.HasPrefix(answer.Error(), code+" ")
}
