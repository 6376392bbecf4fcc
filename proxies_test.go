package recovery_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
)

// A proxy whose fields are not read makes one client of everybody. The log says
// so once, with the peer and the option, and a stranger cannot use that line up.
func TestProxiesAreToldOf(t *testing.T) {
	for _, test := range []struct {
		sentence string
		edit     func(*recovery.Options)
		peers    [][2]string // the peer, and the field that it sends
		want     []string    // in the log, one line each
	}{
		{"no proxy", nil, [][2]string{{"192.0.2.1:1", ""}}, nil},
		{"a proxy that is not listed", nil, [][2]string{{"10.0.0.7:1", "X-Forwarded-For"}, {"10.0.0.8:1", "X-Forwarded-For"}}, []string{"peer=10.0.0.7:1 sends=X-Forwarded-For"}},
		{"a stranger first", nil, [][2]string{{"192.0.2.1:1", "X-Real-Ip"}, {"192.0.2.2:1", "X-Real-Ip"}, {"[::1]:1", "Forwarded"}},
			[]string{"peer=192.0.2.1:1 sends=X-Real-Ip", "peer=[::1]:1 sends=Forwarded"}},
		{"a Unix domain socket", nil, [][2]string{{"@", "X-Forwarded-For"}}, []string{"peer=@ sends=X-Forwarded-For"}},
		{"a listed one", func(o *recovery.Options) {
			o.ClientAddress.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		}, [][2]string{{"10.0.0.7:1", "X-Forwarded-For"}, {"10.0.0.7:1", "X-Real-Ip"}, {"10.0.0.7:1", "X-Real-Ip"}}, []string{"peer=10.0.0.7:1 sends=X-Real-Ip"}},
	} {
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			if test.edit != nil {
				test.edit(o)
			}
		})
		for _, peer := range test.peers {
			r := httptest.NewRequest(http.MethodPost, "/forgot-password", nil)
			r.RemoteAddr = peer[0]
			if peer[1] != "" {
				r.Header[peer[1]] = []string{"198.51.100.7"}
			}
			p.Requester(r)
		}
		if n := strings.Count(p.log.String(), "level=WARN"); n != len(test.want) {
			t.Errorf("%s: %d lines, want %d\n%s", test.sentence, n, len(test.want), p.log)
		}
		for _, want := range test.want {
			if !strings.Contains(p.log.String(), want) {
				t.Errorf("%s: no %q in\n%s", test.sentence, want, p.log)
			}
		}
	}
}
