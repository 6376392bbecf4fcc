package recovery_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
)

// A request with the longest of everything, and data that JSON writes longest, fits
// into a job: 16 KiB in all.
func TestLongestJobWithHostData_A105(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name := strings.Repeat("b", 64)
		long := brandOf("acme")
		long.Name = name
		data := func(prefix string) map[string]string {
			d := map[string]string{}
			for i := range 16 {
				d[fmt.Sprintf("%s%02d", prefix, i)] = strings.Repeat(`\`, 125)
			}
			return d
		}
		labels := map[string]string{}
		for i := range 8 {
			labels[fmt.Sprintf("label%d", i)] = strings.Repeat(`"`, 64)
		}
		longest := 0
		var queue *heldQueue
		p := branded(t, func(p *portal, o *recovery.Options) {
			queue = &heldQueue{}
			o.Queue = queue
			l := lead("long", recovery.StatusActive)
			l.Brand, l.Data = name, data("l")
			p.leads.Add(l, "")
			o.ReturnTo = []string{"https://acme.example"}
		}, long)
		req := byMail("long@example.com")
		req.Brand, req.Data, req.Template, req.Labels = name, data("r"), strings.Repeat("t", 128), labels
		req.ReturnTo = "https://acme.example/" + strings.Repeat("r", 480)
		req.Link = &recovery.Link{URL: "https://acme.example/" + strings.Repeat("x", 2000)}
		req.Requester.AcceptLanguage, req.Requester.Caller = strings.Repeat("en,", 42), strings.Repeat("c", 128)
		if _, err := p.ForgotPassword(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for _, job := range queue.take() {
				longest = max(longest, len(job.Payload))
				if err := p.Perform(t.Context(), job); err != nil {
					t.Fatal(err)
				}
			}
		}
		m := p.outbox.Messages()[0]
		if _, err := p.ResetPassword(t.Context(), recovery.ResetRequest{Proof: recovery.TokenProof(token(t, m)), Password: recovery.NewSecret(goodPassword), Brand: name, Data: data("r"), Labels: labels}); err != nil {
			t.Fatal(err)
		}
		for _, job := range queue.take() {
			longest = max(longest, len(job.Payload))
		}
		if longest > 16<<10 || longest < 9<<10 || len(m.Data) != 32 {
			t.Errorf("a payload of %d bytes, want 9 to 16 KiB, and %d data, want 32", longest, len(m.Data))
		}
	})
}
