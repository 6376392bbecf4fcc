package leadsquared_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// Every status that the two pages of the vendor list, on both operations in both
// generations, with the words of the pages in the answer.
func TestStatusesOfTheVendorsPages(t *testing.T) {
	const (
		unauthorizedWords = "The API call was made with invalid access credentials. "
		notFoundWords     = "The API could not be found. Please check the API signature."
		limitWords        = "API calls exceeded the limit of 25 in 5 second(s)"
	)
	for _, o := range []struct{ path, body string }{{forgotV1, seedEmail}, {forgotV2, seedEmail}, {resetV1, seedReset}, {resetV2, seedReset}} {
		reset := strings.Contains(o.path, "Reset")
		tests := []struct {
			sentence string
			r        func() *http.Request
			status   int
			kind     string
			words    string
		}{
			{"made with invalid access credentials", func() *http.Request { return post(o.path, o.body, header("Authorization", "another key")) }, 401, unauthorized, unauthorizedWords},
			{"content type is not application/json", func() *http.Request { return post(o.path, o.body, header("Content-Type", "text/plain")) }, 400, invalidInput, "application/json"},
			{"no content type", func() *http.Request { return post(o.path, o.body, header("Content-Type")) }, 400, invalidInput, "application/json"},
			{"attribute names are not correct", func() *http.Request { return post(o.path, `{"Email":"johnwick@example.com"}`) }, 400, missing, " is required."},
			{"structure is not correct", func() *http.Request { return post(o.path, "["+o.body+"]") }, 400, invalidInput, "The body must be one JSON object."},
			{"could not be found", func() *http.Request { return post(o.path+"s", o.body) }, 404, notFound, notFoundWords},
		}
		bubble(t, callerLimit, func(t *testing.T, w *world) {
			check := func(sentence string, r *http.Request, status int, kind, words string) {
				t.Helper()
				rec := w.do(r)
				var e struct {
					Status, ExceptionType, ExceptionMessage string
					IsSuccessful                            *bool
				}
				if err := json.Unmarshal(rec.Body.Bytes(), &e); err != nil {
					t.Fatal(err)
				}
				if rec.Code != status || e.Status != "Error" || e.ExceptionType != kind || !strings.Contains(e.ExceptionMessage, words) {
					t.Errorf("%s, %s: %d %s", o.path, sentence, rec.Code, rec.Body)
				}
				if (e.IsSuccessful != nil) != (reset && status != 404) {
					t.Errorf("%s, %s: %s", o.path, sentence, rec.Body)
				}
			}
			for _, test := range tests {
				check(test.sentence, test.r(), test.status, test.kind, test.words)
			}
			// The 26th call within 5 s, whatever else is wrong with it.
			for range 25 {
				if rec := w.do(post(o.path, o.body)); rec.Code == 429 {
					t.Fatalf("%s: %s", o.path, rec.Body)
				}
			}
			check("exceeded the limit", post(o.path, o.body), 429, rateLimited, limitWords)
			time.Sleep(5 * time.Second)
			if rec := w.do(post(o.path, o.body)); rec.Code == 429 {
				t.Errorf("%s after 5 s: %s", o.path, rec.Body)
			}
		})
	}
	// 500: the host's store fails in a way that says nothing of the outcome.
	bubble(t, nil, func(t *testing.T, w *world) {
		link := w.mailedLink(w.a, asA)
		w.a.onWrite(func() error { return errors.Join(recovery.ErrOutcomeUnknown, errors.New("the connection broke")) })
		rec := w.do(post(resetV2, resetWith(goodPass, link)))
		if rec.Code != 500 || !strings.Contains(rec.Body.String(), internal) || strings.Contains(rec.Body.String(), "broke") {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
	})
}
