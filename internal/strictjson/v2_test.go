//go:build goexperiment.jsonv2

package strictjson_test

import (
	"encoding/json/jsontext"
	jsonv2 "encoding/json/v2"
	"testing"

	"github.com/seed-51359b35/recovery/internal/strictjson"
)

// FuzzParseV2 compares Parse with encoding/json/v2, which is itself strict
// about duplicate names, UTF-8 and trailing data (A60). Parse rejects every
// body that v2 rejects, and a body that Parse accepts has the same value for
// both. Run it with
//
//	GOEXPERIMENT=jsonv2 go test ./internal/strictjson
func FuzzParseV2(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte, fold bool) {
		o, err := strictjson.Parse(data, strictjson.Options{FoldNames: fold})
		var want map[string]jsontext.Value
		errV2 := jsonv2.Unmarshal(data, &want)
		if err != nil {
			mayRefuse(t, data, fold, want, err, errV2)
			return
		}
		if errV2 != nil {
			t.Fatalf("accepted %q, encoding/json/v2 says %v", data, errV2)
		}
		sameAsV2(t, o, want)
	})
}

func sameAsV2(t *testing.T, o *strictjson.Object, want map[string]jsontext.Value) {
	t.Helper()
	for name, raw := range want {
		got, isString, err := o.String(name)
		if isString != (raw.Kind() == '"') || isString != (err == nil) {
			t.Fatalf("String(%q) = %v, %v, encoding/json/v2 says %s", name, isString, err, raw)
		}
		if isString {
			var s string
			if err := jsonv2.Unmarshal(raw, &s); err != nil || s != got {
				t.Fatalf("String(%q) = %q, encoding/json/v2 says %q, %v", name, got, s, err)
			}
		}
		inner, isObject, _ := o.Object(name)
		if isObject != (raw.Kind() == '{') {
			t.Fatalf("Object(%q) = %v, encoding/json/v2 says %s", name, isObject, raw)
		}
		if isObject {
			var members map[string]jsontext.Value
			if err := jsonv2.Unmarshal(raw, &members); err != nil {
				t.Fatal(err)
			}
			sameAsV2(t, inner, members)
		}
	}
}

// mayRefuse checks that Parse is stricter than v2 only where it is documented:
// null, depth, and names that differ only in case.
func mayRefuse(t *testing.T, data []byte, fold bool, want map[string]jsontext.Value, err, errV2 error) {
	t.Helper()
	if errV2 != nil || want == nil || fold {
		return
	}
	deep := 0
	for depth, i := 0, 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			depth++
			deep = max(deep, depth)
		case '}', ']':
			depth--
		}
	}
	if deep <= 8 {
		t.Fatalf("refused %q (%v), encoding/json/v2 accepts it", data, err)
	}
}
