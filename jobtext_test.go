package recovery_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// fill sets every exported field of a struct, and of the structs in it, so that
// a field that is added later is compared too.
func fill(v reflect.Value, s string, at time.Time) {
	for i := range v.NumField() {
		f := v.Field(i)
		if !f.CanSet() {
			continue
		}
		switch p := f.Addr().Interface().(type) {
		case *time.Time:
			*p = at
		case *netip.Addr:
			*p, _ = netip.ParseAddr(s)
		case *map[string]string:
			*p = map[string]string{s: "b", "a": s}
		case *[]recovery.LinkParam:
			*p = []recovery.LinkParam{{Name: s, Value: "reset"}, {Name: "b", Value: s}}
		case *bool:
			*p = s != ""
		case *time.Duration:
			*p = time.Duration(len(s)) * time.Minute
		default:
			if f.Kind() == reflect.Struct {
				fill(f, s, at)
			} else {
				f.SetString(s) // panics for a type that stands in no case
			}
		}
	}
}

// sameJob checks that a payload is written as encoding/json writes it, and read
// as it reads.
func sameJob(t *testing.T, p recovery.Payload) {
	t.Helper()
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	wantErr := enc.Encode(p)
	got, err := recovery.WritePayload(p)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("written with %v, by encoding/json with %v", err, wantErr)
	}
	if err != nil {
		return
	}
	if got, want := string(got), string(bytes.TrimSuffix(want.Bytes(), []byte("\n"))); got != want {
		t.Fatalf("written as\n%s, by encoding/json as\n%s", got, want)
	}
	sameReading(t, got)
	sameReading(t, want.Bytes())
}

// sameReading checks that a text is read as encoding/json reads it.
func sameReading(t *testing.T, text []byte) (p recovery.Payload, err error) {
	t.Helper()
	var want recovery.Payload
	wantErr := json.Unmarshal(text, &want)
	p, err = recovery.ReadPayload(text)
	if (err == nil) != (wantErr == nil) || !reflect.DeepEqual(p, want) {
		t.Fatalf("%q read as\n%+v, %v; by encoding/json as\n%+v, %v", text, p, err, want, wantErr)
	}
	return p, err
}

// Instances of other versions write and read jobs with encoding/json.
func FuzzJobText(f *testing.F) {
	now := time.Date(2026, 2, 28, 23, 59, 58, 123_456_789, time.UTC)
	for _, s := range []string{
		"", "plain", "a&b<c>d", `quote" and \ backslash`, "line\nbreak\t\x00\x7f", "Jürgen ☃ \U0001f600", "\u2028\u2029",
		"invalid \xff\xc0\x80", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0", `fe80::1%"<é`,
	} {
		var p recovery.Payload
		fill(reflect.ValueOf(&p).Elem(), s, now)
		text, err := json.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, s, now.Unix(), int64(123_456_789), 3600)
		p.Labels = nil
		text, _ = recovery.WritePayload(p)
		f.Add(text, s, now.Unix(), int64(0), 0)
		f.Add(append(text, '\n'), s, int64(1e15), int64(0), 90_000) // a year and a zone that JSON does not have
		f.Add(text[:len(text)-1], s, int64(-1e12), int64(1), 1)
		f.Add(bytes.Replace(text, []byte(`,"`), []byte(`, "`), 1), s, int64(0), int64(0), -3600)
		f.Add(bytes.Replace(text, []byte(`}`), []byte(`,"New":1}`), 1), s, int64(0), int64(0), 0)
	}
	f.Add([]byte(`{"Op":"forgot","Link":{"URL":"x","TokenParam":"","LeadIDParam":"","SecretParam":"","Fixed":[]}}`), "", int64(0), int64(0), 0)
	f.Add([]byte(`{"Op":"forgot","Code":false,"id":"x","ID":"y","ID":null}`), "", int64(0), int64(0), 0)
	f.Fuzz(func(t *testing.T, text []byte, s string, seconds, nanoseconds int64, zone int) {
		if p, err := sameReading(t, text); err == nil {
			sameJob(t, p)
		}
		var p recovery.Payload
		fill(reflect.ValueOf(&p).Elem(), s, time.Unix(seconds, nanoseconds).In(time.FixedZone("", zone)))
		sameJob(t, p)
		p.Labels, p.Link.Fixed = nil, nil
		sameJob(t, p)
	})
}

// What most requests queue is read without reflection.
func TestUsualJobsAreReadWithoutReflection(t *testing.T) {
	p := recovery.Payload{
		Op: "forgot", ID: "ID", NotAfter: time.Now(), Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail},
		Recipient: "EmailAddress", Code: true, Secret: "12345678", Caller: "key", Client: netip.MustParseAddr("2001:db8::1"),
		Link:      recovery.Link{URL: "https://portal.example.com/reset?a=b&c=d", Fixed: []recovery.LinkParam{{Name: "vtype", Value: "reset"}}},
		Languages: "de-AT,en;q=0.5", RequestedAt: time.Now().UTC(), Notice: "password-changed",
	}
	text, err := recovery.WritePayload(p)
	if err != nil || !recovery.ReadsUsual(text) {
		t.Errorf("%s, %v", text, err)
	}
	p.Labels = map[string]string{"a": "b"}
	if text, err = recovery.WritePayload(p); err != nil || recovery.ReadsUsual(text) {
		t.Errorf("with labels: %s, %v", text, err)
	}
}
