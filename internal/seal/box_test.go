package seal_test

import (
	"bytes"
	"testing"

	"github.com/seed-51359b35/recovery/internal/seal"
)

func box(t testing.TB, name string, fills ...byte) *seal.Box {
	t.Helper()
	var keys [][]byte
	for _, f := range fills {
		keys = append(keys, bytes.Repeat([]byte{f}, 32))
	}
	b, err := seal.NewBox(keys, name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBoxesOpenOnlyWhereTheyShould(t *testing.T) {
	b := box(t, "job", 1)
	value := []byte("lead and secret")
	again := func() []byte { return b.Seal(append(make([]byte, seal.BoxRoom), value...)) }
	sealed := again()
	if bytes.Contains(sealed, []byte("lead")) || bytes.Equal(sealed, again()) {
		t.Errorf("sealed %q, and equal values alike", sealed)
	}
	for _, c := range []struct {
		name string
		by   *seal.Box
		want error
		key  int
	}{
		{"the one that sealed it", b, nil, 0},
		{"one that has the key as its second", box(t, "job", 2, 1), nil, 1},
		{"one for another purpose", box(t, "notice", 1), seal.ErrInvalid, 0},
		{"one without the key", box(t, "job", 2), seal.ErrUnknownKey, 0},
	} {
		got, key, err := c.by.Open(sealed)
		if err != c.want || key != c.key || err == nil && !bytes.Equal(got, value) {
			t.Errorf("%s: %q by key %d, %v, want %v", c.name, got, key, err, c.want)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		want := seal.ErrInvalid
		if 1 <= i && i <= 4 {
			want = seal.ErrUnknownKey // these bytes name the key
		}
		if _, _, err := b.Open(changed); err != want {
			t.Errorf("with byte %d changed: %v, want %v", i, err, want)
		}
		if _, _, err := b.Open(sealed[:i]); err != seal.ErrInvalid {
			t.Errorf("cut to %d bytes: %v, want ErrInvalid", i, err)
		}
	}
	sealed[0]++
	if _, _, err := b.Open(sealed); err != seal.ErrNewerVersion {
		t.Errorf("with the next version: %v, want ErrNewerVersion", err)
	}
	if _, err := seal.NewBox([][]byte{[]byte("short")}, "job"); err == nil {
		t.Error("a key of 5 bytes was taken")
	}
}
