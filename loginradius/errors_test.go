package loginradius_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// The second call is one too many for this policy.
func narrow() recovery.LimitPolicy {
	return recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Minute}}}
}

// TestErrorTable has a row for each row of the table of errors in doc.go.
func TestErrorTable(t *testing.T) {
	const param = "A parameter is not formatted correctly"
	public := pathPassword + "?apikey=" + apiKey
	reset := pathReset + "?apikey=" + apiKey
	otp := pathOTP + "?apikey=" + apiKey
	manage := func(query, body string) func(*site) answer {
		return func(s *site) answer { return s.manage(query, body) }
	}
	do := func(method, target, body string, headers ...string) func(*site) answer {
		return func(s *site) answer { return s.do(method, target, body, headers...) }
	}
	// withToken resets with a valid token and a password.
	withToken := func(password string) func(*site) answer {
		return func(s *site) answer {
			token := s.manage("", john).wantToken(s.t)
			return s.do("PUT", reset, `{"resettoken":"`+token+`","password":"`+password+`"}`)
		}
	}
	tests := []struct {
		name    string
		options func(*recovery.Options)
		call    func(*site) answer
		status  int
		code    int
		message string
		// A description that is not empty is compared exactly. A header is
		// "Name: value"; without a value, any value is right.
		description string
		headers     []string
	}{
		{name: "unknown key", call: do("POST", pathPassword+"?apikey=x", john), status: 403, code: 901, message: "The API key is unauthorized"},
		{name: "wrong secret", call: do("POST", pathForgotToken+"?apikey="+apiKey, john, anySecret, "x"), status: 401, code: 902, message: "The API secret is unauthorized"},
		{name: "no identifier, management", call: manage("", `{}`), status: 400, code: 908, message: param, description: "The email is a required parameter."},
		{name: "no identifier, public", call: do("POST", public, `{"Uid":"x"}`), status: 400, code: 908, message: param, description: "The email is a required parameter."},
		{name: "null identifier", call: manage("", `{"Username":null,"Email":null}`), status: 400, code: 908, message: param, description: "The email is a required parameter."},
		{name: "empty email", call: manage("", `{"Email":""}`), status: 400, code: 908, message: param, description: "The email is a required parameter."},
		{name: "empty username", call: manage("", `{"Username":""}`), status: 400, code: 908, message: param, description: "The username is a required parameter."},
		{name: "both identifiers", call: manage("", `{"Email":"john@example.com","Username":"john_doe"}`), status: 400, code: 908, message: param, description: "Exactly one of email and username must be given."},
		{name: "both identifiers, one empty", call: manage("", `{"Email":"","Username":"john_doe"}`), status: 400, code: 908, message: param},
		{name: "malformed email", call: do("POST", public, `{"email":"john"}`), status: 400, code: 908, message: param, description: "The email is not formatted correctly."},
		{name: "malformed username", call: do("POST", public, `{"username":"a\u0000b"}`), status: 400, code: 908, message: param, description: "The username is not formatted correctly."},
		{name: "malformed phone", call: do("POST", otp, `{"phone":"015112345678"}`), status: 400, code: 908, message: param, description: "The phone is not formatted correctly."},
		{name: "no phone", call: do("POST", otp, `{}`), status: 400, code: 908, message: param, description: "The phone is a required parameter."},
		{name: "no token", call: do("PUT", reset, `{"password":"`+newPassword+`"}`), status: 400, code: 908, message: param, description: "The resettoken is a required parameter."},
		{name: "token and code", call: do("PUT", reset, `{"resettoken":"x","otp":"12345678","email":"john@example.com","password":"`+newPassword+`"}`), status: 400, code: 908, message: param},
		{name: "code without identifier", call: do("PUT", reset, `{"otp":"12345678","password":"`+newPassword+`"}`), status: 400, code: 908, message: param, description: "The email is a required parameter."},
		{name: "code with two identifiers", call: do("PUT", reset, `{"otp":"12345678","email":"john@example.com","username":"john_doe","password":"`+newPassword+`"}`), status: 400, code: 908, message: param},
		{name: "empty code", call: do("PUT", reset, `{"otp":"","email":"john@example.com","password":"`+newPassword+`"}`), status: 400, code: 908, message: param, description: "The otp is a required parameter."},
		{name: "no code by phone", call: do("PUT", otp, `{"phone":"+4915112345678","password":"`+newPassword+`"}`), status: 400, code: 908, message: param, description: "The otp is a required parameter."},
		{name: "code with a malformed identifier", call: do("PUT", reset, `{"otp":"12345678","email":"john","password":"`+newPassword+`"}`), status: 400, code: 908, message: param, description: "The email is not formatted correctly."},
		{name: "query too long", call: do("POST", public+"&x="+strings.Repeat("x", 25<<10), john), status: 400, code: 908, message: param, description: "The query is too long."},
		{name: "browser", call: do("POST", pathForgotToken, john, "Origin", "https://x.example"), status: 403, code: 909, message: "Your LoginRadius site does not have permission to access this endpoint"},
		{
			name: "step-up", options: func(o *recovery.Options) {
				o.StepUp = func(context.Context, recovery.Lead) error {
					return &recovery.StepUpError{Detail: "Use your security key."}
				}
			},
			call: withToken(newPassword), status: 403, code: 909, description: "Use your security key.",
		},
		{
			name: "step-up without a detail", options: func(o *recovery.Options) {
				o.StepUp = func(context.Context, recovery.Lead) error {
					return fmt.Errorf("secret: %w", recovery.ErrStepUpRequired)
				}
			},
			call: withToken(newPassword), status: 403, code: 909, description: "A further proof is required.",
		},
		{
			name: "second factor, which this API cannot carry", options: func(o *recovery.Options) {
				o.SecondFactor.Needed = func(context.Context, recovery.Lead) (bool, error) { return true, nil }
				o.SecondFactor.Verify = func(context.Context, recovery.Lead, recovery.Secret) (bool, error) { return true, nil }
			},
			call: withToken(newPassword), status: 403, code: 909, description: "A further proof is required.",
		},
		{name: "unknown user", call: manage("", `{"Email":"nobody@example.com"}`), status: 403, code: 938, message: "User does not exist"},
		{name: "unknown user name", call: manage("", `{"Username":"nobody"}`), status: 403, code: 938, message: "User does not exist"},
		{name: "disabled user", call: manage("", `{"Email":"disabled@example.com"}`), status: 403, code: 938, message: "User does not exist"},
		{name: "user without a password", call: manage("&sendemail=true", `{"Email":"social@example.com"}`), status: 403, code: 938, message: "User does not exist"},
		{name: "user without a verified address, to be mailed", call: manage("&sendemail=true", `{"Username":"unverified"}`), status: 403, code: 938, message: "User does not exist"},
		{name: "POST that is not JSON", call: manage("", `{"Email"`), status: 400, code: 965, message: "The post body is invalid", headers: []string{"Connection: close"}},
		{name: "PUT that is not JSON", call: do("PUT", reset, `x`), status: 400, code: 1079, message: "Put body is invalid", headers: []string{"Connection: close"}},
		{name: "empty POST", call: do("POST", public, ``), status: 400, code: 965, message: "The post body is invalid"},
		{name: "empty PUT", call: do("PUT", otp, ` `), status: 400, code: 1079, message: "Put body is invalid"},
		{name: "large POST", call: do("POST", public, strings.Repeat(" ", 16<<10)+john), status: 413, code: 965, message: "The post body is invalid", headers: []string{"Connection: close"}},
		{name: "large PUT", call: do("PUT", reset, strings.Repeat(" ", 16<<10)+"{}"), status: 413, code: 1079, message: "Put body is invalid", headers: []string{"Connection: close"}},
		{name: "bad token", call: do("PUT", reset, resetBody("x")), status: 403, code: 1063, message: "Verification token (vtoken) is invalid"},
		{name: "form", call: do("POST", public, "email=john@example.com", "Content-Type", "", "Content-Type", "application/x-www-form-urlencoded"), status: 400, code: 1083, message: "This content type header is not supported"},
		{name: "no content type", call: do("PUT", reset, resetBody("x"), "Content-Type", ""), status: 400, code: 1083, message: "This content type header is not supported"},
		{name: "compressed", call: do("POST", public, john, "Content-Encoding", "gzip"), status: 415, code: 1083, message: "This content type header is not supported"},
		{name: "no password", call: do("PUT", reset, `{"resettoken":"x"}`), status: 400, code: 1089, message: "Password is missing"},
		{name: "empty password", call: do("PUT", reset, `{"resettoken":"x","password":""}`), status: 400, code: 1089, message: "Password is missing"},
		{name: "null password", call: do("PUT", reset, `{"email":"john@example.com","otp":"12345678","password":null}`), status: 400, code: 1089, message: "Password is missing"},
		{name: "no password by phone", call: do("PUT", otp, `{"phone":"+4915112345678","otp":"12345678"}`), status: 400, code: 1089, message: "Password is missing"},
		{name: "password that is a number", call: do("PUT", reset, `{"resettoken":"x","password":123456789012345}`), status: 400, code: 908, message: param, description: "The password is not formatted correctly."},
		{name: "short password", call: withToken("tooshort7"), status: 403, code: 1134, message: "Validation failed for one or more fields"},
		{name: "short and common password", call: withToken("password1"), status: 403, code: 1134, message: "Validation failed for one or more fields"},
		{name: "common password", call: withToken("passwordpassword"), status: 403, code: 1216, message: "Weak password"},
		{name: "password that is the person's address", call: withToken("john@example.com"), status: 403, code: 1216, message: "Weak password"},
		{name: "breached password", call: withToken("leaked somewhere else"), status: 403, code: 1315, message: "breached password"},
		{name: "bad code", call: do("PUT", reset, `{"email":"john@example.com","otp":"12345678","password":"`+newPassword+`"}`), status: 403, code: 1185, message: "email OTP is invalid"},
		{name: "bad code by phone", call: do("PUT", otp, `{"phone":"+4915112345678","otp":"12345678","password":"`+newPassword+`"}`), status: 403, code: 1185, message: "email OTP is invalid"},
		{name: "code that is none", call: do("PUT", reset, `{"email":"john@example.com","otp":"1","password":"`+newPassword+`"}`), status: 403, code: 1185, message: "email OTP is invalid"},
		{
			name: "limit on tokens", options: func(o *recovery.Options) { o.Limits.Issue = narrow() },
			call: func(s *site) answer { s.manage("", john).wantToken(s.t); return s.manage("", john) }, status: 403, code: 1178,
			message: "You have reached a limit for generating token", headers: []string{"Retry-After: 60", "RateLimit", "RateLimit-Policy"},
		},
		{
			name: "limit on the lead's mails", options: func(o *recovery.Options) { o.Limits.Lead = narrow() },
			call: func(s *site) answer {
				s.manage("&sendemail=true", john).wantToken(s.t)
				return s.manage("&sendemail=true", john)
			}, status: 403, code: 1122,
			message: "You have reached a limit for sending emails", headers: []string{"Retry-After: 60"},
		},
		{
			name: "limit on the recipient's mails", options: func(o *recovery.Options) { o.Limits.Recipient = narrow() },
			call: func(s *site) answer {
				s.manage("&sendemail=true", john).wantToken(s.t)
				return s.manage("&sendemail=true", john)
			}, status: 403, code: 1122,
			message: "You have reached a limit for sending emails", headers: []string{"Retry-After: 60"},
		},
		{
			name: "budget for mails", options: func(o *recovery.Options) { o.Limits.EmailBudget = narrow() },
			call: func(s *site) answer {
				s.manage("&sendemail=true", john).wantToken(s.t)
				return s.manage("&sendemail=true", `{"username":"user"}`)
			}, status: 403, code: 1122,
			message: "You have reached a limit for sending emails",
		},
		{
			name: "limit of the key", options: func(o *recovery.Options) { o.Limits.Caller = narrow() },
			call: func(s *site) answer { s.manage("", john).wantToken(s.t); return s.manage("", `{"username":"user"}`) }, status: 429, code: 908,
			message: "API calls exceeded the limit of 1 in 60 second(s)", headers: []string{"Retry-After: 60", "Connection: close", "RateLimit", "RateLimit-Policy"},
		},
		{
			name: "limit of the client", options: func(o *recovery.Options) { o.Limits.ClientReset = narrow() },
			call: func(s *site) answer { s.reset("x"); return s.reset("x") }, status: 429, code: 908,
			message: "API calls exceeded the limit of 1 in 60 second(s)", headers: []string{"Retry-After: 60", "Connection: close", "RateLimit"},
		},
		{name: "unknown path", call: do("POST", "/identity/v2/auth/passwords?apikey="+apiKey, john), status: 404, code: 908, message: param},
		{name: "security questions", call: do("PUT", "/identity/v2/auth/password/securityanswer?apikey="+apiKey, `{}`), status: 404, code: 908, message: param},
		{name: "wrong method, management", call: do("PUT", pathForgotToken+"?apikey="+apiKey, john), status: 405, code: 908, message: param, headers: []string{"Allow: POST"}},
		{name: "wrong method, reset", call: do("POST", reset, `{}`), status: 405, code: 908, message: param, headers: []string{"Allow: PUT"}},
		{name: "wrong method, password", call: do("GET", public, ``), status: 405, code: 908, message: param, headers: []string{"Allow: POST, PUT"}},
		{name: "wrong method, without a key", call: do("DELETE", pathOTP, ``), status: 405, code: 908, message: param, headers: []string{"Allow: POST, PUT"}},
		{
			name: "queue full", call: func(s *site) answer { s.jobs.full = true; return s.do("POST", public, john) },
			status: 503, code: 950, message: "Operation failed due to an unknown error", headers: []string{"Retry-After"},
		},
		{
			name: "queue full, management", call: func(s *site) answer { s.jobs.full = true; return s.manage("&sendemail=true", john) },
			status: 503, code: 950, headers: []string{"Retry-After"},
		},
		{
			name: "token store down", call: func(s *site) answer { s.tokens.broken = true; return s.manage("", john) },
			status: 503, code: 950, headers: []string{"Retry-After"},
		},
		{
			name: "user store down", call: func(s *site) answer {
				s.failFind(errors.New("pq: relation john@example.com 10.0.0.1"))
				return s.manage("", john)
			},
			status: 503, code: 950, headers: []string{"Retry-After"},
		},
		{
			name: "user store breaks its contract", call: func(s *site) answer {
				s.leads.SetHooks(recoverytest.LeadsHooks{
					AfterFind: func(_ context.Context, _ recovery.LeadKey, lead recovery.Lead) (recovery.Lead, error) {
						return recovery.Lead{ID: lead.ID, Fields: lead.Fields}, nil
					},
				})
				return s.manage("", john)
			},
			status: 500, code: 950, description: "The operation failed.",
		},
		{
			name: "hasher busy", call: func(s *site) answer { s.hasher.err = password.ErrBusy; return withToken(newPassword)(s) },
			status: 503, code: 950, headers: []string{"Retry-After"},
		},
		{
			name: "hasher panics", call: func(s *site) answer { s.hasher.err = errors.New("panic"); return withToken(newPassword)(s) },
			status: 503, code: 950, headers: []string{"Retry-After"},
		},
		{
			name: "not written", call: func(s *site) answer {
				s.failWrite(fmt.Errorf("pq: read only: %w", recovery.ErrNotWritten))
				return withToken(newPassword)(s)
			},
			status: 503, code: 950, headers: []string{"Retry-After"},
		},
		{
			name: "perhaps written", call: func(s *site) answer { s.failWrite(errors.New("pq: timeout")); return withToken(newPassword)(s) },
			status: 500, code: 950, description: "It is not known whether the password was changed. Ask for a new link or code.",
		},
		{
			name: "shut down", call: func(s *site) answer { _ = s.svc.Shutdown(s.t.Context()); return s.do("POST", public, john) },
			status: 503, code: 950, headers: []string{"Retry-After"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, tt.options, nil)
			a := tt.call(s)
			e := a.wantFailure(t, tt.status, tt.code, tt.message)
			if tt.description != "" && e.Description != tt.description {
				t.Errorf("Description %q, want %q", e.Description, tt.description)
			}
			for _, want := range tt.headers {
				name, value, exact := strings.Cut(want, ": ")
				if got := a.header.Get(name); got == "" || exact && got != value {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if (tt.code == 1134) != (len(e.Errors) > 0) {
				t.Errorf("Errors %v", e.Errors)
			}
			for _, field := range e.Errors {
				if field.FieldName != "password" || field.ErrorMessage == "" {
					t.Errorf("Errors %v", e.Errors)
				}
			}
			// A83: the answer holds nothing of a dependency's error or of the
			// input.
			for _, leak := range []string{"pq:", "10.", "dial", "john@", "secret:", newPassword, "goroutine", "recovery:"} {
				if strings.Contains(a.body, leak) {
					t.Errorf("the answer shows %q: %s", leak, a.body)
				}
			}
		})
	}
}

// TestSeveralViolations: the answer lists each violation.
func TestSeveralViolations(t *testing.T) {
	s := newSite(t, nil, nil)
	token := s.manage("", john).wantToken(t)
	e := s.do("PUT", pathReset+"?apikey="+apiKey, `{"resettoken":"`+token+`","password":"password1"}`).wantFailure(t, 403, 1134, "")
	if len(e.Errors) != 2 {
		t.Errorf("Errors %v", e.Errors)
	}
}

// TestReusedPassword: a rule without a code of its own gets the general code.
func TestReusedPassword(t *testing.T) {
	s := newSite(t, nil, nil)
	so := serviceOptions(s)
	so.Passwords.History, so.Queue = 1, &jobs{}
	svc, err := recovery.New(s.leads.History(), s.tokens, s.outbox, so)
	if err != nil {
		t.Fatal(err)
	}
	s.svc = svc
	h, err := loginradius.New(loginradius.Options{Apps: []loginradius.App{appOptions(s)}})
	if err != nil {
		t.Fatal(err)
	}
	s.handler = h
	if err := s.leads.SetPasswordHash(t.Context(), "lead-john", "hash of "+newPassword); err != nil {
		t.Fatal(err)
	}
	token := s.manage("", john).wantToken(t)
	if e := s.reset(token).wantFailure(t, 403, 1134, ""); len(e.Errors) != 1 {
		t.Errorf("Errors %v", e.Errors)
	}
}
