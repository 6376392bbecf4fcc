package servertest_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"html"
	"net"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// recipient is the one mailbox of the Postfix in these tests.
const recipient = "Anna.Example+Portal@example.com"

// startPostfix starts a Postfix that requires TLS, with a certificate signed by
// a. It returns the address of the Postfix and its Maildir.
func startPostfix(t *testing.T, a *authority) (addr, inbox string) {
	t.Helper()
	postfix := program(t, "postfix", "postfix")
	postconf := program(t, "postconf", "postfix")
	requireMail(t, os.Getuid() == 0, "Postfix can only be started by root")
	owner, err := osuser.Lookup("postfix")
	requireMail(t, err == nil, "there is no user postfix here")
	daemons, err := exec.Command(postconf, "-d", "-h", "daemon_directory").Output()
	if err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	// Postfix runs as several users, which must all be able to read the
	// directory.
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	for _, sub := range []string{"conf", "queue", "data", "mail"} {
		must(t, os.Mkdir(filepath.Join(dir, sub), 0o755))
	}
	uid, _ := strconv.Atoi(owner.Uid)
	const nobody = 65534
	must(t, os.Chown(filepath.Join(dir, "data"), uid, -1))
	must(t, os.Chown(filepath.Join(dir, "mail"), nobody, nobody))
	cert := a.server(t, "127.0.0.1").Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	must(t, err)
	_, port, err := net.SplitHostPort(testenv.FreeAddr(t))
	must(t, err)
	conf := filepath.Join(dir, "conf")
	for name, text := range map[string]string{
		"key.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		"cert.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})),
		"main.cf": fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
daemon_directory = %[2]s
mail_owner = postfix
setgid_group = postdrop
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
myhostname = relay.example.net
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
recipient_delimiter =
virtual_mailbox_domains = example.com
virtual_mailbox_base = %[1]s/mail
virtual_mailbox_maps = inline:{{ %[3]s = inbox/ }, { foo..@example.com = dots/ }, { müller@example.com = letters/ }}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 100
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = %[1]s/conf/cert.pem
smtpd_tls_key_file = %[1]s/conf/key.pem
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname
smtpd_sender_restrictions = reject_non_fqdn_sender
smtpd_recipient_restrictions = reject_non_fqdn_recipient, reject_unauth_destination
smtpd_data_restrictions = reject_unauth_pipelining
strict_rfc821_envelopes = yes
strict_mime_encoding_domain = yes
strict_8bitmime_body = yes
message_size_limit = 1000000
`, dir, strings.TrimSpace(string(daemons)), strings.ToLower(recipient)),
		"master.cf": "127.0.0.1:" + port + ` inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`,
	} {
		must(t, os.WriteFile(filepath.Join(conf, name), []byte(text), 0o644))
	}
	t.Cleanup(func() {
		if log, err := os.ReadFile(filepath.Join(dir, "log")); err == nil && t.Failed() {
			t.Logf("Postfix logged:\n%s", log)
		}
	})
	stop := func() {
		if out, err := exec.Command(postfix, "-c", conf, "stop").CombinedOutput(); err != nil {
			t.Errorf("postfix stop: %v\n%s", err, out)
		}
	}
	addr = "127.0.0.1:" + port
	daemon(t, addr, stop, postfix, "-c", conf, "start-fg")
	return addr, filepath.Join(dir, "mail", "inbox", "new")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A Postfix that refuses malformed mail accepts every kind of message in every
// language, and delivers what was rendered.
func TestPostfix(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	addr, inbox := startPostfix(t, a)
	set := newSet(t)
	opts := secured(a, addr, smtpnotifier.TLSRequired)
	opts.From.Name = "Ácme Portal, Ltd."
	opts.EnvelopeSender = "bounces@mail.example.org"
	n := newNotifier(t, set, opts)
	want := map[string]recovery.Message{} // by Message-ID
	for _, tag := range messages.Languages() {
		for _, kind := range kinds {
			m := sample(kind)
			m.To, m.Locale = recipient, tag.String()
			m.ID = string(kind) + " " + tag.String()
			must(t, n.Notify(t.Context(), m))
			want[m.ID] = m
		}
	}
	// The replies with which Postfix refuses a mail have the codes that this
	// package expects.
	m := message()
	m.To = "nobody@example.com"
	err := n.Notify(t.Context(), m)
	if e, ok := errors.AsType[*smtpnotifier.Error](err); !ok || e.Code != 550 || e.Enhanced != "5.1.1" || !errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("an unknown mailbox: %v", err)
	}
	m.To = "somebody@example.net"
	err = n.Notify(t.Context(), m)
	if e, ok := errors.AsType[*smtpnotifier.Error](err); !ok || e.Code != 554 || e.Enhanced != "5.7.1" || errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("relaying denied: %v", err)
	}

	// Addresses that RFC 5321 wants in quotes, and that need SMTPUTF8.
	for to, box := range map[string]string{"foo..@example.com": "dots", "müller@example.com": "letters"} {
		m := message()
		m.To, m.ID = to, "for "+to
		must(t, n.Notify(t.Context(), m))
		testenv.Eventually(t, 20*time.Second, "the mail for "+to, func() bool {
			files, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(inbox)), box, "new", "*"))
			must(t, err)
			return len(files) == 1
		})
	}

	var files []string
	testenv.Eventually(t, 20*time.Second, "all mails are delivered", func() bool {
		files, err = filepath.Glob(filepath.Join(inbox, "*"))
		must(t, err)
		return len(files) >= len(want)
	})
	subjects := map[string]recovery.Message{}
	for _, m := range want {
		mail, err := set.Mail(m)
		must(t, err)
		subjects[mail.Subject+mail.Language.String()] = m
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		must(t, err)
		p := parse(t, bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))) // a Maildir has LF line ends
		added := []string{"Delivered-To", "Received", "Return-Path", "X-Original-To"}
		if names := append(slices.Clone(fields), added...); !equalSorted(p.names, names) {
			t.Errorf("the fields are %q", p.names)
		}
		if got := p.header.Get("Return-Path"); got != "<bounces@mail.example.org>" {
			t.Errorf("Return-Path: %s", got)
		}
		if got := p.header.Get("X-Original-To"); got != recipient {
			t.Errorf("X-Original-To: %s", got)
		}
		if !strings.Contains(p.header.Get("Received"), "with ESMTPS id") {
			t.Errorf("Received: %s", p.header.Get("Received"))
		}
		m, ok := subjects[p.subject+p.header.Get("Content-Language")]
		if !ok {
			t.Errorf("a mail about %q", p.subject)
			continue
		}
		delete(subjects, p.subject+p.header.Get("Content-Language"))
		mail, err := set.Mail(m)
		must(t, err)
		crlf := strings.NewReplacer("\n", "\r\n")
		if p.text != crlf.Replace(mail.Text) || p.html != crlf.Replace(mail.HTML) {
			t.Errorf("%s in %s was changed on the way", m.Kind, mail.Language)
		}
		if link := m.URL.Reveal(); !strings.Contains(p.text, link) || !strings.Contains(html.UnescapeString(p.html), link) {
			t.Errorf("%s in %s lacks its link", m.Kind, mail.Language)
		}
	}
	if len(subjects) != 0 {
		t.Errorf("%d kinds or languages are missing", len(subjects))
	}
}

func equalSorted(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
