package leadsquared_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// The request bodies of the vendor's page, byte for byte.
const (
	seedEmail     = `{ "EmailAddress": "johnwick@example.com" }`
	seedSearch    = `{ "SearchKeyData":{ "SchemaName":"Phone", "Value":"+14-157415569" } }`
	seedRecipient = `{ "SearchKeyData":{ "SchemaName":"Phone", "Value":"+14-157415569" }, "RecipientField":{ "SchemaName":"Phone" } }`
	seedAnswer    = `{ "Status":"Success", "Message":"Reset link sent successfully" }`
)

func TestForgotSeedSamples(t *testing.T) {
	tests := []struct {
		sentence, body string
		channel        recovery.Channel
		to             string
	}{
		{"by e-mail address", seedEmail, recovery.ChannelEmail, johnMail},
		{"by a unique field, to the e-mail address of the lead", seedSearch, recovery.ChannelEmail, johnMail},
		{"by a unique field, to a phone", seedRecipient, recovery.ChannelSMS, "+14157415569"},
	}
	for _, path := range []string{forgotV2, forgotV2b, forgotV1, forgotV1b} {
		for _, test := range tests {
			t.Run(path+" "+test.sentence, func(t *testing.T) {
				bubble(t, nil, func(t *testing.T, w *world) {
					rec := w.do(post(path, test.body))
					want(t, rec, 200, forgotOK)
					// The page prints the same with spaces.
					if squeezed := strings.NewReplacer("{ ", "{", " }", "}", `", "`, `","`).Replace(seedAnswer); squeezed != rec.Body.String() {
						t.Errorf("the sample is %s", squeezed)
					}
					settle()
					m := w.a.outbox.Messages()
					if len(m) != 1 || m[0].Kind != recovery.MessageResetLink || m[0].Channel != test.channel || m[0].To != test.to {
						t.Fatalf("sent %v, want one link by %s to %s", m, test.channel, test.to)
					}
				})
			})
		}
	}
}

var linkA = regexp.MustCompile(`^https://portal-a\.example\.com/reset\?lang=en&LeadId=` + johnID + `&TemporaryPassword=[0-9a-f]{64}$`)

func TestLink(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		if link := w.mailedLink(w.a, asA).String(); !linkA.MatchString(link) {
			t.Errorf("portal A's link is %s", link)
		}
		linkB := regexp.MustCompile(`^https://portal-b\.example\.com/reset\?leadId=` + johnID + `&tmpPassword=[0-9a-f]{64}$`)
		if link := w.mailedLink(w.b, asB).String(); !linkB.MatchString(link) {
			t.Errorf("portal B's link is %s", link)
		}
	})
}

// A01: nothing in a request decides where a link leads.
func TestLinkIgnoresTheRequest(t *testing.T) {
	evil := "evil.example"
	tests := map[string]tweak{
		"Host":                     func(r *http.Request) { r.Host = evil },
		"Host with an @":           func(r *http.Request) { r.Host = "www.example:dr.frankenstein@evil.tld" },
		"an absolute request line": func(r *http.Request) { r.URL.Scheme, r.URL.Host = "https", evil },
		"X-Forwarded-Host":         header("X-Forwarded-Host", evil),
		"X-Forwarded-Proto":        header("X-Forwarded-Proto", "javascript"),
		"X-Forwarded-Port":         header("X-Forwarded-Port", "6666"),
		"X-Forwarded-Prefix":       header("X-Forwarded-Prefix", "//"+evil),
		"Forwarded":                header("Forwarded", "host="+evil+";proto=http"),
		"X-Original-URL":           header("X-Original-URL", "https://"+evil),
		"X-Host":                   header("X-Host", evil),
		"Referer":                  header("Referer", "https://"+evil+"/reset"),
		"Origin":                   header("Origin", "https://"+evil),
		"a query":                  func(r *http.Request) { r.URL.RawQuery = "ResetURL=https://" + evil },
		"extra names in the body": func(r *http.Request) {
			*r = *post(forgotV2, `{"EmailAddress":"johnwick@example.com","ResetURL":"https://evil.example","PortalUrl":"https://evil.example"}`)
		},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				want(t, w.do(post(forgotV2, seedEmail, f)), 200, forgotOK)
				settle()
				m := w.a.links()
				if len(m) != 1 || !linkA.MatchString(m[0].URL.Reveal()) {
					t.Fatalf("sent %v", m)
				}
			})
		})
	}
}

func TestForgotBodies(t *testing.T) {
	search := func(schema, value string) string {
		return `"SearchKeyData":{"SchemaName":"` + schema + `","Value":"` + value + `"}`
	}
	phone := search("Phone", "+14157415569")
	tests := []struct {
		sentence, body string
		kind, message  string // empty for success
	}{
		{"names in any case", `{"emailADDRESS":"johnwick@example.com"}`, "", ""},
		{"inner names in any case", `{"searchkeydata":{"schemaname":"Phone","VALUE":"+14157415569"}}`, "", ""},
		{"an address with capitals and spaces", `{"EmailAddress":" JohnWick@Example.COM "}`, "", ""},
		{"a second field that may receive", `{` + phone + `,"RecipientField":{"SchemaName":"mx_Other"}}`, "", ""},
		{"a text field that is unique", `{` + search("mx_PAN", "SSKKPPYY222") + `}`, "", ""},
		{"the e-mail field by its schema name", `{` + search("EmailAddress", johnMail) + `}`, "", ""},
		{"unknown names, which are ignored (A65)", `{"EmailAddress":"johnwick@example.com","IsActive":true,"Roles":["admin"],"Email":{"a":1}}`, "", ""},
		{"null for what is absent", `{"EmailAddress":null,` + phone + `,"RecipientField":null}`, "", ""},
		{"null for the longer form", `{"EmailAddress":"johnwick@example.com","SearchKeyData":null,"RecipientField":null}`, "", ""},

		{"neither form", `{}`, missing, "EmailAddress or SearchKeyData is required."},
		{"both forms null", `{"EmailAddress":null,"SearchKeyData":null}`, missing, "EmailAddress or SearchKeyData is required."},
		{"a recipient and nothing else", `{"RecipientField":{"SchemaName":"Phone"}}`, missing, "EmailAddress or SearchKeyData is required."},
		{"both forms", `{"EmailAddress":"johnwick@example.com",` + phone + `}`, invalidInput, "EmailAddress and SearchKeyData exclude each other."},
		{"a recipient with an address", `{"EmailAddress":"johnwick@example.com","RecipientField":{"SchemaName":"Phone"}}`, invalidInput, "RecipientField goes together with SearchKeyData."},
		{"an empty address", `{"EmailAddress":""}`, missing, "EmailAddress is required."},
		{"a key without a schema name", `{"SearchKeyData":{"Value":"+14157415569"}}`, missing, "SearchKeyData.SchemaName is required."},
		{"a key with schema name null", `{"SearchKeyData":{"SchemaName":null,"Value":"+14157415569"}}`, missing, "SearchKeyData.SchemaName is required."},
		{"a key without a value", `{"SearchKeyData":{"SchemaName":"Phone"}}`, missing, "SearchKeyData.Value is required."},
		{"a key with an empty value", `{"SearchKeyData":{"SchemaName":"Phone","Value":""}}`, missing, "SearchKeyData.Value is required."},
		{"an empty key", `{"SearchKeyData":{}}`, missing, "SearchKeyData.SchemaName is required."},
		{"an empty recipient", `{` + phone + `,"RecipientField":{}}`, missing, "RecipientField.SchemaName is required."},

		{"a schema that does not exist (A81)", `{` + search("mx_Nothing", "1") + `}`, invalidInput, "SearchKeyData.SchemaName: mx_Nothing is not a field of this portal."},
		{"a schema in other case (A81)", `{` + search("phone", "+14157415569") + `}`, invalidInput, "SearchKeyData.SchemaName: phone is not a field of this portal."},
		{"a schema with a space", `{` + search("Phone ", "+14157415569") + `}`, invalidInput, "SearchKeyData.SchemaName: the name given is not a field of this portal."},
		{"a schema that is markup, which is not echoed (A83)", `{` + search("<script>alert(1)</script>", "1") + `}`, invalidInput, "SearchKeyData.SchemaName: the name given is not a field of this portal."},
		{"a schema without an end, which is not echoed (A83)", `{` + search(strings.Repeat("x", 65), "1") + `}`, invalidInput, "SearchKeyData.SchemaName: the name given is not a field of this portal."},
		{"the lead's id as a schema (A36)", `{` + search("LeadId", johnID) + `}`, invalidInput, "SearchKeyData.SchemaName: LeadId is not a field of this portal."},
		{"a schema that is not unique (A81)", `{` + search("mx_City", "New York") + `}`, invalidInput, "SearchKeyData.SchemaName: mx_City cannot be searched: it is not unique, or not released for it."},
		{"a schema that only receives (A81)", `{` + search("mx_Other", "john.other@example.com") + `}`, invalidInput, "SearchKeyData.SchemaName: mx_Other cannot be searched: it is not unique, or not released for it."},
		{"a recipient that does not exist (A81)", `{` + phone + `,"RecipientField":{"SchemaName":"mx_Nothing"}}`, invalidInput, "RecipientField.SchemaName: mx_Nothing is not a field of this portal."},
		{"an address for a recipient (A12)", `{` + phone + `,"RecipientField":{"SchemaName":"attacker@evil.example"}}`, invalidInput, "RecipientField.SchemaName: the name given is not a field of this portal."},
		{"a recipient of another data type (A81)", `{` + phone + `,"RecipientField":{"SchemaName":"mx_PAN"}}`, invalidInput, "RecipientField.SchemaName: mx_PAN cannot receive a link: it is not of data type Email or Phone."},
		{"a recipient that is not released (A81)", `{` + phone + `,"RecipientField":{"SchemaName":"mx_Secret_Mail"}}`, invalidInput, "RecipientField.SchemaName: mx_Secret_Mail cannot receive a link: it is not released for it."},

		{"an address that is none", `{"EmailAddress":"johnwick"}`, invalidInput, "EmailAddress is not formatted correctly."},
		{"two addresses (A12)", `{"EmailAddress":"johnwick@example.com,attacker@evil.example"}`, invalidInput, "EmailAddress is not formatted correctly."},
		{"an array of addresses (A12)", `{"EmailAddress":["johnwick@example.com","attacker@evil.example"]}`, invalidInput, "EmailAddress must be a string."},
		{"an address in an object", `{"EmailAddress":{"Value":"johnwick@example.com"}}`, invalidInput, "EmailAddress must be a string."},
		{"a phone that is none", `{` + search("Phone", "call me") + `}`, invalidInput, "Phone is not formatted correctly."},
		{"a key that is a string", `{"SearchKeyData":"Phone"}`, invalidInput, "SearchKeyData must be an object."},
		{"a key that is an array (A12)", `{"SearchKeyData":[{"SchemaName":"Phone","Value":"+14157415569"}]}`, invalidInput, "SearchKeyData must be an object."},
		{"a value that is a number", `{"SearchKeyData":{"SchemaName":"Phone","Value":14157415569}}`, invalidInput, "SearchKeyData.Value must be a string."},
		{"a recipient that is a string", `{` + phone + `,"RecipientField":"Phone"}`, invalidInput, "RecipientField must be an object."},
		{"a recipient that is an array (A12)", `{` + phone + `,"RecipientField":{"SchemaName":["Phone","mx_Other"]}}`, invalidInput, "RecipientField.SchemaName must be a string."},
		{"inner names twice in other case (A60)", `{"SearchKeyData":{"SchemaName":"Phone","schemaName":"mx_PAN","Value":"1"}}`, invalidInput, "SearchKeyData.schemaName must not be given more than once."},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				rec := w.do(post(forgotV2, test.body))
				if test.kind != "" {
					wantError(t, rec, 400, test.kind, test.message)
					w.noEffect(t)
					return
				}
				want(t, rec, 200, forgotOK)
				settle()
				if n := len(w.a.links()); n != 1 {
					t.Errorf("%d links sent, want 1", n)
				}
			})
		})
	}
}

// Addresses with dots before the '@' and with letters outside ASCII get a link, by
// either form.
func TestForgotAddressesThatExist(t *testing.T) {
	for _, address := range []string{"foo.@docomo.ne.jp", "a..b@docomo.ne.jp", "m\u00fcller@example.com"} {
		for _, body := range []string{`{"EmailAddress":"` + address + `"}`, `{"SearchKeyData":{"SchemaName":"EmailAddress","Value":"` + address + `"}}`} {
			bubble(t, nil, func(t *testing.T, w *world) {
				w.a.leads.AddEmail(address, "")
				want(t, w.do(post(forgotV2, body)), 200, forgotOK)
				settle()
				if links := w.a.links(); len(links) != 1 || links[0].To != address {
					t.Errorf("%s: %v", body, links)
				}
			})
		}
	}
}

// A portal without a searchable EmailAddress says so.
func TestForgotWithoutEmailField(t *testing.T) {
	change := func(o *recovery.Options) {
		o.Fields = []recovery.Field{{Name: "Phone", Type: recovery.FieldTypePhone, Search: true, Receive: true}}
	}
	bubble(t, change, func(t *testing.T, w *world) {
		wantError(t, w.do(post(forgotV2, seedEmail)), 400, invalidInput, "EmailAddress cannot be searched in this portal.")
		wantError(t, w.do(post(forgotV2, seedSearch)), 400, missing, "RecipientField is required: this portal sends no mail.")
		want(t, w.do(post(forgotV2, seedRecipient)), 200, forgotOK)
	})
}

// dump returns the status, headers and body of an answer.
func (w *world) dump(r *http.Request) string {
	rec := w.do(r)
	var b bytes.Buffer
	b.WriteString(http.StatusText(rec.Code) + "\n")
	_ = rec.Header().Write(&b)
	b.Write(rec.Body.Bytes())
	return b.String()
}

// A20 to A26: the answer is the same, byte for byte, whether or not there is an
// account. So is the refusal when the limit is reached (A23). Only the mailbox
// shows the difference.
func TestForgotTellsNothing(t *testing.T) {
	leads := []struct {
		sentence, mail string
		sent           int
	}{
		{"known", johnMail, 1},
		{"unknown", "nobody@example.com", 0},
		{"disabled", "disabled@example.com", 0},
		{"signs in elsewhere", "social@example.com", 0},
		{"not verified", "unverified@example.com", 0},
		{"delivery fails (A21)", johnMail, 0},
		{"delivery panics (A21)", johnMail, 0},
	}
	for _, path := range []string{forgotV2, forgotV1} {
		var reference []string
		for _, lead := range leads {
			var got []string
			bubble(t, func(o *recovery.Options) { o.Limits = recovery.Limits{} }, func(t *testing.T, w *world) {
				if strings.HasPrefix(lead.sentence, "delivery") {
					w.a.outbox.Intercept(func(context.Context, recovery.Message) error {
						if strings.Contains(lead.sentence, "panics") {
							panic("boom")
						}
						return errors.New("550 no such user")
					})
				}
				start := time.Now()
				for range 27 { // the default for a caller is 25 in 5 seconds
					got = append(got, w.dump(post(path, `{"EmailAddress":"`+lead.mail+`"}`)))
				}
				if d := time.Since(start); d != 0 {
					t.Errorf("%s: answering took %v", lead.sentence, d)
				}
				settle()
				if n := len(w.a.links()); n != lead.sent {
					t.Errorf("%s: %d links sent, want %d", lead.sentence, n, lead.sent)
				}
				// A38, A26: neither the token nor an address is in an answer.
				for _, m := range w.a.links() {
					for _, answer := range got {
						for _, secret := range []string{m.URL.Reveal(), johnID, johnMail, "john"} {
							if strings.Contains(answer, secret) {
								t.Errorf("an answer holds %s", secret)
							}
						}
					}
				}
			})
			if reference == nil {
				reference = got
				if !strings.HasPrefix(got[24], "OK\n") || !strings.HasPrefix(got[25], "Too Many Requests\n") {
					t.Fatalf("the answers are %q", got)
				}
			} else if !slices.Equal(got, reference) {
				t.Errorf("%s: the answers are\n%q\nbut for a known lead\n%q", lead.sentence, got, reference)
			}
		}
	}
}
