package loginradius_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

func TestManagedFlow(t *testing.T) {
	s := newSite(t, nil, nil)
	token := s.manage("", `{"Username":"JOHN_DOE"}`).wantToken(t, "google", "facebook")
	if e := s.event(recovery.EventTokenIssued); e.Mailed || e.Caller != "loginradius:"+apiKey || e.Client.IsValid() {
		t.Errorf("event %+v", e)
	}
	if sent := s.deliver(); len(sent) > 0 {
		t.Errorf("sent %v without sendemail", sent)
	}
	s.do("PUT", pathPassword+"?apikey="+apiKey, resetBody(token)).wantPosted(t)
	if got := s.leads.Hash("lead-john"); got != "hash of "+newPassword {
		t.Errorf("hash %q", got)
	}
	if e := s.event(recovery.EventPasswordReset); e.Caller != "loginradius:"+apiKey || !e.Client.IsValid() {
		t.Errorf("event %+v", e)
	}
	s.jobs.run(t.Context())
	if told := s.outbox.Messages(); len(told) != 2 || told[0].Kind != recovery.MessagePasswordChanged {
		t.Errorf("told %d addresses of the change, want 2", len(told))
	}
	s.reset(token).wantFailure(t, 403, 1063, "Verification token (vtoken) is invalid")
	if s.leads.Writes() != 1 {
		t.Errorf("%d writes", s.leads.Writes())
	}
}

func TestPublicFlow(t *testing.T) {
	for _, body := range []string{john, `{"username":"john_doe"}`, `{"EMAIL":" John@EXAMPLE.com "}`} {
		s := newSite(t, nil, nil)
		public := s.do("POST", pathPassword+"?apikey="+apiKey+"&emailtemplate=tpl-2", body)
		public.wantPosted(t)
		m := s.one()
		if m.Kind != recovery.MessageResetLink || m.Channel != recovery.ChannelEmail || m.To != "john@example.com" || m.Template != "tpl-2" {
			t.Fatalf("sent %v", m)
		}
		token := vtoken(t, m)
		public.hides(t, token)
		for _, path := range []string{pathReset, pathPassword} {
			a := s.do("PUT", path+"?apikey="+apiKey, `{"resettoken":"`+token+`","password":"short"}`)
			a.wantFailure(t, 403, 1134, "")
			a.hides(t, token)
		}
		a := s.reset(token)
		a.wantPosted(t)
		a.hides(t, token)
		a = s.reset(token)
		a.wantFailure(t, 403, 1063, "")
		a.hides(t, token)
	}
}

// hides checks that an answer does not hold a secret, in any spelling (A38).
func (a answer) hides(t *testing.T, secret string) {
	t.Helper()
	all := fmt.Sprint(a.header, a.body)
	for _, spelling := range []string{
		secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	} {
		if strings.Contains(all, spelling) {
			t.Errorf("the answer holds the secret as %q", spelling)
		}
	}
}

func TestPhoneFlow(t *testing.T) {
	s := newSite(t, nil, nil)
	public := s.do("POST", pathOTP+"?apikey="+apiKey+"&smsTemplate=sms-1", `{"phone":"+49 (1511) 234-5678"}`)
	public.wantPosted(t)
	m := s.one()
	if m.Kind != recovery.MessageResetCode || m.Channel != recovery.ChannelSMS || m.To != "+4915112345678" || m.Template != "sms-1" || !m.URL.IsZero() {
		t.Fatalf("sent %v to %s", m, m.To)
	}
	code := m.Code.Reveal()
	public.hides(t, code)
	reset := func(phone, code, password string) answer {
		a := s.do("PUT", pathOTP+"?apikey="+apiKey, fmt.Sprintf(`{"Phone":%q,"Otp":%q,"Password":%q}`, phone, code, password))
		a.hides(t, m.Code.Reveal())
		return a
	}
	wrong := "00000000"
	if code == wrong {
		wrong = "00000001"
	}
	reset("+4915112345678", wrong, newPassword).wantFailure(t, 403, 1185, "email OTP is invalid")
	reset("+4915112345679", code, newPassword).wantFailure(t, 403, 1185, "")
	reset("+4915112345678", code, "short").wantFailure(t, 403, 1134, "")
	reset("+4915112345678", code, newPassword).wantPosted(t)
	reset("+4915112345678", code, newPassword).wantFailure(t, 403, 1185, "")
	if s.leads.Hash("lead-john") != "hash of "+newPassword || s.leads.Writes() != 1 {
		t.Error("password not written once")
	}
}

// TestGuesses (A34): a code is dead after five wrong guesses, counted over both
// endpoints that accept codes. An array of codes is not accepted.
func TestGuesses(t *testing.T) {
	s := newSite(t, nil, nil)
	s.do("POST", pathPassword+"?apikey="+apiKey+"&emailtemplate=tpl-code", john).wantPosted(t)
	code := s.one().Code.Reveal()
	s.do("PUT", pathReset+"?apikey="+apiKey, `{"email":"john@example.com","otp":["00000000","`+code+`"],"password":"`+newPassword+`"}`).
		wantFailure(t, 400, 908, "")
	wrong := "00000000"
	if code == wrong {
		wrong = "00000001"
	}
	for i := range 5 {
		if i%2 == 0 {
			s.do("PUT", pathReset+"?apikey="+apiKey, `{"email":"john@example.com","otp":"`+wrong+`","password":"`+newPassword+`"}`).wantFailure(t, 403, 1185, "")
		} else {
			s.do("PUT", pathOTP+"?apikey="+apiKey, `{"phone":"+4915112345678","otp":"`+wrong+`","password":"`+newPassword+`"}`).wantFailure(t, 403, 1185, "")
		}
	}
	s.do("PUT", pathReset+"?apikey="+apiKey, `{"email":"john@example.com","otp":"`+code+`","password":"`+newPassword+`"}`).wantFailure(t, 403, 1185, "")
	if s.leads.Writes() != 0 {
		t.Error("the sixth guess was taken")
	}
}

// TestWeakPasswordLeavesTokenAlive (A40): a failed reset can be repeated.
func TestWeakPasswordLeavesTokenAlive(t *testing.T) {
	s := newSite(t, nil, nil)
	token := s.manage("", john).wantToken(t)
	for range 3 {
		s.do("PUT", pathReset+"?apikey="+apiKey, `{"resettoken":"`+token+`","password":"short"}`).wantFailure(t, 403, 1134, "")
		s.do("PUT", pathReset+"?apikey="+apiKey, `{"resettoken":"`+token+`","password":"leaked somewhere else"}`).wantFailure(t, 403, 1315, "")
		s.do("PUT", pathReset+"?apikey="+apiKey, `{"resettoken":"`+token+`"}`).wantFailure(t, 400, 1089, "")
	}
	s.reset(token).wantPosted(t)
}

// TestExpiry: a token expires after the configured hour, a code after ten
// minutes.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, nil)
		token := s.manage("", john).wantToken(t)
		s.do("POST", pathOTP+"?apikey="+apiKey, `{"phone":"+4915112345679"}`).wantPosted(t)
		code := s.one().Code.Reveal()
		time.Sleep(10 * time.Minute)
		s.do("PUT", pathOTP+"?apikey="+apiKey, `{"phone":"+4915112345679","otp":"`+code+`","password":"`+newPassword+`"}`).wantFailure(t, 403, 1185, "")
		time.Sleep(50 * time.Minute)
		s.reset(token).wantFailure(t, 403, 1063, "")
		if s.leads.Writes() != 0 {
			t.Error("an expired proof wrote a password")
		}
	})
}

// TestTokenOfAnotherLead (A36): the token decides which account it is, whatever
// else the body says.
func TestTokenOfAnotherLead(t *testing.T) {
	s := newSite(t, nil, nil)
	token := s.manage("", john).wantToken(t)
	s.do("PUT", pathReset+"?apikey="+apiKey,
		`{"resettoken":"`+token+`","password":"`+newPassword+`","email":"user@example.com","username":"user","Uid":"lead-user","LeadId":"lead-user"}`).wantPosted(t)
	if s.leads.Hash("lead-user") != "" || s.leads.Hash("lead-john") == "" {
		t.Error("the password of another lead was written")
	}
}

// TestMalformedTokens (A36): there is one answer to every value that is no
// token.
func TestMalformedTokens(t *testing.T) {
	s := newSite(t, nil, nil)
	token := s.manage("", john).wantToken(t)
	for _, bad := range []string{
		"undefined", "null", "0", "x", token + "=", token + " ", " " + token, token[:len(token)-1], token + "A",
		strings.ToUpper(token), strings.Repeat("A", len(token)), strings.Repeat("A", 12<<10), "../" + token, token + `\n`,
	} {
		s.reset(bad).wantFailure(t, 403, 1063, "Verification token (vtoken) is invalid")
	}
	for _, bad := range []string{`""`, `null`, `[]`, `{}`, `0`, `false`, `true`, `["` + token + `"]`} {
		s.do("PUT", pathReset+"?apikey="+apiKey, `{"resettoken":`+bad+`,"password":"`+newPassword+`"}`).wantFailure(t, 400, 908, "")
	}
	if s.leads.Writes() != 0 {
		t.Error("a password was written")
	}
	s.reset(token).wantPosted(t)
}

// TestCodeIsNoToken (A36): a code does not work as a token, and a token does
// not work as a code.
func TestCodeIsNoToken(t *testing.T) {
	s := newSite(t, nil, nil)
	token := s.manage("", john).wantToken(t)
	s.do("POST", pathPassword+"?apikey="+apiKey+"&emailtemplate=tpl-code", john).wantPosted(t)
	code := s.one().Code.Reveal()
	s.reset(code).wantFailure(t, 403, 1063, "")
	s.do("PUT", pathReset+"?apikey="+apiKey, `{"email":"john@example.com","otp":"`+token+`","password":"`+newPassword+`"}`).wantFailure(t, 403, 1185, "")
	if s.leads.Writes() != 0 {
		t.Error("a password was written")
	}
}

// TestConcurrentResets (A33): one of many concurrent resets wins.
func TestConcurrentResets(t *testing.T) {
	s := newSite(t, func(o *recovery.Options) { o.Events = nil }, nil)
	token := s.manage("", john).wantToken(t)
	var wg sync.WaitGroup
	results := make(chan int, 32)
	for range cap(results) {
		wg.Go(func() { results <- s.reset(token).status })
	}
	wg.Wait()
	close(results)
	won := 0
	for status := range results {
		if status == 200 {
			won++
		}
	}
	if won != 1 || s.leads.Writes() != 1 {
		t.Errorf("%d won, %d writes", won, s.leads.Writes())
	}
}

func TestSendEmailSpellings(t *testing.T) {
	for value, mails := range map[string]bool{"true": true, "True": true, "false": false, "False": false, "": false} {
		s := newSite(t, nil, nil)
		s.manage("&SendEmail="+value, john).wantToken(t)
		if sent := s.deliver(); (len(sent) == 1) != mails {
			t.Errorf("sendemail=%s sent %v", value, sent)
		}
		if e := s.event(recovery.EventTokenIssued); e.Mailed != mails {
			t.Errorf("sendemail=%s: Mailed is %t", value, e.Mailed)
		}
	}
	for _, value := range []string{"yes", "null", "true%20", "true,false", "on"} {
		s := newSite(t, nil, nil)
		e := s.manage("&sendemail="+value, john).wantFailure(t, 400, 908, "")
		if e.Description != "The sendemail is not formatted correctly." {
			t.Error(e.Description)
		}
		s.quiet()
	}
}

func TestPreventWebhook(t *testing.T) {
	const header = "x-preventwebhook"
	for _, tt := range []struct {
		query   string
		headers []string
		want    bool
	}{
		{"", nil, false},
		{"&prevent_webhook=true", nil, true},
		{"&Prevent_Webhook=True", nil, true},
		{"&prevent_webhook=", nil, false},
		{"", []string{header, "true"}, true},
		{"&prevent_webhook=true", []string{header, "false"}, false},
		{"&prevent_webhook=false", []string{header, "True"}, true},
	} {
		s := newSite(t, nil, nil)
		s.manage(tt.query+"&sendemail=true", john, tt.headers...).wantToken(t)
		s.one()
		for _, kind := range []recovery.EventKind{recovery.EventTokenIssued, recovery.EventMessageSent} {
			if _, got := s.event(kind).Labels[recovery.LabelNoWebhook]; got != tt.want {
				t.Errorf("%s %v: %s has PreventWebhook %t", tt.query, tt.headers, kind, got)
			}
		}
	}
	s := newSite(t, nil, nil)
	s.manage("&prevent_webhook=yes", john).wantFailure(t, 400, 908, "")
	s.manage("&prevent_webhook=maybe", john, header, "true").wantFailure(t, 400, 908, "")
	s.manage("", john, header, "on").wantFailure(t, 400, 908, "")
	s.manage("", john, header, "true", header, "false").wantFailure(t, 400, 908, "")
	s.quiet()

	t.Run("the public cannot silence a reset", func(t *testing.T) {
		s := newSite(t, nil, nil)
		s.do("POST", pathPassword+"?apikey="+apiKey+"&prevent_webhook=true", john, header, "true").wantPosted(t)
		token := vtoken(t, s.one())
		s.do("PUT", pathReset+"?apikey="+apiKey+"&prevent_webhook=true", resetBody(token), header, "true").wantPosted(t)
		for _, e := range s.events {
			if e.Labels != nil {
				t.Errorf("%s is silenced", e.Kind)
			}
		}
	})
}

// TestProviders: the list is always given, and holds no word for which an SDK
// treats the answer as a failure.
func TestProviders(t *testing.T) {
	for _, tt := range []struct {
		on   []string
		want string
	}{
		{nil, `[]`},
		{[]string{}, `[]`},
		{[]string{"google"}, `["google"]`},
		{[]string{"Description", "errorCode", "ErrorCode", "apple"}, `["apple"]`},
		{[]string{`"},"ErrorCode":1`}, `[]`},
	} {
		s := newSite(t, nil, nil)
		s.leads.Change("lead-john", func(l *recovery.Lead) { l.IdentityProviders = tt.on })
		a := s.manage("", john)
		a.wantToken(t)
		if !strings.HasSuffix(a.body, `"IdentityProviders":`+tt.want+`}`) {
			t.Errorf("%v: %s", tt.on, a.body)
		}
	}
}

// TestFields: hosts whose fields have other names, and hosts with fewer fields.
func TestFields(t *testing.T) {
	t.Run("other names", func(t *testing.T) {
		s := newSite(t, func(o *recovery.Options) {
			o.Fields = []recovery.Field{
				{Name: "mx_Mail", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
				{Name: "mx_Login", Type: recovery.FieldTypeText, Search: true, IgnoreCase: true},
				{Name: "Mobile", Type: recovery.FieldTypePhone, Search: true, Receive: true},
			}
		}, func(a *loginradius.App) {
			a.EmailField, a.UsernameField, a.PhoneField = "mx_Mail", "mx_Login", "Mobile"
		})
		s.leads.Change("lead-john", func(l *recovery.Lead) {
			l.Fields = map[string]recovery.FieldValue{
				"mx_Mail": {Value: "john@example.com", Verified: true}, "mx_Login": {Value: "jd"}, "Mobile": {Value: "+4915112345678", Verified: true},
			}
		})
		s.manage("", `{"Username":"JD"}`).wantToken(t)
		s.do("POST", pathPassword+"?apikey="+apiKey, john).wantPosted(t)
		s.one()
		s.do("POST", pathOTP+"?apikey="+apiKey, `{"phone":"+4915112345678"}`).wantPosted(t)
		s.one()
	})
	t.Run("mail goes to the app's field, not to the Service's first", func(t *testing.T) {
		s := newSite(t, func(o *recovery.Options) {
			o.Fields = append([]recovery.Field{{Name: "mx_Owner", Type: recovery.FieldTypeEmail, Receive: true}}, o.Fields...)
		}, nil)
		s.leads.SetValue("lead-john", "mx_Owner", "owner@example.com")
		s.manage("&sendemail=true", john).wantToken(t)
		if m := s.one(); m.To != "john@example.com" {
			t.Errorf("sent to %s", m.To)
		}
		s.do("POST", pathPassword+"?apikey="+apiKey, john).wantPosted(t)
		if m := s.one(); m.To != "john@example.com" {
			t.Errorf("sent to %s", m.To)
		}
	})
	t.Run("e-mail only", func(t *testing.T) {
		s := newSite(t, func(o *recovery.Options) { o.Fields = nil }, nil)
		s.manage("", `{"Username":"john_doe"}`).wantFailure(t, 400, 908, "")
		s.do("POST", pathPassword+"?apikey="+apiKey, `{"username":"john_doe"}`).wantFailure(t, 400, 908, "")
		s.do("POST", pathOTP+"?apikey="+apiKey, `{"phone":"+4915112345678"}`).wantFailure(t, 400, 908, "")
		s.do("PUT", pathOTP+"?apikey="+apiKey, `{"phone":"+4915112345678","otp":"12345678","password":"`+newPassword+`"}`).wantFailure(t, 400, 908, "")
		s.quiet()
		s.do("POST", pathPassword+"?apikey="+apiKey, john).wantPosted(t)
		s.one()
	})
}
