package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// vaultTTL is how long a value lasts after its last use: a demo that
	// somebody left on a Redis goes away by itself. Longer than a session.
	vaultTTL = 24 * time.Hour
	// vaultBudget is how long one operation may take, however often Redis has
	// to be asked for it.
	vaultBudget = time.Second
	// vaultVersion begins every value: the version of what is sealed in it.
	vaultVersion = 1
)

//go:embed swap.lua
var swapLua string

// names are the names of the demo's keys in a store that others may look into.
type names struct {
	prefix string
	key    []byte
}

func newNames(prefix string, key []byte) (names, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, prefix+" names", 32)
	return names{prefix, derived}, err
}

// hash is the name of something that is not to be read from its key. Without
// the key of the HMAC, a list of addresses would be enough to find out whose
// they are.
func (n names) hash(parts ...string) string {
	mac := hmac.New(sha256.New, n.key)
	for _, p := range parts {
		// Lengths, so that no two lists of parts read the same.
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		mac.Write([]byte(p))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// name is the name of a key.
func (n names) name(kind, hash string) string { return n.prefix + ":" + kind + ":" + hash }

// A vault keeps values in Redis so that a look into it tells nothing: sealed,
// under hashed names, with a time to live. A value is read, and written if it
// is still what was read: two statements that stand for every SELECT and for
// every UPDATE with a version in its WHERE clause. Each is about one key, and so
// right in a Cluster.
type vault struct {
	names
	client redis.UniversalClient
	aead   cipher.AEAD
}

func newVault(client redis.UniversalClient, prefix string, key []byte) (*vault, error) {
	n, err := newNames(prefix, key)
	if err != nil {
		return nil, err
	}
	seal, err := hkdf.Key(sha256.New, key, nil, prefix+" values", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &vault{n, client, aead}, nil
}

// isHash reports whether s can be one. What a browser sent becomes the name of
// a key only if it can.
func isHash(s string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == sha256.Size && len(s) == base64.RawURLEncoding.EncodedLen(sha256.Size)
}

// within bounds an operation.
func (v *vault) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, vaultBudget)
}

// get reads a value into a pointer and renews its time to live. It returns the
// value as it is stored, for swap: empty if there is none.
func (v *vault) get(ctx context.Context, name string, into any) (stored string, err error) {
	stored, err = v.client.GetEx(ctx, name, vaultTTL).Result()
	if errors.Is(err, redis.Nil) || err == nil && stored == "" {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if stored[0] != vaultVersion {
		return "", errors.New("a value in Redis was stored by another version of this program")
	}
	// The name is sealed in, so a value that was moved, or an answer that
	// belongs to another question (A90), does not open.
	opened, err := v.aead.Open(nil, nil, []byte(stored[1:]), []byte(name))
	if err != nil {
		return "", errors.New("a value in Redis is not what was stored under its name")
	}
	return stored, json.Unmarshal(opened, into)
}

// swap writes a value if the one that get read is still there, in one atomic
// step. Every sealing differs, so equal means untouched.
func (v *vault) swap(ctx context.Context, name, stored string, value any) (done bool, err error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return false, err
	}
	sealed := v.aead.Seal([]byte{vaultVersion}, nil, plain, []byte(name))
	cmd := once{redis.NewCmd(ctx, "eval", swapLua, 1, name, stored, sealed, vaultTTL.Milliseconds())}
	if err := v.client.Process(ctx, cmd); err != nil {
		return false, err
	}
	reply, err := cmd.Slice()
	if err != nil {
		return false, err
	}
	if len(reply) != 2 || reply[1] != name {
		return false, errors.New("the answer is about another key")
	}
	return reply[0] == int64(1), nil
}

// once is a command that go-redis does not repeat: if the reply to a swap was
// lost, the second run would say that it failed, because the first one did it.
type once struct{ *redis.Cmd }

// NoRetry implements [redis.Cmder].
func (once) NoRetry() bool { return true }

// notDone reports whether a swap that failed has left the value in place for
// certain: Redis refused it, or could not be reached. A reply that did not come
// says neither.
func notDone(err error) bool {
	if _, ok := errors.AsType[redis.Error](err); ok {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// redisError says where an error comes from, for the log.
func redisError(err error) error { return fmt.Errorf("redis: %w", err) }
