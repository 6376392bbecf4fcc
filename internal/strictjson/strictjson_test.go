package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/strictjson"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

var (
	exact   = strictjson.Options{}
	folding = strictjson.Options{FoldNames: true}
	lenient = strictjson.Options{FoldNames: true, NullIsAbsent: true}
)

// A60: every ambiguity that encoding/json accepts.
func TestParseRefuses_A60(t *testing.T) {
	const (
		notObject = "body must be one JSON object"
		trailing  = "body must end after the JSON object"
		unfinish  = "body must not end within the JSON object"
		badUTF8   = "body must be valid UTF-8"
		surrogate = "body must not contain an unpaired surrogate escape"
		twice     = " must not be given more than once"
	)
	tests := []struct {
		sentence string
		opts     strictjson.Options
		body     string
		want     string
	}{
		{"an empty body", exact, "", "body must not be empty"},
		{"white space alone", exact, " \r\n\t", "body must not be empty"},
		{"a byte order mark", exact, "\ufeff{}", "body must not begin with a byte order mark"},
		{"null at the top", exact, "null", notObject},
		{"true at the top", exact, "true", notObject},
		{"an array at the top", exact, `[{"email":"a@b.example"}]`, notObject},
		{"a string at the top", exact, `"{}"`, notObject},
		{"a number at the top", exact, `1`, notObject},
		{"two objects", exact, `{}{}`, trailing},
		{"two objects in lines", exact, "{}\n{}", trailing},
		{"garbage after the object", exact, `{} x`, trailing},
		{"a null after the object", exact, `{} null`, trailing},
		{"a NUL after the object", exact, "{}\x00", trailing},
		{"a no-break space after the object", exact, "{}\u00a0", trailing},
		{"a closing brace after the object", exact, `{}}`, trailing},
		{"an open object", exact, `{"a":"b"`, unfinish},
		{"an open string", exact, `{"a":"b`, unfinish},
		{"an open escape", exact, `{"a":"\`, unfinish},
		{"an open unicode escape", exact, `{"a":"\u00`, unfinish},
		{"a brace alone", exact, `{`, unfinish},
		{"a comma at the end", exact, `{"a":"b",}`, "body must be valid JSON, which it is not at byte 10"},
		{"a comma at the start", exact, `{,"a":"b"}`, "body must be valid JSON, which it is not at byte 2"},
		{"two strings without a colon", exact, `{"a" "b"}`, "body must be valid JSON, which it is not at byte 6"},
		{"single quotes", exact, `{'a':'b'}`, "body must be valid JSON, which it is not at byte 2"},
		{"a bare name", exact, `{a:"b"}`, "body must be valid JSON, which it is not at byte 2"},
		{"a comment", exact, `{/**/}`, "body must be valid JSON, which it is not at byte 2"},
		{"a raw line break in a string", exact, "{\"a\":\"b\n\"}", "body must be valid JSON, which it is not at byte 8"},
		{"an unknown escape", exact, `{"a":"\x41"}`, "body must be valid JSON, which it is not at byte 8"},
		{"a unicode escape without digits", exact, `{"a":"\u00g0"}`, "body must be valid JSON, which it is not at byte 11"},
		{"a leading zero", exact, `{"a":01}`, "body must be valid JSON, which it is not at byte 7"},
		{"NaN", exact, `{"a":NaN}`, "body must be valid JSON, which it is not at byte 6"},
		{"brackets that do not match", exact, `{"a":[}]}`, "body must be valid JSON, which it is not at byte 7"},
		{"the same name twice", exact, `{"email":"v@x.example","email":"a@x.example"}`, "email" + twice},
		{"the same name twice, once escaped", exact, `{"email":"v","\u0065mail":"a"}`, "email" + twice},
		{"the same name twice with null", lenient, `{"email":null,"email":"a"}`, "email" + twice},
		{"the same name twice in an object", exact, `{"a":{"b":1,"b":1}}`, "a.b" + twice},
		{"the same name twice where nobody looks", exact, `{"x":[0,"\"",[{"y":{"b":1,"b":1}}]]}`, "x[][].y.b" + twice},
		{"the empty name twice", exact, `{"":1,"":1}`, `""` + twice},
		{"names that fold together", folding, `{"email":"v","EMAIL":"a"}`, "EMAIL" + twice},
		{"names that fold together in an object", folding, `{"a":{"b":"v","B":"a"}}`, "a.B" + twice},
		{"invalid UTF-8 in a value", exact, "{\"a\":\"\xff\"}", badUTF8},
		{"invalid UTF-8 in a name", exact, "{\"\xff\":\"\"}", badUTF8},
		{"overlong UTF-8", exact, "{\"a\":\"\xc0\xaf\"}", badUTF8},
		{"a surrogate as UTF-8", exact, "{\"a\":\"\xed\xa0\x80\"}", badUTF8},
		{"invalid UTF-8 after the object", exact, "{}\xff", badUTF8},
		{"UTF-16", exact, "\xff\xfe{\x00}\x00", badUTF8},
		{"a high surrogate alone", exact, `{"a":"\ud800"}`, surrogate},
		{"a high surrogate before text", exact, `{"a":"\uD83Dx"}`, surrogate},
		{"a high surrogate before another escape", exact, `{"a":"\ud83d\n"}`, surrogate},
		{"two high surrogates", exact, `{"a":"\ud83d\ud83d"}`, surrogate},
		{"a low surrogate alone", exact, `{"a":"\udc00"}`, surrogate},
		{"a pair in the wrong order", exact, `{"a":"\ude00\ud83d"}`, surrogate},
		{"an unpaired surrogate in a name", exact, `{"\ud800":""}`, surrogate},
		{"an unpaired surrogate where nobody looks", exact, `{"x":[["\ud800"]]}`, surrogate},
		{"nine levels", exact, `{"a":[[[[[[[[]]]]]]]]}`, "body must not be nested deeper than 8 levels"},
		{"nine levels of objects", exact, strings.Repeat(`{"a":`, 9) + "1" + strings.Repeat("}", 9), "body must not be nested deeper than 8 levels"},
		{"three levels where two are allowed", strictjson.Options{MaxDepth: 2}, `{"a":{"b":{}}}`, "body must not be nested deeper than 2 levels"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			o, err := strictjson.Parse([]byte(test.body), test.opts)
			if err == nil {
				t.Fatalf("Parse(%q) accepted", test.body)
			}
			if o != nil {
				t.Error("Parse returned an object along with an error")
			}
			if _, ok := errors.AsType[*strictjson.Error](err); !ok {
				t.Errorf("error is a %T", err)
			}
			// The standard library's offsets differ between GOEXPERIMENTs.
			// So the texts are compared without the number.
			got, _, _ := strings.Cut(err.Error(), "at byte")
			want, _, _ := strings.Cut(test.want, "at byte")
			if got != want {
				t.Errorf("error %q, want %q", err, test.want)
			}
		})
	}
}

func TestParseAccepts(t *testing.T) {
	tests := []struct {
		sentence string
		opts     strictjson.Options
		body     string
		name     string
		want     string
	}{
		{"a plain member", exact, `{"EmailAddress":"johnwick@example.com"}`, "EmailAddress", "johnwick@example.com"},
		{"a line break at the end, as vendor SDKs send it", exact, "{\"Email\":\"gouser@example.com\"}\n", "Email", "gouser@example.com"},
		{"white space everywhere", exact, " \t\r\n{ \"a\" : \"b\" , \"c\" : [ 1 , 2 ] } \n", "a", "b"},
		{"an empty string", exact, `{"a":""}`, "a", ""},
		{"every escape", exact, `{"a":"\"\\\/\b\f\n\r\t\u0041\u00e9"}`, "a", "\"\\/\b\f\n\r\tA\u00e9"},
		{"an escaped name", exact, `{"\u0061":"b"}`, "a", "b"},
		{"a surrogate pair", exact, `{"a":"\uD83D\uDE00\ud83d\ude00"}`, "a", "\U0001f600\U0001f600"},
		{"an escaped backslash before a u", exact, `{"a":"\\ud800"}`, "a", `\ud800`},
		{"a replacement character that was sent as one", exact, "{\"a\":\"\ufffd\\ufffd\"}", "a", "\ufffd\ufffd"},
		{"a NUL, which is for the caller to refuse", exact, `{"a":"\u0000"}`, "a", "\x00"},
		{"eight levels", exact, `{"x":[[[[[[[]]]]]]],"a":"b"}`, "a", "b"},
		{"brackets in a string, which are not depth", exact, `{"a":"[[[[[[[[[{{{{{{{{{"}`, "a", "[[[[[[[[[{{{{{{{{{"},
		{"a number too large for anybody, where nobody looks", exact, `{"x":-1e999999,"a":"b"}`, "a", "b"},
		{"literals where nobody looks", exact, `{"x":[true,false,null],"y":null ,"z":0.5e-3,"a":"b"}`, "a", "b"},
		{"another case when folding", folding, `{"EMAIL":"b"}`, "Email", "b"},
		{"names that differ only in case when not folding", exact, `{"A":"x","a":"b"}`, "a", "b"},
		{"a byte order mark within a string", exact, "{\"a\":\"\ufeff\"}", "a", "\ufeff"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			o := parse(t, test.body, test.opts)
			got, present, err := o.String(test.name)
			if got != test.want || !present || err != nil {
				t.Errorf("String(%q) = %q, %v, %v; want %q, true, nil", test.name, got, present, err, test.want)
			}
			if !o.Has(test.name) {
				t.Errorf("Has(%q) = false", test.name)
			}
		})
	}
}

// A60: strings.EqualFold treats U+017F as s and U+212A as k. With it
// "pa\u017fsword" would set the password.
func TestFoldingIsASCIIOnly_A60(t *testing.T) {
	for _, body := range []string{
		`{"pa` + "\u017f" + `sword":"x"}`,
		`{"pa\u017fsword":"x"}`,
		`{"PA\u017FSWORD":"x"}`,
	} {
		o := parse(t, body, folding)
		if o.Has("password") {
			t.Errorf("%s has a password", body)
		}
		if _, found := o.Unknown("password"); !found {
			t.Errorf("%s has no unknown name", body)
		}
	}
	if parse(t, `{"\u212aey":"x"}`, folding).Has("key") {
		t.Error("the Kelvin sign is a k")
	}
	// These are two names, and not one name twice, in small and in large
	// objects.
	for _, n := range []int{0, 100} {
		var more strings.Builder
		for i := range n {
			fmt.Fprintf(&more, `,"m%d":0`, i)
		}
		o := parse(t, `{"key":"x","\u212aey":"y"`+more.String()+`}`, folding)
		if got, _, _ := o.String("KEY"); got != "x" {
			t.Errorf("with %d more members, KEY is %q", n, got)
		}
	}
}

// A60: large objects are searched by an index. However many members there are,
// and wherever a name stands among them, it is found in other capitals, and is
// refused a second time.
func TestFoldingInObjectsOfEverySize_A60(t *testing.T) {
	for n := 1; n <= 40; n++ {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"Name%d":"%d"`, i, i))
		}
		body := strings.Join(members, ",")
		o := parse(t, "{"+body+"}", folding)
		for i := range n {
			name := fmt.Sprintf("nAME%d", i)
			if got, ok, err := o.String(name); got != fmt.Sprint(i) || !ok || err != nil {
				t.Errorf("of %d members, %s is %q, %v, %v", n, name, got, ok, err)
			}
			if _, err := strictjson.Parse([]byte("{"+body+`,"`+name+`":""}`), folding); err == nil {
				t.Errorf("after %d members, a second %s is accepted", n, name)
			}
		}
	}
}

// A12: a list, an object or a number in place of one identifier.
func TestWrongTypes_A12(t *testing.T) {
	tests := []struct {
		sentence string
		opts     strictjson.Options
		body     string
		want     string
	}{
		{"a list of addresses", exact, `{"email":["v@x.example","a@x.example"]}`, "email must be a string"},
		{"a list of one", exact, `{"email":["v@x.example"]}`, "email must be a string"},
		{"an object", exact, `{"email":{"":"v"}}`, "email must be a string"},
		{"a number", exact, `{"email":0}`, "email must be a string"},
		{"true", exact, `{"email":true}`, "email must be a string"},
		{"false", lenient, `{"email":false}`, "email must be a string"},
		{"null", exact, `{"email":null}`, "email must not be null"},
		{"null when folding", folding, `{"EMAIL":null}`, "email must not be null"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			o := parse(t, test.body, test.opts)
			value, present, err := o.String("email")
			if value != "" || present || err == nil || err.Error() != test.want {
				t.Errorf("String = %q, %v, %v; want the error %q", value, present, err, test.want)
			}
			if !o.Has("email") {
				t.Error("Has = false")
			}
		})
	}
	t.Run("a string where an object belongs", func(t *testing.T) {
		o, present, err := parse(t, `{"SearchKeyData":"x"}`, lenient).Object("searchkeydata")
		if o != nil || present || err == nil || err.Error() != "searchkeydata must be an object" {
			t.Errorf("Object = %v, %v, %v", o, present, err)
		}
	})
}

func TestAbsence(t *testing.T) {
	o := parse(t, `{"a":null,"b":{"c":null}}`, lenient)
	if v, present, err := o.String("a"); v != "" || present || err != nil {
		t.Errorf("null: String = %q, %v, %v", v, present, err)
	}
	if c, present, err := o.Object("a"); c != nil || present || err != nil {
		t.Errorf("null: Object = %v, %v, %v", c, present, err)
	}
	if v, present, err := o.String("z"); v != "" || present || err != nil {
		t.Errorf("absent: String = %q, %v, %v", v, present, err)
	}
	if o.Has("a") || o.Has("z") || !o.Has("b") {
		t.Error("Has is wrong about null or absence")
	}
	b, present, err := o.Object("B")
	if b == nil || !present || err != nil {
		t.Fatalf("Object = %v, %v, %v", b, present, err)
	}
	if b.Has("c") {
		t.Error("options do not reach inner objects")
	}
	if !parse(t, `{"a":null}`, exact).Has("a") {
		t.Error("null is not given, without NullIsAbsent")
	}
}

func TestInnerObjects(t *testing.T) {
	const seed = `{"SearchKeyData":{"SchemaName":"Phone","Value":"+14-157415569"},"RecipientField":{"SchemaName":7}}`
	o := parse(t, seed, lenient)
	search, _, err := o.Object("searchKeyData")
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := search.String("VALUE"); v != "+14-157415569" || err != nil {
		t.Errorf("Value = %q, %v", v, err)
	}
	recipient, _, err := o.Object("RecipientField")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = recipient.String("SchemaName")
	if e, ok := errors.AsType[*strictjson.Error](err); !ok || e.Field != "RecipientField.SchemaName" || e.Reason != "must be a string" {
		t.Errorf("error %#v", err)
	}
}

// A65: account fields besides the two that a reset reads.
func TestUnknown_A65(t *testing.T) {
	for _, field := range []string{"IsActive", "Roles", "Email", "email", "PasswordHash", "__proto__", "passwordx", ""} {
		o := parse(t, fmt.Sprintf(`{"token":"t",%q:"x","password":"p"}`, field), exact)
		name, found := o.Unknown("token", "password", "leadId")
		want := field
		if field == "" {
			want = `""`
		}
		if !found || name != want {
			t.Errorf("Unknown = %q, %v; want %q", name, found, want)
		}
	}
	if name, found := parse(t, `{"TOKEN":"t"}`, folding).Unknown("token"); found {
		t.Errorf("%q is unknown when folding", name)
	}
	if _, found := parse(t, `{"TOKEN":"t"}`, exact).Unknown("token"); !found {
		t.Error("TOKEN is known without folding")
	}
	if _, found := parse(t, `{"token":"t"}`, exact).Unknown("token"); found {
		t.Error("a known name is unknown")
	}
	inner, _, _ := parse(t, `{"identifier":{"field":"f","x":1}}`, exact).Object("identifier")
	if name, _ := inner.Unknown("field", "value"); name != "identifier.x" {
		t.Errorf("Unknown = %q, want the path", name)
	}
}

// A83: an error reaches the client. So it quotes only harmless text and never a
// value.
func TestErrorsAreSafeToShow_A83(t *testing.T) {
	hostile := []string{
		"<script>alert(1)</script>", "a\r\nSet-Cookie: x=y", "a.b", `a"b`, "\u202egnp.exe", "\u017f", "a&b'c`d",
		strings.Repeat("x", 10_000), strings.Repeat("\U0001f600", 3000), strings.Repeat("\x7f", 100), "\x00",
	}
	for _, name := range hostile {
		quoted, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		key := string(quoted)
		for _, body := range []string{
			fmt.Sprintf(`{%s:"s3cret",%s:"s3cret"}`, key, key),
			fmt.Sprintf(`{%s:{%s:{%s:{%s:{%s:1,%s:"s3cret"}}}}}`, key, key, key, key, key, key),
		} {
			_, err := strictjson.Parse([]byte(body), exact)
			if err == nil {
				t.Fatalf("%q accepted", body)
			}
			checkSafe(t, err.Error())
		}
		shown, found := parse(t, fmt.Sprintf(`{%s:"s3cret"}`, key), exact).Unknown()
		if !found {
			t.Fatalf("%q is known", name)
		}
		checkSafe(t, shown)
	}
}

func checkSafe(t *testing.T, s string) {
	t.Helper()
	if len(s) > 300 {
		t.Errorf("%d bytes: %q", len(s), s)
	}
	if strings.Contains(s, "s3cret") {
		t.Errorf("a value is shown: %q", s)
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || strings.IndexByte("<>&'`", c) >= 0 {
			t.Fatalf("%q in %q", c, s)
		}
	}
}

// A61: the work grows linearly with the body, whatever its content is. The
// bound is a hundred times what the slowest body takes, and a quadratic parser
// would still exceed it.
func TestHostileBodiesAreCheap_A61(t *testing.T) {
	const size = 2 << 20 // far above the largest body
	wide := func(key func(i int) string) string {
		var b strings.Builder
		b.WriteString(`{"z":0`)
		for i := 0; b.Len() < size; i++ {
			b.WriteString(`,"` + key(i) + `":0`)
		}
		return b.String() + "}"
	}
	tests := []struct {
		sentence string
		opts     strictjson.Options
		body     string
		ok       bool
	}{
		{"1e5 open brackets", exact, `{"a":` + strings.Repeat("[", 1e5), false},
		{"brackets to the end", exact, strings.Repeat("[", size), false},
		{"objects to the end", exact, strings.Repeat(`{"a":`, size/5), false},
		{"many names", exact, wide(func(i int) string { return fmt.Sprint(i) }), true},
		{"many names to fold", folding, wide(func(i int) string { return fmt.Sprintf("A%X", i) }), true},
		{"many escaped names", exact, wide(func(i int) string { return fmt.Sprintf(`\u0041%d`, i) }), true},
		{"backslashes", exact, `{"a":"` + strings.Repeat(`\\`, size/2) + `"}`, true},
		{"surrogate pairs", exact, `{"a":"` + strings.Repeat(`\ud83d\ude00`, size/12) + `"}`, true},
		{"quotes", exact, `{"a":["` + strings.Repeat(`","`, size/3) + `"]}`, true},
		{"white space", exact, strings.Repeat(" ", size) + "{}", true},
		{"a long number", exact, `{"a":` + strings.Repeat("9", size) + `}`, true},
		{"a string that never ends", exact, `{"a":"` + strings.Repeat("x", size), false},
		{"garbage after the object", exact, "{}" + strings.Repeat("x", size), false},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			start := time.Now()
			_, err := strictjson.Parse([]byte(test.body), test.opts)
			if (err == nil) != test.ok {
				t.Errorf("accepted: %v, want %v (%v)", err == nil, test.ok, err)
			}
			if took := time.Since(start); took > testenv.Patience(20*time.Second) {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestParseAllocations(t *testing.T) {
	body := []byte(`{"EmailAddress":"johnwick@example.com"}`)
	got := testing.AllocsPerRun(100, func() {
		o, err := strictjson.Parse(body, lenient)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := o.String("EmailAddress"); err != nil {
			t.Fatal(err)
		}
	})
	if got > 4 {
		t.Errorf("%v allocations", got)
	}
}

// The caller may reuse its buffer.
func TestObjectDoesNotAliasData(t *testing.T) {
	body := []byte(`{"a":"before"}`)
	o, err := strictjson.Parse(body, exact)
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] = 'x'
	}
	if v, _, err := o.String("a"); v != "before" || err != nil {
		t.Errorf("String = %q, %v", v, err)
	}
}

func parse(t *testing.T, body string, opts strictjson.Options) *strictjson.Object {
	t.Helper()
	o, err := strictjson.Parse([]byte(body), opts)
	if err != nil {
		t.Fatalf("Parse(%s): %v", body, err)
	}
	return o
}
