package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/strictjson"
)

func seeds(f *testing.F) {
	for _, s := range []string{
		`{"EmailAddress":"johnwick@example.com"}`,
		`{"SearchKeyData":{"SchemaName":"Phone","Value":"+14-157415569"},"RecipientField":{"SchemaName":"Phone"}}`,
		"{\"Email\":\"gouser@example.com\"}\n",
		`{"a":"\ud83d\ude00","b":[1,true,null,{"c":-0.1e+9}],"":""}`,
		`{"email":"v","email":"a"}`, `{"email":"v","EMAIL":"a"}`, `{"pa\u017fsword":"x"}`, `{"\u212aey":1,"key":2}`,
		`{}{}`, `{} x`, `null`, `[]`, ``, "\ufeff{}", "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{"a":"\\ud800"}`,
		strings.Repeat(`{"a":`, 9) + `1` + strings.Repeat(`}`, 9),
		strings.Repeat(`{"a":[`, 4) + `]}` + strings.Repeat(`]}`, 3),
		`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"o":1,"p":1,"q":1,"p":2}`,
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
}

// FuzzParse compares Parse with encoding/json (A60): the standard library
// accepts every body that Parse accepts, with the same strings and the same
// objects.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte, fold bool) {
		o, err := strictjson.Parse(data, strictjson.Options{FoldNames: fold})
		if err != nil {
			checkSafe(t, err.Error())
			return
		}
		sameAsV1(t, o, data)
	})
}

func sameAsV1(t *testing.T, o *strictjson.Object, data []byte) {
	t.Helper()
	var want map[string]json.RawMessage
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatalf("accepted %q, encoding/json says %v", data, err)
	}
	names := make([]string, 0, len(want))
	for name, raw := range want {
		names = append(names, name)
		if !o.Has(name) {
			t.Fatalf("%q is missing from %q", name, data)
		}
		got, isString, err := o.String(name)
		if isString != (raw[0] == '"') || isString != (err == nil) {
			t.Fatalf("String(%q) = %v, %v in %q", name, isString, err, data)
		}
		if isString {
			var s string
			if err := json.Unmarshal(raw, &s); err != nil || s != got {
				t.Fatalf("String(%q) = %q, encoding/json says %q, %v", name, got, s, err)
			}
		}
		inner, isObject, _ := o.Object(name)
		if isObject != (raw[0] == '{') {
			t.Fatalf("Object(%q) = %v in %q", name, isObject, data)
		}
		if isObject {
			sameAsV1(t, inner, raw)
		}
	}
	if name, found := o.Unknown(names...); found {
		t.Fatalf("%q in %q is not there for encoding/json", name, data)
	}
}
