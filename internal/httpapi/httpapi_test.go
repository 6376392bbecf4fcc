package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seed-51359b35/recovery/internal/httpapi"
)

// A05: no cache stores an answer, and no validator lets a cache ask whether the
// answer has changed.
func TestSetSecurityHeaders_A05(t *testing.T) {
	h := http.Header{
		"Etag":          {`"x"`},
		"Last-Modified": {"Thu, 01 Jan 1970 00:00:00 GMT"},
		"Cache-Control": {"public", "max-age=60"},
		"X-Other":       {"kept"},
	}
	httpapi.SetSecurityHeaders(h)
	want := map[string]string{
		"Cache-Control":                "no-store",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
		"Cross-Origin-Resource-Policy": "same-origin",
		"X-Other":                      "kept",
	}
	for name, value := range want {
		if got := h.Values(name); len(got) != 1 || got[0] != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if len(h) != len(want) {
		t.Errorf("headers are %v", h)
	}
	// The values share an array. An Add to one must not change the next.
	h.Add("Cache-Control", "private")
	if got := h.Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("X-Content-Type-Options became %q", got)
	}
}

func TestWriteJSON(t *testing.T) {
	tests := []struct {
		sentence    string
		status      int
		contentType string
		body        string
	}{
		{"an answer", 200, "application/json", `{"Status":"Success"}`},
		{"an error", 429, "application/problem+json", `{}`},
		{"an answer outside ASCII, whose length is counted in bytes", 400, "application/json", `{"a":"é"}`},
		{"an empty answer", 200, "application/json", ""},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			resp, body := serve(t, func(w http.ResponseWriter, r *http.Request) {
				httpapi.SetSecurityHeaders(w.Header())
				httpapi.WriteJSON(w, test.status, test.contentType, []byte(test.body))
			}, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
			if resp.StatusCode != test.status || body != test.body || resp.ContentLength != int64(len(test.body)) {
				t.Errorf("%d, %d bytes declared, %q", resp.StatusCode, resp.ContentLength, body)
			}
			if got := resp.Header.Values("Content-Type"); len(got) != 1 || got[0] != test.contentType {
				t.Errorf("Content-Type is %q", got)
			}
			if len(resp.TransferEncoding) != 0 || resp.Header.Get("Etag") != "" || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers are %v", resp.Header)
			}
		})
	}
	t.Run("an answer without a body", func(t *testing.T) {
		w := httptest.NewRecorder()
		httpapi.WriteJSON(w, http.StatusNoContent, "application/json", nil)
		if w.Code != http.StatusNoContent || w.Body.Len() != 0 || len(w.Header()) != 0 {
			t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
		}
	})
}

// A12: two servers may read a header that is given twice in different ways.
func TestSingleHeader_A12(t *testing.T) {
	tests := []struct {
		sentence string
		h        http.Header
		value    string
		ok       bool
	}{
		{"absent", http.Header{"Other": {"x"}}, "", true},
		{"no headers at all", nil, "", true},
		{"given once", http.Header{"X-Lsq-Portalid": {"x"}}, "x", true},
		{"given once, empty", http.Header{"X-Lsq-Portalid": {""}}, "", true},
		{"given twice", http.Header{"X-Lsq-Portalid": {"x", "y"}}, "", false},
		{"given twice alike", http.Header{"X-Lsq-Portalid": {"x", "x"}}, "", false},
		{"given twice, once empty", http.Header{"X-Lsq-Portalid": {"", "x"}}, "", false},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if value, ok := httpapi.SingleHeader(test.h, "x-lsq-portalid"); value != test.value || ok != test.ok {
				t.Errorf("SingleHeader = %q, %v", value, ok)
			}
		})
	}
}

func BenchmarkSetSecurityHeaders(b *testing.B) {
	b.ReportAllocs()
	h := make(http.Header, 16)
	for b.Loop() {
		httpapi.SetSecurityHeaders(h)
	}
}
