package loginradius_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

// wire is a connection on which a test writes bytes.
type wire struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dial(t *testing.T, server *httptest.Server) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return &wire{t, conn, bufio.NewReader(conn)}
}

// send writes a request of header lines and a body, with the Content-Length
// that the client declared, and reads the answer.
func (w *wire) send(head []string, body string, declared int) answer {
	w.t.Helper()
	head = append(head, "Host: api.example.com", "Content-Length: "+strconv.Itoa(declared))
	if _, err := io.WriteString(w.conn, strings.Join(head, "\r\n")+"\r\n\r\n"+body); err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.ReadResponse(w.r, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if resp.Close {
		resp.Header.Set("Connection", "close")
	}
	a := answer{resp.StatusCode, resp.Header, string(b)}
	a.check(w.t)
	return a
}

// closed reports whether the server closed the connection without another byte.
func (w *wire) closed() bool {
	_, err := w.r.ReadByte()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// TestRecordedRequests replays requests recorded from the vendor's SDKs byte by
// byte. It changes only the secret, which is too short here, and the tokens and
// codes, which come from the test.
func TestRecordedRequests(t *testing.T) {
	tests := []struct {
		name  string
		head  []string
		body  string
		lead  string
		mails bool
		tpl   string
		quiet bool // prevent_webhook
	}{
		{
			name: "vendor page: all in the query, and a header",
			head: []string{
				"POST /identity/v2/manage/account/forgot/token?apikey=k-123&apisecret=" + apiSecret + "&sendemail=true&resetpasswordurl=https%3A%2F%2Fexample.com%2Freset&emailtemplate=tpl-2&prevent_webhook=true HTTP/1.1",
				"X-PreventWebhook: true", "Content-Type: application/json",
			},
			body: "{    \"Username\": \"john_doe\"  }", lead: "lead-john", mails: true, tpl: "tpl-2", quiet: true,
		},
		{
			name: "Go SDK: both in headers, URL with a query and a space",
			head: []string{
				"POST /identity/v2/manage/account/forgot/token?emailTemplate=tpl-1&resetPasswordUrl=https%3A%2F%2Fexample.com%2Freset%3Fa%3D1%26b%3Dx+y&sendemail=true HTTP/1.1",
				"X-Loginradius-Apikey: k-123", "X-Loginradius-Apisecret: " + apiSecret, "Content-Type: application/json",
			},
			body: "{\"Email\":\"gouser@example.com\"}\n", lead: "lead-gouser", mails: true, tpl: "tpl-1",
		},
		{
			name: "Node SDK: key in query and header at once",
			head: []string{
				"POST /identity/v2/manage/account/forgot/token?apiKey=k-123&emailTemplate=tpl-1&resetPasswordUrl=https%3A%2F%2Fexample.com%2Freset&sendEmail=true HTTP/1.1",
				"X-LoginRadius-apiKey: k-123", "X-LoginRadius-apiSecret: " + apiSecret, "Content-Type: application/json",
			},
			body: `{"email":"user@example.com"}`, lead: "lead-user", mails: true, tpl: "tpl-1",
		},
		{
			name: "Python SDK: key in query, secret in header, URL not encoded, capital True",
			head: []string{
				"POST /identity/v2/manage/account/forgot/token?apiKey=k-123&emailTemplate=tpl-1&resetPasswordUrl=https://example.com/reset?a=1&b=x%20y&sendEmail=True HTTP/1.1",
				"X-LoginRadius-ApiSecret: " + apiSecret, "Content-Type: application/json",
			},
			body: `{"email": "py@example.com"}`, lead: "lead-py", mails: true, tpl: "tpl-1",
		},
		{
			name: "empty parameters mean the defaults, and no mail",
			head: []string{
				"POST /identity/v2/manage/account/forgot/token?apikey=k-123&sendemail=&resetpasswordurl=&emailtemplate=&prevent_webhook= HTTP/1.1",
				"X-LoginRadius-ApiSecret: " + apiSecret, "Content-Type: application/json;charset=UTF-8",
			},
			body: `{"email":"john@example.com"}`, lead: "lead-john",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, nil, func(a *loginradius.App) { a.DangerouslyAllowQuerySecret = true })
			server := httptest.NewServer(recovery.HideTokens(s.handler))
			defer server.Close()
			w := dial(t, server)
			token := w.send(tt.head, tt.body, len(tt.body)).wantToken(t, "google", "facebook")

			if tt.mails {
				m := s.one()
				if m.LeadID != tt.lead || m.Template != tt.tpl {
					t.Errorf("mail for %s with %q", m.LeadID, m.Template)
				}
				if want := resetURL + "&vtype=reset&vtoken=" + token; m.URL.Reveal() != want {
					t.Errorf("link %q, want %q", m.URL.Reveal(), want)
				}
			} else if sent := s.deliver(); len(sent) > 0 {
				t.Errorf("sent %v", sent)
			}
			issued := s.event(recovery.EventTokenIssued)
			if issued.LeadID != tt.lead || issued.Mailed != tt.mails || (issued.Labels != nil) != tt.quiet || issued.Caller != "loginradius:k-123" {
				t.Errorf("event %+v", issued)
			}

			// Go SDK, recorded.
			body := "{\"resettoken\":\"" + token + "\",\"password\":\"Sup3r-Secret-New-1\"}\n"
			head := []string{"PUT /identity/v2/auth/password/reset?apiKey=k-123 HTTP/1.1", "Content-Type: application/json"}
			w.send(head, body, len(body)).wantPosted(t)
			if got := s.leads.Hash(tt.lead); got != "hash of "+newPassword {
				t.Errorf("hash is %q", got)
			}
			w.send(head, body, len(body)).wantFailure(t, 403, 1063, "Verification token (vtoken) is invalid")
		})
	}
}

func TestRecordedResetByCode(t *testing.T) {
	for _, tt := range []struct{ name, ask, identifier string }{
		{"by e-mail", `{"email":"john@example.com"}`, `"email":"john@example.com"`},
		{"by user name", `{"username":"john_doe"}`, `"userName":"john_doe"`},
		{"asked by one, answered by the other", `{"email":"john@example.com"}`, `"userName":"JOHN_doe"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, nil, nil)
			server := httptest.NewServer(recovery.HideTokens(s.handler))
			defer server.Close()
			w := dial(t, server)
			w.send([]string{
				"POST /identity/v2/auth/password?apiKey=k-123&emailTemplate=tpl-code HTTP/1.1", "Content-Type: application/json",
			}, tt.ask, len(tt.ask)).wantPosted(t)
			m := s.one()
			if m.Kind != recovery.MessageResetCode || m.Channel != recovery.ChannelEmail || m.Template != "tpl-code" || !m.URL.IsZero() {
				t.Fatalf("sent %v with template %q", m, m.Template)
			}
			body := `{` + tt.identifier + `,"otp":"` + m.Code.Reveal() + `","password":"` + newPassword + `"}`
			w.send([]string{
				"PUT /identity/v2/auth/password/reset?apiKey=k-123 HTTP/1.1", "Content-Type: application/json",
			}, body, len(body)).wantPosted(t)
			if s.leads.Hash("lead-john") != "hash of "+newPassword {
				t.Error("password not written")
			}
		})
	}
}

// TestCutBody: the Node SDK declares as many bytes as its body has characters.
// The server must not read the rest as the next request.
func TestCutBody(t *testing.T) {
	for _, tt := range []struct {
		name, line, body string
		code             int
		message          string
	}{
		{"POST", "POST /identity/v2/auth/password?apiKey=k-123 HTTP/1.1", `{"email":"jürgen@example.com"}`, 965, "The post body is invalid"},
		{"PUT", "PUT /identity/v2/auth/password/reset?apiKey=k-123 HTTP/1.1", `{"resettoken":"x","password":"Pässwörter sind schön"}`, 1079, "Put body is invalid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, nil, nil)
			server := httptest.NewServer(recovery.HideTokens(s.handler))
			defer server.Close()
			w := dial(t, server)
			a := w.send([]string{tt.line, "Content-Type: application/json"}, tt.body, len([]rune(tt.body)))
			a.wantFailure(t, 400, tt.code, tt.message)
			if a.header.Get("Connection") != "close" || !w.closed() {
				t.Error("the connection stays open")
			}
			s.quiet()
		})
	}
	t.Run("a client that hangs up in the middle", func(t *testing.T) {
		s := newSite(t, nil, nil)
		server := httptest.NewServer(recovery.HideTokens(s.handler))
		defer server.Close()
		w := dial(t, server)
		if _, err := io.WriteString(w.conn, "POST "+pathPassword+"?apikey=k-123 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"email\":\"john@example.com\"}"); err != nil {
			t.Fatal(err)
		}
		_ = w.conn.(*net.TCPConn).CloseWrite()
		resp, err := http.ReadResponse(w.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		answer{resp.StatusCode, resp.Header, string(b)}.wantFailure(t, 400, 965, "")
		s.quiet()
	})
}
