package leadsquared_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/leadsquared"
)

// A client is how one kind of client of the vendor's calls: each call is the text of
// a request, in which words in capitals stand for the values of portal A. The
// length of the body is added.
type client struct {
	name   string
	portal func(p *leadsquared.Portal)
	calls  []string // before the link is sent, in order; the last one asks for it
	reset  string
	// read reads LeadId and TemporaryPassword from the link as the client does.
	read func(link *url.URL) (leadID, temporary string)
}

// byQuery reads two parameters, byPath the last two segments.
func byQuery(leadID, temporary string) func(*url.URL) (string, string) {
	return func(link *url.URL) (string, string) {
		return link.Query().Get(leadID), link.Query().Get(temporary)
	}
}

func byPath(link *url.URL) (leadID, temporary string) {
	segments := strings.Split(link.Path, "/")
	return segments[len(segments)-2], segments[len(segments)-1]
}

// The portals that the clients are written for.
func asDocumented(*leadsquared.Portal) {}

func asMostPortals(p *leadsquared.Portal) {
	p.LeadIDParam, p.TemporaryPasswordParam = "leadId", "tmpPassword"
}

func asOldestPortals(p *leadsquared.Portal) {
	p.DangerouslyAllowAccessKeys = true
	p.ResetURL = "https://portal-a.example.com/reset/{LeadId}/{TemporaryPassword}"
}

const browser = `
Accept: application/json, text/plain, */*
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-GB,en;q=0.9
Origin: https://portal-a.example.com
Referer: https://portal-a.example.com/
Sec-Fetch-Dest: empty
Sec-Fetch-Mode: cors
Sec-Fetch-Site: cross-site
sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36`

const v2Headers = `
authorization: KEY
x-lsq-registertoken: TOKEN
x-lsq-portalid: PORTAL`

var clients = []client{
	{
		name: "the vendor's pages, with curl", portal: asDocumented, read: byQuery("LeadId", "TemporaryPassword"),
		calls: []string{`POST /api/Authentication/SecureForgotPassword HTTP/1.1
User-Agent: curl/8.14.1
Accept: */*
Authorization: KEY
Content-Type: application/json

{ "EmailAddress": "johnwick@example.com" }`},
		reset: `POST /api/Authentication/v2/ResetPassword? HTTP/1.1
User-Agent: curl/8.14.1
Accept: */*
Content-Type: application/json
Authorization: KEY
x-lsq-registertoken: TOKEN
x-lsq-portalid: PORTAL

{
  "Password": "Samplepassword@123",
  "LeadId": "LEADID",
  "TemporaryPassword": "TEMPORARY"
}`,
	}, {
		name: "the vendor's Postman collection", portal: asDocumented, read: byQuery("LeadId", "TemporaryPassword"),
		calls: []string{`POST /api/Authentication/v2/SecureForgotPassword? HTTP/1.1
Authorization: KEY
x-lsq-registertoken: TOKEN
x-lsq-portalid: PORTAL
Content-Type: application/json
User-Agent: PostmanRuntime/7.45.0
Accept: */*
Cache-Control: no-cache
Postman-Token: 6d7d5b0e-8a77-4c4f-9d1e-0c0f6a9a2f11
Accept-Encoding: gzip, deflate, br
Connection: keep-alive

{
    "SearchKeyData": {
        "SchemaName": "Phone",
        "Value": "+14-157415569"
    }
}`},
		reset: `POST /api/Authentication/v2/ResetPassword? HTTP/1.1
Authorization: KEY
x-lsq-registertoken: TOKEN
x-lsq-portalid: PORTAL
Content-Type: application/json
User-Agent: PostmanRuntime/7.45.0
Accept: */*
Connection: keep-alive

{"Password":"Samplepassword@123","LeadId":"LEADID","TemporaryPassword":"TEMPORARY"}`,
	}, {
		name: "a portal with fetch", portal: asMostPortals, read: byQuery("leadId", "tmpPassword"),
		calls: []string{`OPTIONS /api/Authentication/v2/ForgotPassword HTTP/1.1
Access-Control-Request-Method: POST
Access-Control-Request-Headers: authorization,content-type,x-lsq-portalid,x-lsq-registertoken` + browser + `

`, `POST /api/Authentication/v2/ForgotPassword HTTP/1.1` + v2Headers + browser + `
content-type: application/json

{"EmailAddress":"johnwick@example.com"}`},
		reset: `POST /api/Authentication/v2/ResetPassword HTTP/1.1` + v2Headers + browser + `
content-type: application/json

{"Password":"Samplepassword@123","LeadId":"LEADID","TemporaryPassword":"TEMPORARY"}`,
	}, {
		name: "a portal of Angular, by another field", portal: asMostPortals, read: byQuery("leadId", "tmpPassword"),
		calls: []string{`POST /api/Authentication/v2/SecureForgotPassword HTTP/1.1` + v2Headers + browser + `
Content-Type: application/json

{"SearchKeyData":{"SchemaName":"mx_PAN","Value":"SSKKPPYY222"},"RecipientField":{"SchemaName":"mx_Other"}}`},
		reset: `POST /api/Authentication/v2/ResetPassword HTTP/1.1` + v2Headers + browser + `
Content-Type: application/json

{"LeadId":"LEADID","TemporaryPassword":"TEMPORARY","Password":"Samplepassword@123","ConfirmPassword":"Samplepassword@123"}`,
	}, {
		name: "a portal with jQuery, first generation", portal: asMostPortals, read: byQuery("leadId", "tmpPassword"),
		calls: []string{`OPTIONS /api/Authentication/ForgotPassword HTTP/1.1
Access-Control-Request-Method: POST
Access-Control-Request-Headers: authorization,content-type` + browser + `

`, `POST /api/Authentication/ForgotPassword HTTP/1.1` + browser + `
Authorization: KEY
Content-Type: application/json; charset=utf-8

{"EmailAddress":"johnwick@example.com"}`},
		reset: `POST /api/Authentication/ResetPassword HTTP/1.1` + browser + `
Authorization: KEY
Content-Type: application/json; charset=utf-8

{"Password":"Samplepassword@123","LeadId":"LEADID","TemporaryPassword":"TEMPORARY"}`,
	}, {
		name: "an oldest portal (React with axios), the pair in the query", portal: asOldestPortals, read: byPath,
		calls: []string{`GET /api/Access/PublicToken?accessKey=ACCESS&secretKey=SECRET HTTP/1.1` + browser + `

`, `GET /api/Access/GetRegisterToken?accessKey=ACCESS&secretKey=SECRET HTTP/1.1` + browser + `

`, `OPTIONS /api/Authentication/ForgotPassword?accessKey=ACCESS&secretKey=SECRET HTTP/1.1
Access-Control-Request-Method: POST
Access-Control-Request-Headers: content-type` + browser + `

`, `POST /api/Authentication/ForgotPassword?accessKey=ACCESS&secretKey=SECRET HTTP/1.1` + browser + `
Content-Type: application/json;charset=UTF-8

{"EmailAddress":"johnwick@example.com"}`},
		reset: `POST /api/Authentication/ResetPassword?accessKey=ACCESS&secretKey=SECRET HTTP/1.1` + browser + `
Content-Type: application/json;charset=UTF-8

{"Password":"Samplepassword@123","LeadId":"LEADID","TemporaryPassword":"TEMPORARY"}`,
	}, {
		name: "an oldest portal, the pair in headers", portal: asOldestPortals, read: byPath,
		calls: []string{`OPTIONS /api/Authentication/ForgotPassword HTTP/1.1
Access-Control-Request-Method: POST
Access-Control-Request-Headers: content-type,x-lsq-accesskey,x-lsq-secretkey` + browser + `

`, `POST /api/Authentication/ForgotPassword HTTP/1.1` + browser + `
x-LSQ-AccessKey: ACCESSRAW
x-LSQ-SecretKey: SECRET
Content-Type: application/json

{"EmailAddress":"johnwick@example.com"}`},
		reset: `POST /api/Authentication/ResetPassword HTTP/1.1` + browser + `
x-LSQ-AccessKey: ACCESSRAW
x-LSQ-SecretKey: SECRET
Content-Type: application/json

{"Password":"Samplepassword@123","LeadId":"LEADID","TemporaryPassword":"TEMPORARY"}`,
	}, {
		name: "a server of .NET", portal: asDocumented, read: byQuery("LeadId", "TemporaryPassword"),
		calls: []string{`GET /api/Access/PublicToken HTTP/1.1
x-LSQ-AccessKey: ACCESSRAW
x-LSQ-SecretKey: SECRET

`, `POST /API/authentication/v2/secureForgotPassword HTTP/1.1
Authorization: KEY
X-Lsq-Registertoken: TOKEN
X-Lsq-Portalid: PORTALUPPER
Expect: 100-continue
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00
Content-Type: application/json; charset=utf-8

{"emailAddress":"johnwick@example.com","searchKeyData":null,"recipientField":null}`},
		reset: `POST /api/Authentication/v2/ResetPassword HTTP/1.1
Authorization: KEY
X-Lsq-Registertoken: TOKEN
X-Lsq-Portalid: PORTAL
Content-Type: application/json; charset="utf-8"

{"password":"Samplepassword@123","leadId":"LEADID","temporaryPassword":"TEMPORARY"}`,
	}, {
		name: "a server of PHP", portal: asDocumented, read: byQuery("LeadId", "TemporaryPassword"),
		calls: []string{`POST /api/Authentication/v2/ForgotPassword HTTP/1.1
Accept: */*
Content-Type: application/json;
authorization: KEY
x-lsq-registertoken: TOKEN
x-lsq-portalid: PORTAL

{"EmailAddress":"johnwick@example.com","Source":"https:\/\/portal.example.com\/"}`},
		reset: `POST /api/Authentication/v2/ResetPassword HTTP/1.1
Accept: */*
Content-Type: application/json
authorization: KEY
x-lsq-registertoken: TOKEN
x-lsq-portalid: PORTAL

{"Password":"Samplepassword@123","LeadId":"LEADID","TemporaryPassword":"TEMPORARY"}`,
	}, {
		name: "a server of Python", portal: asDocumented, read: byQuery("LeadId", "TemporaryPassword"),
		calls: []string{`POST /api/Authentication/v2/ForgotPassword HTTP/1.1
User-Agent: python-requests/2.32.5
Accept-Encoding: gzip, deflate
Accept: */*
Connection: keep-alive` + v2Headers + `
Content-Type: application/json

{"SearchKeyData": {"SchemaName": "Phone", "Value": "+14-157415569"}, "RecipientField": {"SchemaName": "EmailAddress"}}`},
		reset: `POST /api/Authentication/v2/ResetPassword HTTP/1.1
User-Agent: python-requests/2.32.5` + v2Headers + `
Content-Type: application/json

{"Password": "Samplepassword@123", "LeadId": "LEADID", "TemporaryPassword": "TEMPORARY"}`,
	}, {
		name: "a server of Node", portal: asDocumented, read: byQuery("LeadId", "TemporaryPassword"),
		calls: []string{`POST /api/Authentication/v2/ForgotPassword HTTP/1.1
connection: keep-alive
accept: */*
accept-language: *
sec-fetch-mode: cors
user-agent: node
accept-encoding: gzip, deflate` + v2Headers + `
content-type: application/json

{"EmailAddress":"johnwick@example.com"}`},
		reset: `POST /api/Authentication/v2/ResetPassword HTTP/1.1
user-agent: node` + v2Headers + `
content-type: application/json

{"Password":"Samplepassword@123","LeadId":"LEADID","TemporaryPassword":"TEMPORARY"}`,
	}, {
		name: "a server of Go, with a newline at the end", portal: asDocumented, read: byQuery("LeadId", "TemporaryPassword"),
		calls: []string{`POST /api/Authentication/v2/ForgotPassword HTTP/1.1
User-Agent: Go-http-client/1.1
Accept-Encoding: gzip` + v2Headers + `
Content-Type: application/json

{"EmailAddress":"johnwick@example.com"}
`},
		reset: `POST /api/Authentication/v2/ResetPassword HTTP/1.1
User-Agent: Go-http-client/1.1` + v2Headers + `
Content-Type: application/json

{"Password":"Samplepassword@123","LeadId":"LEADID","TemporaryPassword":"TEMPORARY"}
`,
	},
}

// Every client resets a password: on one connection, with the bytes that it
// sends. A page gets CORS headers with each answer.
func TestClients(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, send := onAConnection(t, c.portal)
			for i, call := range c.calls {
				resp, body := send(call)
				switch {
				case strings.HasPrefix(call, "OPTIONS "):
					if resp.StatusCode != 204 {
						t.Fatalf("preflight: %d", resp.StatusCode)
					}
				case strings.Contains(call, "PublicToken"):
					wantBody(t, resp, body, 200, `{"PublicAuthKey":"`+keyA+`"}`)
				case strings.Contains(call, "GetRegisterToken"):
					wantBody(t, resp, body, 200, `"`+tokenA+`"`)
				default:
					wantBody(t, resp, body, 200, forgotOK)
				}
				wantReadable(t, call, resp)
				if i == len(c.calls)-1 {
					testenv.Eventually(t, 10*time.Second, "the link is sent", func() bool { return len(w.a.links()) == 1 })
				}
			}
			leadID, temporary := c.read(w.lastLink(w.a))
			reset := strings.NewReplacer("LEADID", leadID, "TEMPORARY", temporary).Replace(c.reset)
			resp, body := send(reset)
			wantBody(t, resp, body, 200, resetOK)
			wantReadable(t, reset, resp)
			if n, hash := w.a.leads.Writes(), w.a.leads.Hash(johnID); n != 1 || hash != "hash-of-18-bytes" {
				t.Errorf("%d passwords written, the hash is %q", n, hash)
			}
			resp, body = send(reset)
			wantBody(t, resp, body, 400, resetError(invalidInput, badProofText))
		})
	}
}

// What clients do wrong, and what they are told.
func TestClientsMistakes(t *testing.T) {
	const (
		asked   = "\n\n" + `{"EmailAddress":"johnwick@example.com"}`
		v2      = "POST /api/Authentication/v2/ForgotPassword HTTP/1.1"
		badType = "The request must have exactly one Content-Type header, application/json."
	)
	for _, test := range []struct {
		name, call   string
		status       int
		kind, reason string
	}{
		{"fetch without a content type", v2 + v2Headers + browser + "\nContent-Type: text/plain;charset=UTF-8" + asked, 400, invalidInput, badType},
		{"curl -d without a content type", v2 + v2Headers + "\nContent-Type: application/x-www-form-urlencoded" + asked, 400, invalidInput, badType},
		{"no content type at all", v2 + v2Headers + asked, 400, invalidInput, badType},
		{"a compressed body", v2 + v2Headers + "\nContent-Type: application/json\nContent-Encoding: gzip" + asked, 400, invalidInput, "The request must not have a Content-Encoding."},
		{"a form", v2 + v2Headers + "\nContent-Type: application/json\n\nEmailAddress=johnwick%40example.com", 400, invalidInput, "The body must be one JSON object."},
		{"a scheme in front of the key", v2 + strings.Replace(v2Headers, "KEY", "Bearer KEY", 1) + "\nContent-Type: application/json" + asked, 401, unauthorized, publicKeysText},
		{"first generation's headers at the second's path", v2 + "\nAuthorization: KEY\nContent-Type: application/json" + asked, 401, unauthorized, wrongText + "Missing: the x-lsq-registertoken and x-lsq-portalid headers."},
		{"a pair that is not allowed", "POST /api/Authentication/ForgotPassword?accessKey=ACCESS&secretKey=SECRET HTTP/1.1\nContent-Type: application/json" + asked, 401, unauthorized, noKeyText},
		{"a GET", strings.Replace(v2, "POST", "GET", 1) + v2Headers + "\n\n", 405, invalidInput, "The API is not called with this method. Please check the API signature."},
		{"a path of the vendor's that is not served", strings.Replace(v2, "ForgotPassword", "ChangePassword", 1) + v2Headers + asked, 404, notFound, "The API could not be found. Please check the API signature."},
		{"an empty object", v2 + v2Headers + "\nContent-Type: application/json\n\n{}", 400, missing, "EmailAddress or SearchKeyData is required."},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w, send := onAConnection(t, asDocumented)
			resp, body := send(test.call)
			wantBody(t, resp, body, test.status, errorBody(test.kind, test.reason))
			wantReadable(t, test.call, resp)
			if n := len(w.a.outbox.Messages()); n != 0 {
				t.Errorf("%d messages", n)
			}
		})
	}
}

// onAConnection starts portal A and returns a function that sends the text of a
// request to it, always on the same connection.
func onAConnection(t *testing.T, change func(*leadsquared.Portal)) (*world, func(call string) (*http.Response, []byte)) {
	t.Helper()
	w := newWorld(t, nil)
	opts := w.options()
	change(&opts.Portals[0])
	w.rebuild(opts)
	server := httptest.NewServer(recovery.HideTokens(w.handler))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	reader := bufio.NewReader(conn)
	values := strings.NewReplacer("PORTALUPPER", strings.ToUpper(idA), "PORTAL", idA, "TOKEN", tokenA, "ACCESSRAW", accessA,
		"ACCESS", url.QueryEscape(accessA), "SECRET", secretA, ": KEY", ": "+keyA, "Bearer KEY", "Bearer "+keyA)
	return w, func(call string) (*http.Response, []byte) {
		t.Helper()
		head, body, ok := strings.Cut(values.Replace(call), "\n\n")
		if !ok {
			t.Fatalf("no empty line in\n%s", call)
		}
		head += "\nHost: portal-api.example.com"
		if body != "" {
			head += fmt.Sprintf("\nContent-Length: %d", len(body))
		}
		_ = conn.SetDeadline(time.Now().Add(testenv.Patience(10 * time.Second)))
		if _, err := conn.Write([]byte(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(reader, nil)
		for err == nil && resp.StatusCode == http.StatusContinue {
			resp, err = http.ReadResponse(reader, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var b bytes.Buffer
		if _, err := b.ReadFrom(resp.Body); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusNoContent {
			checkAnswer(t, resp.StatusCode, withLength(resp), b.Bytes())
		}
		return resp, b.Bytes()
	}
}

func wantBody(t *testing.T, resp *http.Response, body []byte, status int, want string) {
	t.Helper()
	if resp.StatusCode != status || string(body) != want {
		t.Fatalf("got  %d %s\nwant %d %s", resp.StatusCode, body, status, want)
	}
}

// wantReadable checks that a page may read the answer to its call.
func wantReadable(t *testing.T, call string, resp *http.Response) {
	t.Helper()
	want := ""
	if strings.Contains(call, "Origin: "+originA) {
		want = originA
	}
	if got := resp.Header.Get("Access-Control-Allow-Origin"); got != want {
		t.Errorf("Access-Control-Allow-Origin is %q, want %q", got, want)
	}
}
