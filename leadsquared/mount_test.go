package leadsquared_test

import (
	"net/http"
	"strings"
	"testing"
)

// The endpoints are found at the path of the options, with StripPrefix or
// without. A request below another path is answered with 404, and told once. So
// is the page of an origin that no portal lists.
func TestMount(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		opts := w.options()
		opts.Path = "/shop/crm"
		w.rebuild(opts)
		const body = `{"EmailAddress":"nobody@example.com"}`
		for path, want := range map[string]int{
			"/shop/crm" + forgotV2:                  http.StatusOK,
			"/shop/crm" + strings.ToUpper(forgotV2): http.StatusOK,
			"/crm" + forgotV2:                       http.StatusOK,
			forgotV2:                                http.StatusOK,
			"/shop/crm/" + forgotV2:                 http.StatusNotFound,
			"/shop/crm/nothing":                     http.StatusNotFound,
		} {
			if rec := w.do(post(path, body)); rec.Code != want {
				t.Errorf("%s: %d, want %d", path, rec.Code, want)
			}
		}
		rec := w.do(post("/elsewhere"+forgotV2, body))
		if rec.Code != http.StatusNotFound || !strings.Contains(rec.Body.String(), "It is mounted at another path.") || strings.Contains(rec.Body.String(), "elsewhere") {
			t.Errorf("a wrong mount: %d %s", rec.Code, rec.Body)
		}
		w.do(preflight("/shop/crm"+forgotV2, "https://evil.example"))
		w.do(preflight("/shop/crm"+forgotV2, "https://evil.example"))
		logs := w.logs.String()
		if strings.Count(logs, "is not mounted") != 1 || !strings.Contains(logs, `"requested":"/elsewhere`+forgotV2) || !strings.Contains(logs, `"expected":"/shop/crm`+forgotV2) {
			t.Errorf("the log is\n%s", logs)
		}
		if strings.Count(logs, "wants to call this handler") != 1 || !strings.Contains(logs, "option Portals[].Origins") {
			t.Errorf("the log is\n%s", logs)
		}
	})
}
