package servertest_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/messages"
)

// maxScore is the score that no mail may reach. SpamAssassin's own limit is 5.
// It is lower here, because operators add rules.
const maxScore = 2.0

// workers is how many mails are checked at a time.
const workers = 2

// SpamAssassin does not classify any kind of message in any language as spam.
// Its network tests are off, because they check the sender and not the mail.
// Unless RECOVERY_LONG is 1, the test checks every kind in English, and in each
// other language one kind in turn.
func TestSpamAssassin(t *testing.T) {
	t.Parallel()
	spamd := program(t, "spamd", "spamd")
	spamc := program(t, "spamc", "spamc")
	_, port, err := net.SplitHostPort(testenv.FreeAddr(t))
	must(t, err)
	args := []string{
		"--local", "--nouser-config", "--listen=127.0.0.1:" + port, "--syslog=stderr", "--helper-home-dir=" + t.TempDir(),
		"--max-children=" + strconv.Itoa(workers), "--min-children=" + strconv.Itoa(workers),
		// The mail comes from outside, so that SpamAssassin applies all rules.
		"--cf=trusted_networks 10.255.255.254", "--cf=internal_networks 10.255.255.254", "--cf=use_bayes 0",
	}
	if os.Getuid() == 0 {
		args = append(args, "--username=nobody")
	}
	daemon(t, "127.0.0.1:"+port, nil, spamd, args...)

	score := func(mail []byte) (points float64, report string, err error) {
		cmd := exec.CommandContext(t.Context(), spamc, "-d", "127.0.0.1", "-p", port, "-x", "-R")
		cmd.Stdin = bytes.NewReader(mail)
		out, err := cmd.Output()
		if err != nil {
			return 0, "", err
		}
		number, _, _ := strings.Cut(string(out), "/")
		points, err = strconv.ParseFloat(number, 64)
		return points, string(out), err
	}
	// If this SpamAssassin found no spam at all, the test would prove nothing.
	const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
	if points, _, err := score([]byte("Subject: x\r\n\r\n" + gtube + "\r\n")); err != nil || points < 100 {
		t.Fatalf("SpamAssassin gives its own test mail the score %.1f (%v)", points, err)
	}

	r := new(relay).startPiped(t)
	n := newNotifier(t, newSet(t), piped(r))
	var sent []recovery.Message
	for i, tag := range messages.Languages() {
		for j, kind := range kinds {
			if !testenv.Long() && i > 0 && i%len(kinds) != j {
				continue
			}
			m := sample(kind)
			m.Locale = tag.String()
			must(t, n.Notify(t.Context(), m))
			sent = append(sent, m)
		}
	}
	type result struct {
		points float64
		report string
		err    error
	}
	mails := r.taken()
	results := make([]result, len(mails))
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := worker; i < len(mails); i += workers {
				points, report, err := score(append(transit(mails[i].to[0]), mails[i].data...))
				results[i] = result{points, report, err}
			}
		})
	}
	wg.Wait()

	rules := regexp.MustCompile(`-?\d+\.\d [A-Z][A-Z0-9_]+`)
	hits := map[string]int{}
	highest := -100.0
	for i, m := range sent {
		r := results[i]
		must(t, r.err)
		if r.points >= maxScore {
			t.Errorf("%s in %s has the score %.1f\n%s", m.Kind, m.Locale, r.points, r.report)
		}
		highest = max(highest, r.points)
		for _, rule := range rules.FindAllString(r.report, -1) {
			hits[rule]++
		}
		t.Logf("%s in %s: %.1f", m.Kind, m.Locale, r.points)
	}
	t.Logf("the highest of %d scores is %.1f; rules that matched: %v", len(mails), highest, hits)
}

// transit holds the lines that the recipient's server and the host's relay add
// to a mail. Its addresses are not from the ranges for documentation, because
// SpamAssassin knows that those send no mail.
func transit(to string) []byte {
	date := time.Now().UTC().Format(time.RFC1123Z)
	return []byte("Return-Path: <no-reply@accounts.example.com>\r\n" +
		"Received: from relay.example.com (relay.example.com [93.184.216.34])\r\n" +
		"\tby mx.example.net (Postfix) with ESMTPS id 4Vx0R01k2Cz9sRk\r\n\tfor <" + to + ">; " + date + "\r\n" +
		"Received: from accounts.example.com (app1.example.com [93.184.216.35])\r\n" +
		"\tby relay.example.com (Postfix) with ESMTPSA id 4Vx0Qz1k2Cz9sRj\r\n\tfor <" + to + ">; " + date + "\r\n")
}
