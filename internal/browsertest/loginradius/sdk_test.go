package loginradius_test

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// nodeSDK is the vendor's SDK for Node. It has no dependencies.
var nodeSDK = browsertest.Package{
	Name: "loginradius-sdk", Version: "11.7.0",
	Integrity: "sha512-s8pV/fWREW2aZ8pJphLq2EL1kLtOrxPIgcx6YCLnfjiMNPI6YCfWxkHydcu6hEON3ggkJmYAp17NyaZgWEj6jw==",
}

// A node is a running Node that calls the SDK.
type node struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// An outcome is what a call of the SDK resolved to, or what it was rejected with.
type outcome struct{ Resolved, Rejected json.RawMessage }

// startNode starts Node with the SDK, which trusts the certificate of the site.
func startNode(t *testing.T, s *site) *node {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		testenv.Missing(t, "RECOVERY_REQUIRE_CHROMIUM", "no Node on the PATH")
	}
	dir := t.TempDir()
	sdk, certificate := filepath.Join(dir, nodeSDK.Name), filepath.Join(dir, "certificate.pem")
	if err := os.CopyFS(sdk, nodeSDK.Files(t)); err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw})
	if err := os.WriteFile(certificate, block, 0o600); err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, cmd: exec.Command(path, filepath.Join("testdata", "sdk.js"), sdk, s.port)}
	n.cmd.Env = []string{"NODE_EXTRA_CA_CERTS=" + certificate}
	n.cmd.Stderr = t.Output()
	if n.in, err = n.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	n.out = bufio.NewReader(out)
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A Node that hangs would keep the test waiting for its output.
	limit := time.AfterFunc(testenv.Patience(time.Minute), func() { _ = n.cmd.Process.Kill() })
	t.Cleanup(func() {
		limit.Stop()
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait()
	})
	return n
}

// An object is one of JavaScript.
type object = map[string]any

// with calls a method of the SDK that was set up with a config. The domain and the
// credentials are the right ones, unless config has others.
func (n *node) with(config object, api, method string, args ...any) outcome {
	n.t.Helper()
	all := object{"apiDomain": "127.0.0.1", "apiKey": apiKey, "apiSecret": apiSecret}
	maps.Copy(all, config)
	b, err := json.Marshal(object{"config": all, "api": api, "method": method, "args": args})
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.in.Write(append(b, '\n')); err != nil {
		n.t.Fatal(err)
	}
	line, err := n.out.ReadBytes('\n')
	var o outcome
	if err == nil {
		err = json.Unmarshal(line, &o)
	}
	if err != nil {
		n.t.Fatalf("%s: Node answers %q: %v", method, line, err)
	}
	return o
}

func (n *node) auth(method string, args ...any) outcome {
	n.t.Helper()
	return n.with(nil, "authenticationApi", method, args...)
}

func (n *node) phone(method string, args ...any) outcome {
	n.t.Helper()
	return n.with(nil, "phoneAuthenticationApi", method, args...)
}

func (n *node) account(method string, args ...any) outcome {
	n.t.Helper()
	return n.with(nil, "accountApi", method, args...)
}

// end closes the input of Node, which must then end by itself.
func (n *node) end() {
	n.t.Helper()
	_ = n.in.Close()
	if rest, err := io.ReadAll(n.out); err != nil || len(rest) > 0 {
		n.t.Errorf("Node also answers %q, %v", rest, err)
	}
	if err := n.cmd.Wait(); err != nil {
		n.t.Errorf("Node ends with %v", err)
	}
}

func (o outcome) wantPosted(t *testing.T) {
	t.Helper()
	if string(o.Resolved) != `{"IsPosted":true}` {
		t.Fatalf("resolved to %s, rejected with %s", o.Resolved, o.Rejected)
	}
}

func (o outcome) wantToken(t *testing.T) (token string) {
	t.Helper()
	var answer struct {
		ForgotToken       string
		IdentityProviders []string
	}
	if err := json.Unmarshal(o.Resolved, &answer); err != nil || answer.ForgotToken == "" || len(answer.IdentityProviders) != 1 || answer.IdentityProviders[0] != "google" {
		t.Fatalf("resolved to %s, rejected with %s", o.Resolved, o.Rejected)
	}
	return answer.ForgotToken
}

// wantError requires an error with an ErrorCode and a Description.
func (o outcome) wantError(t *testing.T, code int, description string) {
	t.Helper()
	var failure struct {
		ErrorCode            int
		Description, Message string
	}
	if o.Rejected != nil {
		if err := json.Unmarshal(o.Rejected, &failure); err != nil {
			t.Fatalf("%s: %v", o.Rejected, err)
		}
	}
	if failure.ErrorCode != code || failure.Description != description || failure.Message == "" {
		t.Errorf("resolved to %s, rejected with %s, want %d %q", o.Resolved, o.Rejected, code, description)
	}
}

const (
	badToken = "The token is invalid, was used already or has expired. Ask for a new one."
	badCode  = "The code is invalid, was used already or has expired. Ask for a new one."
)

// Forgot by e-mail, and Reset by the token of the mailed link.
func TestNodeSDKByMail(t *testing.T) {
	s := newSite(t, nil)
	n := startNode(t, s)
	n.auth("forgotPassword", janeMail, s.resetURL, "tpl-1").wantPosted(t)
	m := s.sent(recovery.MessageResetLink, 1)
	if m.Template != "tpl-1" || m.LeadID != s.jane {
		t.Errorf("sent with the template %q to %s", m.Template, m.LeadID)
	}
	reset := object{"resettoken": s.vtoken(m), "password": goodPassword}
	n.auth("resetPasswordByResetToken", reset).wantPosted(t)
	s.wantHash(goodPassword)
	n.auth("resetPasswordByResetToken", reset).wantError(t, 1063, badToken)
	// Nobody learns who has an account.
	n.auth("forgotPassword", "nobody@example.com", s.resetURL).wantPosted(t)
	n.auth("forgotPassword", janeMail, s.url(hostOfEvil, "/reset")).wantError(t, 908, "The resetpasswordurl is not one of the configured ones.")
	n.end()
	s.wantProofs(1)
}

// The token that a server asks for with the secret, mailed and not mailed.
func TestNodeSDKForgotToken(t *testing.T) {
	s := newSite(t, nil)
	n := startNode(t, s)
	ask := func(sendEmail any) string {
		t.Helper()
		return n.account("getForgotPasswordToken", janeMail, "tpl-1", s.resetURL, sendEmail).wantToken(t)
	}
	mailed := ask(true)
	if m := s.sent(recovery.MessageResetLink, 1); s.vtoken(m) != mailed || m.Template != "tpl-1" {
		t.Errorf("the mail with the template %q has another token than the answer", m.Template)
	}
	for i, sendEmail := range []any{false, nil} { // nil sends an empty sendEmail
		chosen := goodPassword + string(rune('0'+i))
		token := ask(sendEmail)
		n.auth("resetPasswordByResetToken", object{"resetToken": token, "password": chosen}).wantPosted(t)
		s.wantHash(chosen)
	}
	// A changed password ends all links.
	n.auth("resetPasswordByResetToken", object{"resettoken": mailed, "password": goodPassword}).wantError(t, 1063, badToken)
	n.account("getForgotPasswordToken", "nobody@example.com", nil, nil, true).wantError(t, 938,
		"The user does not exist, please use a valid user in order to process this request.")
	n.end()
	s.wantProofs(1)
}

// Forgot and Reset by a code in a text message, and by a code in a mail.
func TestNodeSDKByCode(t *testing.T) {
	s := newSite(t, nil)
	n := startNode(t, s)
	n.phone("forgotPasswordByPhoneOTP", janePhone, "sms-1", true).wantError(t, 908, "The isvoiceotp is not supported here: codes are sent as text messages.")
	n.phone("forgotPasswordByPhoneOTP", janePhone, "sms-1", false).wantPosted(t)
	m := s.sent(recovery.MessageResetCode, 1)
	if m.Channel != recovery.ChannelSMS || m.Template != "sms-1" || m.LeadID != s.jane {
		t.Errorf("sent by %s with the template %q to %s", m.Channel, m.Template, m.LeadID)
	}
	byPhone := func(code, password string) outcome {
		return n.phone("resetPasswordByPhoneOTP", object{"phone": janePhone, "otp": code, "password": password})
	}
	code := m.Code.Reveal()
	wrong := string('0'+(code[0]-'0'+1)%10) + code[1:]
	byPhone(wrong, goodPassword).wantError(t, 1185, badCode)
	byPhone(code, goodPassword).wantPosted(t)
	s.wantHash(goodPassword)
	byPhone(code, goodPassword+"!").wantError(t, 1185, badCode)

	for i, way := range []struct {
		method string
		who    object
	}{
		{"resetPasswordByEmailOTP", object{"email": janeMail}},
		{"resetPasswordByOTPAndUserName", object{"userName": janeName}},
	} {
		n.auth("forgotPassword", janeMail, s.resetURL, "tpl-code").wantPosted(t)
		way.who["otp"] = s.sent(recovery.MessageResetCode, i+2).Code.Reveal()
		way.who["password"] = goodPassword + way.method
		n.auth(way.method, way.who).wantPosted(t)
		s.wantHash(goodPassword + way.method)
		n.auth(way.method, way.who).wantError(t, 1185, badCode)
	}
	n.end()
	s.wantProofs(3)
}

// What is refused reaches the caller of the SDK as an error that says why.
func TestNodeSDKRefused(t *testing.T) {
	s := newSite(t, nil)
	n := startNode(t, s)
	ask := func(config object) outcome {
		return n.with(config, "accountApi", "getForgotPasswordToken", janeMail, nil, nil, true)
	}
	ask(object{"apiSecret": "another-secret-of-nobody"}).wantError(t, 902,
		"The provided LoginRadius API secret is invalid or is not authorized, please use a valid or authorized LoginRadius API secret or check the API secret for your LoginRadius account.")
	ask(object{"apiKey": "another-key"}).wantError(t, 901, "This API key belongs to no app, or the keys in query and header differ.")
	ask(object{"apiRequestSigning": true}).wantError(t, 908,
		"Request signing is not supported here. Switch it off in the SDK, so that it sends the apisecret.")
	n.auth("resetPasswordBySecurityAnswerAndEmail", object{"email": janeMail, "password": goodPassword}).wantError(t, 908, "There is no such endpoint.")

	token := n.account("getForgotPasswordToken", janeMail, nil, nil, nil).wantToken(t)
	reset := func(password string) outcome {
		return n.auth("resetPasswordByResetToken", object{"resettoken": token, "password": password})
	}
	reset("Zq8-xvKp2wLm4t").wantError(t, 1134, "Use at least 15 characters. Several words in a row are easy to remember.")
	// This SDK declares as many bytes as the body has characters, so the body
	// arrives cut. The token is still good, and so is the next connection.
	reset("Kontinental-Münzen für ein Zimmer").wantError(t, 1079, "The body must not end within the JSON object.")
	if got := s.leads.Hash(s.jane); got != oldHash {
		t.Errorf("the hash is %s", got)
	}
	reset(goodPassword).wantPosted(t)
	s.wantHash(goodPassword)
	n.end()
	s.wantProofs(0)
}

// A listed server passes on the address of each person, who are then clients of
// their own. Without that the server is one client, and is told so when it has
// reached its limit, with an answer after which Node still ends: the SDK does not
// read an answer with the status 429 to its end.
func TestNodeSDKOriginIP(t *testing.T) {
	s := newSite(t, func(o *recovery.Options) {
		o.Limits.ClientForgot = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 5, Window: time.Hour}}}
		o.ClientAddress.ServerCallers = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	n := startNode(t, s)
	forgot := func(config object) outcome {
		return n.with(config, "authenticationApi", "forgotPassword", "nobody@example.com", s.resetURL)
	}
	for _, address := range []string{"198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5", "198.51.100.6", "198.51.100.7"} {
		forgot(object{"originIp": address}).wantPosted(t)
	}
	for range 5 {
		forgot(nil).wantPosted(t)
	}
	// The SDK has a text of its own.
	forgot(nil).wantError(t, 429, "Too many requests in a particular time frame")
	forgot(object{"originIp": "198.51.100.8"}).wantPosted(t)
	n.end()
}
