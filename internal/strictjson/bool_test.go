package strictjson_test

import "testing"

func TestBool(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":true}`: "", `{"a": false }`: "", `{}`: "",
		`{"a":"true"}`: "a must be true or false", `{"a":1}`: "a must be true or false",
		`{"a":[true]}`: "a must be true or false", `{"a":{"a":true}}`: "a must be true or false",
		`{"a":null}`: "a must not be null",
	} {
		value, present, err := parse(t, body, exact).Bool("a")
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want || value != (body == `{"a":true}`) || present != (want == "" && body != "{}") {
			t.Errorf("%s: %v, %v, %v", body, value, present, err)
		}
	}
	if _, present, err := parse(t, `{"a":null}`, lenient).Bool("A"); present || err != nil {
		t.Errorf("null that is absent: %v, %v", present, err)
	}
	if v, present, err := parse(t, `{"a":true}`, exact).String("a"); v != "" || present || err == nil {
		t.Errorf("String of a boolean: %q, %v, %v", v, present, err)
	}
}
