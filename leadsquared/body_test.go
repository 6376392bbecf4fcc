package leadsquared_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A60, A61, A62: a body that two parsers could understand differently, or that
// is larger than it declares, has no effect and uses up nothing.
func TestHostileBodies(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(seedEmail))
	_ = z.Close()
	deep := func(n int) string { return strings.Repeat(`{"a":`, n-1) + `{}` + strings.Repeat(`}`, n-1) }
	// insert changes the right body of an operation.
	insert := func(s string) func(body string) string {
		return func(body string) string { return strings.Replace(body, "{", "{"+s+",", 1) }
	}
	instead := func(s string) func(string) string { return func(string) string { return s } }
	behind := func(s string) func(string) string { return func(body string) string { return body + s } }
	same := behind("")
	tests := []struct {
		sentence string
		change   func(body string) string
		tweak    tweak
		status   int
	}{
		{"no content type (A62)", same, header("Content-Type"), 400},
		{"text/plain, which needs no preflight (A62)", same, header("Content-Type", "text/plain"), 400},
		{"a form (A62)", same, header("Content-Type", "application/x-www-form-urlencoded"), 400},
		{"a form with JSON in it (A62)", same, header("Content-Type", "multipart/form-data; boundary=application/json"), 400},
		{"two content types (A62)", same, header("Content-Type", "application/json", "text/plain"), 400},
		{"JSON in another charset (A62)", same, header("Content-Type", "application/json; charset=utf-16"), 400},
		{"JSON of another kind", same, header("Content-Type", "application/ld+json"), 400},
		{"gzip (A61)", instead(zipped.String()), header("Content-Encoding", "gzip"), 400},
		{"16 KiB and one byte (A61)", func(b string) string { return b + strings.Repeat(" ", 16<<10+1-len(b)) }, nil, 413},
		{"16 KiB and one byte of unknown length (A61)", func(b string) string { return b + strings.Repeat(" ", 16<<10+1-len(b)) },
			func(r *http.Request) { r.ContentLength = -1 }, 413},
		{"fewer bytes than declared", same, func(r *http.Request) { r.ContentLength += 10 }, 400},
		{"nothing", instead(""), nil, 400},
		{"white space", instead(" \r\n\t "), nil, 400},
		{"nine levels (A61)", insert(`"x":` + deep(8)), nil, 400},
		{"a hundred thousand brackets (A61)", instead(strings.Repeat("[", 16_000)), nil, 400},
		{"two objects (A60)", behind("{}"), nil, 400},
		{"the object twice (A60)", func(b string) string { return b + "\n" + b }, nil, 400},
		{"trailing garbage (A60)", behind(" x"), nil, 400},
		{"an array around it (A12)", func(b string) string { return "[" + b + "]" }, nil, 400},
		{"a string", instead(`"EmailAddress"`), nil, 400},
		{"a number", instead("1"), nil, 400},
		{"null (A60)", instead("null"), nil, 400},
		{"true", instead("true"), nil, 400},
		{"a form's text", instead("EmailAddress=johnwick@example.com"), nil, 400},
		{"a comment", insert("/**/"), nil, 400},
		{"half of it", func(b string) string { return b[:len(b)/2] }, nil, 400},
		{"a byte order mark", func(b string) string { return "\xef\xbb\xbf" + b }, nil, 400},
		{"a name twice (A60)", insert(`"EmailAddress":"johnwick@example.com","LeadId":"` + johnID + `"`), nil, 400},
		{"a name twice in other case (A60)", insert(`"emailaddress":"attacker@evil.example","leadID":"x"`), nil, 400},
		{"an unknown name twice (A60)", insert(`"x":1,"x":2`), nil, 400},
		{"an unknown name twice in other case (A60)", insert(`"x":1,"X":2`), nil, 400},
		{"a name twice by an escape (A60)", insert(`"\u0045mailAddress":"x","\u004ceadId":"x"`), nil, 400},
		{"invalid UTF-8 (A60)", insert("\"x\":\"\xff\""), nil, 400},
		{"invalid UTF-8 in a name (A60)", insert("\"\xc0\xaf\":1"), nil, 400},
		{"an unpaired surrogate (A60)", insert(`"x":"\ud800"`), nil, 400},
		{"a control character", insert("\"x\":\"\x00\""), nil, 400},
	}
	for _, operation := range []string{forgotV2, resetV2} {
		t.Run(operation, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				var link *url.URL
				right, success := seedEmail, forgotOK
				if operation == resetV2 {
					link = w.mailedLink(w.a, asA)
					right, success = resetWith(goodPass, link), resetOK
				}
				sent := len(w.a.outbox.Messages())
				for _, test := range tests {
					var tweaks []tweak
					if test.tweak != nil {
						tweaks = append(tweaks, test.tweak)
					}
					rec := w.do(post(operation, test.change(right), tweaks...))
					if rec.Code != test.status {
						t.Errorf("%s: %d %s, want %d", test.sentence, rec.Code, rec.Body, test.status)
					}
					if closes := rec.Header().Get("Connection") == "close"; closes != (test.status == 413 || test.sentence == "fewer bytes than declared") {
						t.Errorf("%s: closes the connection: %v", test.sentence, closes)
					}
					// A83: no value of the body is in the answer.
					for _, secret := range []string{johnMail, johnID, goodPass, "evil"} {
						if strings.Contains(rec.Body.String(), secret) {
							t.Errorf("%s: %s holds %s", test.sentence, rec.Body, secret)
						}
					}
				}
				settle()
				if n := len(w.a.outbox.Messages()); n != sent {
					t.Errorf("%d messages were sent", n-sent)
				}
				if n := w.a.leads.Writes(); n != 0 {
					t.Errorf("%d passwords were written", n)
				}
				// Nothing was used up: the right body works now.
				want(t, w.do(post(operation, right)), 200, success)
			})
		})
	}
}

// The largest, deepest and strangest body that is accepted.
func TestHarmlessBodies(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		deepest := `{"x":` + strings.Repeat(`[`, 7) + strings.Repeat(`]`, 7) + `,"EmailAddress":"nobody@example.com"}`
		for sentence, r := range map[string]*http.Request{
			"16 KiB":                   post(forgotV2, seedEmail+strings.Repeat(" ", 16<<10-len(seedEmail))),
			"eight levels":             post(forgotV2, deepest),
			"a charset":                post(forgotV2, seedEmail, header("Content-Type", "Application/JSON; charset=UTF-8")),
			"white space around it":    post(forgotV2, "\r\n\t "+seedEmail+"\n"),
			"escapes in the name":      post(forgotV2, `{"\u0045mailAddress":"nobody@example.com"}`),
			"a content coding of none": post(forgotV2, seedEmail, header("Content-Encoding", "identity")),
			"an unknown length":        post(forgotV2, seedEmail, func(r *http.Request) { r.ContentLength = -1 }),
		} {
			if rec := w.do(r); rec.Code != 200 {
				t.Errorf("%s: %d %s", sentence, rec.Code, rec.Body)
			}
		}
	})
}

// A61: of an endless body no more than the first 16 KiB are read.
func TestEndlessBody(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		body := &countingReader{Reader: endless{}}
		r := post(forgotV2, "")
		r.Body, r.ContentLength = io.NopCloser(body), -1
		if rec := w.do(r); rec.Code != 413 {
			t.Errorf("%d, want 413", rec.Code)
		}
		if body.n > 64<<10 {
			t.Errorf("%d bytes were read", body.n)
		}
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '['
	}
	return len(p), nil
}
