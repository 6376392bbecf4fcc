package httpapi_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/httpapi"
)

// serve sends the bytes of a request to a real server and returns the answer.
// It closes its side of the connection after the request.
func serve(t *testing.T, handler http.HandlerFunc, request string) (*http.Response, string) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// echo answers with the body that it read, or with the error.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := httpapi.ReadJSON(w, r)
	if err != nil {
		e, ok := errors.AsType[*httpapi.BodyError](err)
		if !ok {
			panic(err)
		}
		if e.Close {
			w.Header().Set("Connection", "close")
		}
		httpapi.WriteJSON(w, e.Status, "text/plain", []byte(e.Reason))
		return
	}
	httpapi.WriteJSON(w, http.StatusOK, "application/json", body)
}

const (
	notJSON    = "must have exactly one Content-Type header, application/json"
	compressed = "must not have a Content-Encoding"
	tooLarge   = "must not have a body larger than 16 KiB"
	incomplete = "must have a complete body"
)

// A62: only a type that a browser sends to another origin after a preflight.
func TestContentType_A62(t *testing.T) {
	tests := []struct {
		sentence string
		types    []string
		ok       bool
	}{
		{"JSON", []string{"application/json"}, true},
		{"JSON in capitals", []string{"Application/JSON"}, true},
		{"JSON with its charset", []string{"application/json; charset=utf-8"}, true},
		{"JSON with its charset in capitals and no space", []string{"application/json;charset=UTF-8"}, true},
		{"JSON with its charset in quotes", []string{`application/json; Charset="Utf-8"`}, true},
		{"JSON with white space around", []string{" application/json ;\tcharset=utf-8 "}, true},
		{"nothing", nil, false},
		{"an empty type", []string{""}, false},
		{"a type given twice", []string{"application/json", "application/json"}, false},
		{"a type given twice, once as plain text", []string{"text/plain", "application/json"}, false},
		{"a list of types", []string{"application/json, text/plain"}, false},
		{"plain text, which a form can send", []string{"text/plain"}, false},
		{"plain text that mentions JSON", []string{"text/plain; application/json"}, false},
		{"a form", []string{"application/x-www-form-urlencoded"}, false},
		{"a form with files", []string{"multipart/form-data; boundary=x"}, false},
		{"a type as long as JSON's", []string{"application/yaml"}, false},
		{"a charset as long as UTF-8's", []string{"application/json; charset=utf-7"}, false},
		{"another JSON type", []string{"application/vnd.api+json"}, false},
		{"text/json", []string{"text/json"}, false},
		{"a type that begins like JSON", []string{"application/jsonp"}, false},
		{"a type that ends like JSON", []string{"x-application/json"}, false},
		{"another charset", []string{"application/json; charset=utf-16"}, false},
		{"a charset by another name", []string{"application/json; charset=utf8"}, false},
		{"an empty charset", []string{"application/json; charset="}, false},
		{"a charset given twice", []string{"application/json; charset=utf-8; charset=utf-8"}, false},
		{"a charset that is extended (RFC 2231)", []string{"application/json; charset*=utf-8''utf-8"}, false},
		{"a charset with spaces around its =", []string{"application/json; charset = utf-8"}, false},
		{"another parameter", []string{"application/json; odata=verbose"}, false},
		{"a semicolon at the end", []string{"application/json;"}, true},
		{"semicolons around the charset", []string{"application/json; ;charset=utf-8;"}, true},
		{"a charset given twice, with nothing between", []string{"application/json; charset=utf-8;; charset=utf-8"}, false},
		{"a comment", []string{"application/json (x)"}, false},
		{"a long s (A60)", []string{"application/j\u017fon"}, false},
		{"a dotted capital I, which strings.ToLower takes for an i", []string{"appl\u0130cation/json"}, false},
		{"a NUL", []string{"application/json\x00"}, false},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{}`))
			r.Header["Content-Type"] = test.types
			body, err := httpapi.ReadJSON(httptest.NewRecorder(), r)
			if test.ok {
				if string(body) != `{}` || err != nil {
					t.Errorf("ReadJSON = %q, %v", body, err)
				}
				return
			}
			checkError(t, body, err, 415, notJSON, false)
		})
	}
}

func checkError(t *testing.T, body []byte, err error, status int, reason string, closes bool) {
	t.Helper()
	e, ok := errors.AsType[*httpapi.BodyError](err)
	if !ok {
		t.Fatalf("ReadJSON = %q, %v", body, err)
	}
	if body != nil || e.Status != status || e.Reason != reason || e.Close != closes || e.Error() != "request "+reason {
		t.Errorf("ReadJSON = %q, %+v", body, e)
	}
}

// A61: a compressed body can become a large one.
func TestContentEncoding_A61(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, `{"a":"`+strings.Repeat("x", 10<<20)+`"}`)
	_ = z.Close()
	tests := []struct {
		sentence  string
		encodings []string
		ok        bool
	}{
		{"none", nil, true},
		{"identity", []string{"identity"}, true},
		{"identity in capitals", []string{"Identity"}, true},
		{"gzip", []string{"gzip"}, false},
		{"gzip after identity", []string{"identity", "gzip"}, false},
		{"identity and gzip", []string{"identity, gzip"}, false},
		{"deflate", []string{"deflate"}, false},
		{"br", []string{"br"}, false},
		{"one as long as identity", []string{"compress"}, false},
		{"zstd", []string{"zstd"}, false},
		{"an empty one", []string{""}, false},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(packed.Bytes()))
			r.Header.Set("Content-Type", "application/json")
			r.Header["Content-Encoding"] = test.encodings
			body, err := httpapi.ReadJSON(httptest.NewRecorder(), r)
			if test.ok {
				if !bytes.Equal(body, packed.Bytes()) || err != nil {
					t.Errorf("ReadJSON = %d bytes, %v", len(body), err)
				}
				return
			}
			checkError(t, body, err, 415, compressed, false)
		})
	}
}

// A61: sizes of bodies, on a real server.
func TestBodySize_A61(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	declared := func(n int64, body string) string {
		return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, n, body)
	}
	chunked := func(body string, size int) string {
		var b strings.Builder
		b.WriteString(head + "Transfer-Encoding: chunked\r\n\r\n")
		for len(body) > 0 {
			n := min(size, len(body))
			fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
			body = body[n:]
		}
		return b.String() + "0\r\n\r\n"
	}
	full := strings.Repeat("x", httpapi.MaxBody)
	tests := []struct {
		sentence string
		request  string
		status   int
		body     string
		closes   bool
	}{
		{"no body", head + "\r\n", 200, "", false},
		{"an empty body", declared(0, ""), 200, "", false},
		{"an empty chunked body", chunked("", 1), 200, "", false},
		{"a small body", declared(2, "{}"), 200, "{}", false},
		{"a small body in chunks of a byte", chunked(`{"a":"b"}`, 1), 200, `{"a":"b"}`, false},
		{"16 KiB", declared(httpapi.MaxBody, full), 200, full, false},
		{"16 KiB in chunks", chunked(full, 1000), 200, full, false},
		{"a byte more", declared(httpapi.MaxBody+1, full+"x"), 413, tooLarge, true},
		{"a byte more in chunks", chunked(full+"x", 1000), 413, tooLarge, true},
		{"more in one chunk", chunked(full+full, len(full)*2), 413, tooLarge, true},
		{"10 GiB, declared and not sent", declared(10<<30, "x"), 413, tooLarge, true},
		{"more bytes than declared", declared(2, "{}{}"), 200, "{}", false},
		{"fewer bytes than declared", declared(10, "{}"), 400, incomplete, true},
		{"characters declared for bytes, short by one", declared(9, `{"a":"é`), 400, incomplete, true},
		{"no bytes of those declared", declared(10, ""), 400, incomplete, true},
		{"a chunk that is cut", head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{}", 400, incomplete, true},
		{"chunks without an end", head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", 400, incomplete, true},
		{"chunks that are none", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 400, incomplete, true},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			resp, body := serve(t, echo, test.request)
			if resp.StatusCode != test.status || body != test.body {
				t.Errorf("%d %.100q, want %d %.100q", resp.StatusCode, body, test.status, test.body)
			}
			if resp.Close != test.closes {
				t.Errorf("closes: %v, want %v", resp.Close, test.closes)
			}
		})
	}
}

// endless is a body of 10 GiB that takes no memory itself.
type endless struct{ left, read int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	e.left -= n
	e.read += n
	return int(n), nil
}

func (e *endless) Close() error { return nil }

// A61: a body of 10 GiB costs less than 1 MiB.
func TestEndlessBody_A61(t *testing.T) {
	for _, declared := range []int64{-1, 0, 100, httpapi.MaxBody} {
		e := &endless{left: 10 << 30}
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Content-Type", "application/json")
		r.Body, r.ContentLength = e, declared
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		body, err := httpapi.ReadJSON(httptest.NewRecorder(), r)
		runtime.ReadMemStats(&after)
		checkError(t, body, err, 413, tooLarge, true)
		if got := after.TotalAlloc - before.TotalAlloc; got >= 1<<20 {
			t.Errorf("declared %d: %d bytes allocated", declared, got)
		}
		if e.read > 2*httpapi.MaxBody {
			t.Errorf("declared %d: %d bytes read", declared, e.read)
		}
	}
}

// A Body that a middleware has set need not keep the promises that net/http
// makes for its own bodies.
func TestForeignBodies(t *testing.T) {
	request := func(body io.ReadCloser, declared int64) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Content-Type", "application/json")
		r.Body, r.ContentLength = body, declared
		return r
	}
	t.Run("nil", func(t *testing.T) {
		body, err := httpapi.ReadJSON(httptest.NewRecorder(), request(nil, 0))
		if body == nil || len(body) != 0 || err != nil {
			t.Errorf("ReadJSON = %v, %v", body, err)
		}
	})
	t.Run("nil, of a declared length", func(t *testing.T) {
		body, err := httpapi.ReadJSON(httptest.NewRecorder(), request(nil, 10))
		checkError(t, body, err, 400, incomplete, true)
	})
	t.Run("an end without an error", func(t *testing.T) {
		body, err := httpapi.ReadJSON(httptest.NewRecorder(), request(io.NopCloser(strings.NewReader("{}")), 10))
		checkError(t, body, err, 400, incomplete, true)
	})
	t.Run("an error along with bytes", func(t *testing.T) {
		broken := io.MultiReader(strings.NewReader("{}"), iotestErr{})
		body, err := httpapi.ReadJSON(httptest.NewRecorder(), request(io.NopCloser(broken), -1))
		checkError(t, body, err, 400, incomplete, true)
	})
	t.Run("an unknown length", func(t *testing.T) {
		long := strings.Repeat("x", 5000)
		body, err := httpapi.ReadJSON(httptest.NewRecorder(), request(io.NopCloser(strings.NewReader(long)), -1))
		if string(body) != long || err != nil {
			t.Errorf("ReadJSON = %d bytes, %v", len(body), err)
		}
	})
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, errors.New("dial tcp 10.0.0.1: s3cret") }

func BenchmarkReadJSON(b *testing.B) {
	for name, size := range map[string]int{"40B": 40, "16KiB": httpapi.MaxBody} {
		b.Run(name, func(b *testing.B) {
			data := bytes.Repeat([]byte("x"), size)
			reader := bytes.NewReader(nil)
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.Header.Set("Content-Type", "application/json; charset=utf-8")
			r.Body, r.ContentLength = io.NopCloser(reader), int64(size)
			body, w := r.Body, httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(data)
				r.Body = body
				if _, err := httpapi.ReadJSON(w, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A body that does not come within the server's ReadTimeout is answered with 408,
// and the connection is closed. One that ends too early is 400 as before.
func TestSlowBodyIs408(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := httpapi.ReadJSON(w, r)
		e, ok := errors.AsType[*httpapi.BodyError](err)
		if !ok || !e.Close {
			t.Errorf("%v", err)
			return
		}
		w.WriteHeader(e.Status)
	}))
	server.Config.ReadTimeout = 200 * time.Millisecond
	server.Start()
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"email\":")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusRequestTimeout {
		t.Errorf("%v, %v", answer, err)
	}
}
