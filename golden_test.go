package recovery_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// golden is what one version sealed, gave out and stored.
type golden struct {
	Time   time.Time // when it was written
	Key    []byte
	Lead   recovery.Lead
	Jobs   []goldenJob
	Stored []goldenStored
	NotMe  []goldenNotMe
	Device string `json:",omitzero"` // which the golden lead's browser keeps

	Returns []goldenReturn `json:",omitzero"`
}

// A goldenJob waits in a queue.
type goldenJob struct {
	Name   string
	Job    recovery.Job
	Proofs []goldenProof // what the job carries, as it was given out
	// Mailed is the token that the message carries, to the letter, where the
	// job and not its performance decides that.
	Mailed string `json:",omitzero"`
	// About is what the link "this was not me" in the message is about, where
	// the job decides that.
	About string `json:",omitzero"`
	Does  goldenOutcome
}

// A goldenOutcome is what performing a job does.
type goldenOutcome struct {
	Messages      []goldenMessage
	SessionsEnded []string
	EndsTokens    bool // also those that the lead had before
}

// A goldenMessage is what a job says of the message that it sends.
type goldenMessage struct {
	ID             string `json:",omitzero"` // empty where it is drawn anew
	Kind           goldenKind
	Channel        recovery.Channel
	To             string
	LeadID         string
	Name           string
	Locale         string
	Languages      string
	Template       string
	Link           string `json:",omitzero"` // without the parameters "token" and "return_to"
	ReturnTo       string `json:",omitzero"` // the place that the link carries
	RequestedAt    time.Time
	Client         netip.Addr
	Caller         string // of the event, as the next one
	PreventWebhook bool
	Labels         map[string]string `json:",omitzero"` // but LabelNoWebhook, as the first file has no other
}

// otherLabels are the labels but LabelNoWebhook, or nil.
func otherLabels(labels map[string]string) (others map[string]string) {
	for name, value := range labels {
		if name == recovery.LabelNoWebhook {
			continue
		}
		if others == nil {
			others = map[string]string{}
		}
		others[name] = value
	}
	return others
}

// A goldenProof is a link, a code or an issued token in somebody's hands.
type goldenProof struct {
	LeadID string           `json:",omitzero"`
	Secret string           `json:",omitzero"`
	Sealed string           `json:",omitzero"`
	Key    recovery.LeadKey `json:",omitzero"`
	Code   string           `json:",omitzero"`
}

func (p goldenProof) proof() recovery.Proof {
	switch {
	case p.Code != "":
		return recovery.CodeProof(p.Key, p.Code)
	case p.Sealed != "":
		return recovery.TokenProof(p.Sealed)
	}
	return recovery.LinkSecretProof(p.LeadID, p.Secret)
}

// A goldenStored is a token as a store was given it.
type goldenStored struct {
	Name  string
	Slot  string
	Spec  recovery.TokenSpec
	Proof goldenProof
}

// goldenKind is a kind of message. The first golden file spells it with hyphens.
type goldenKind recovery.MessageKind

func (k *goldenKind) UnmarshalText(b []byte) error {
	*k = goldenKind(strings.ReplaceAll(string(b), "-", "_"))
	return nil
}

// A goldenNotMe is a link "this was not me" in a mailbox.
type goldenNotMe struct {
	Kind  goldenKind // of the message that it was in
	URL   string
	About string
}

// What an earlier version sealed, gave out or stored is read by this one: with
// the same key, and with that key behind a new one.
func TestGolden(t *testing.T) {
	testenv.Golden(t, writeGolden, readGolden)
}

// goldenStore keeps what it is given to put, and fails to delete on demand.
type goldenStore struct {
	recovery.TokenStore
	puts []goldenStored
	fail error
}

func (s *goldenStore) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	s.puts = append(s.puts, goldenStored{Slot: slot, Spec: spec})
	return s.TokenStore.Put(ctx, slot, spec)
}

func (s *goldenStore) Delete(ctx context.Context, slots ...string) error {
	if s.fail != nil {
		return s.fail
	}
	return s.TokenStore.Delete(ctx, slots...)
}

// A goldenPortal is a Service whose jobs wait until the test performs them.
type goldenPortal struct {
	*portal
	queue *heldQueue
	store *goldenStore
}

// goldenService returns a fresh Service with the golden lead.
func goldenService(t *testing.T, v golden, keys ...[]byte) *goldenPortal {
	t.Helper()
	for _, key := range keys {
		testenv.AcceptKey(t, key)
	}
	g := &goldenPortal{queue: &heldQueue{}, store: &goldenStore{TokenStore: recovery.NewMemoryTokenStore()}}
	g.portal = notMePortal(t, func(p *portal, o *recovery.Options) {
		o.Keys, o.Queue, p.tokens, o.ReturnTo = keys, g.queue, g.store, places
		p.leads.Add(v.Lead, "")
		p.leads.SetHooks(g.hooks(v))
	})
	return g
}

// hooks give the lead the version that its tokens were made for, until its
// password is another one.
func (g *goldenPortal) hooks(v golden) recoverytest.LeadsHooks {
	return recoverytest.LeadsHooks{AfterFind: func(_ context.Context, _ recovery.LeadKey, lead recovery.Lead) (recovery.Lead, error) {
		if g.leads.Writes() == 0 {
			lead.Version = v.Lead.Version
		}
		return lead, nil
	}}
}

// perform performs a job and what follows from it, and says what that did.
func (g *goldenPortal) perform(t *testing.T, v golden, job recovery.Job) goldenOutcome {
	t.Helper()
	witness := g.link(t, v)
	sent, told := len(g.outbox.Messages()), len(g.events.of(recovery.EventMessageSent))
	g.ended = nil
	if err := g.Perform(t.Context(), job); err != nil {
		t.Fatalf("Perform: %v\n%s", err, g.log)
	}
	g.performAll(t, g.queue)
	out := goldenOutcome{SessionsEnded: g.ended}
	events := g.events.of(recovery.EventMessageSent)[told:]
	for i, m := range g.outbox.Messages()[sent:] {
		gm := goldenMessage{
			ID: m.ID, Kind: goldenKind(m.Kind), Channel: m.Channel, To: m.To, LeadID: m.LeadID, Name: m.Name, Locale: m.Locale,
			Languages: m.Languages, Template: m.Template, RequestedAt: m.RequestedAt.UTC(), Client: m.Client,
			Caller: events[i].Caller, PreventWebhook: events[i].Labels[recovery.LabelNoWebhook] != "",
			Labels: otherLabels(events[i].Labels),
		}
		if m.ID != job.ID {
			gm.ID = ""
		}
		if !m.URL.IsZero() {
			gm.Link = withoutToken(t, m.URL.Reveal())
			gm.ReturnTo = g.OpenReturnTo(returnTo(t, m.URL.Reveal()))
		}
		out.Messages = append(out.Messages, gm)
	}
	out.EndsTokens = g.check(t.Context(), witness) != nil
	return out
}

func withoutToken(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Del("token")
	q.Del("return_to")
	u.RawQuery = q.Encode()
	return u.String()
}

// link has a link sent to the golden lead.
func (g *goldenPortal) link(t *testing.T, v golden) recovery.Proof {
	t.Helper()
	before := len(g.outbox.Messages())
	g.ask(t, byMail(v.Lead.Fields["EmailAddress"].Value))
	if n := g.performAll(t, g.queue); n != 1 {
		t.Fatalf("%d messages\n%s", n, g.log)
	}
	return recovery.TokenProof(token(t, g.outbox.Messages()[before]))
}

func (g *goldenPortal) ask(t *testing.T, req recovery.ForgotRequest) {
	t.Helper()
	if _, err := g.ForgotPassword(t.Context(), req); err != nil {
		t.Fatal(err)
	}
}

// last returns the message that was sent last.
func (g *goldenPortal) last(t *testing.T) recovery.Message {
	t.Helper()
	all := g.outbox.Messages()
	if len(all) == 0 {
		t.Fatalf("no message was sent\n%s", g.log)
	}
	return all[len(all)-1]
}

// about says what a link "this was not me" is about: notices of one reset are
// about that, so that a click in another one is taken for a repetition.
func (g *goldenPortal) about(t *testing.T, token recovery.Secret) string {
	t.Helper()
	g.disown(t, token)
	told := g.events.of(recovery.EventNotMe)
	if len(told) == 0 {
		t.Fatal("the link did nothing")
	}
	return told[len(told)-1].JobID
}

func writeGolden(t *testing.T) golden {
	var v golden
	synctest.Test(t, func(t *testing.T) {
		// Nothing that was written is at a round time.
		time.Sleep(90*time.Minute + 123456789)
		v = golden{Time: time.Now().UTC(), Key: testKey(1), Lead: recovery.Lead{
			ID: johnID, Version: "7", Status: recovery.StatusActive, Name: "John Wick", Locale: "de",
			Fields: map[string]recovery.FieldValue{
				"EmailAddress":       {Value: johnMail, Verified: true},
				"Phone":              {Value: johnPhone, Verified: true},
				"mx_Alternate_Email": {Value: johnAlt, Verified: true},
			},
		}}
		v.Device = newDevice(t, goldenService(t, v, v.Key).portal, v.Lead.ID, "")
		job := func(name string, job recovery.Job, proofs ...goldenProof) {
			job.NotBefore, job.NotAfter = job.NotBefore.UTC(), job.NotAfter.UTC()
			g := goldenService(t, v, v.Key)
			written := goldenJob{Name: name, Job: job, Proofs: proofs, Does: g.perform(t, v, job)}
			if len(written.Does.Messages) > 0 && g.last(t).ID == job.ID {
				written.About = g.about(t, notMe(t, g.last(t)))
			}
			v.Jobs = append(v.Jobs, written)
		}
		writeGoldenRequests(t, &v, job)
		writeGoldenFollowUps(t, &v, job)
		if !time.Now().Equal(v.Time) {
			t.Error("time has passed meanwhile")
		}
	})
	return v
}

var goldenOrigin = recovery.Requester{
	Caller: "web", Client: netip.MustParseAddr("203.0.113.7"), AcceptLanguage: "de-CH, de;q=0.9",
}

// writeGoldenRequests writes what comes of requests for a token.
func writeGoldenRequests(t *testing.T, v *golden, job func(name string, job recovery.Job, proofs ...goldenProof)) {
	phone := recovery.LeadKey{Field: "Phone", Value: johnPhone}
	for _, r := range []struct {
		name  string
		req   recovery.ForgotRequest
		proof func(m recovery.Message) goldenProof
	}{
		{"forgot, a link", recovery.ForgotRequest{
			Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}, RecipientField: "mx_Alternate_Email",
			Template: "welcome", Labels: map[string]string{recovery.LabelNoWebhook: "true", "campaign": "spring"},
		}, func(m recovery.Message) goldenProof { return goldenProof{Sealed: token(t, m)} }},
		{"forgot, a link with the lead's ID", recovery.ForgotRequest{
			Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail},
			Link: &recovery.Link{
				URL: "https://other.example.com/pw?a=1&b=2", LeadIDParam: "LeadId", SecretParam: "Auth",
				Fixed: []recovery.LinkParam{{Name: "v", Value: "a&b"}},
			},
		}, func(m recovery.Message) goldenProof {
			return goldenProof{LeadID: linkParam(t, m, "LeadId"), Secret: linkParam(t, m, "Auth")}
		}},
		{"forgot, a link with a place to return to", recovery.ForgotRequest{
			Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}, ReturnTo: "https://app.example.com/cart?a=1&b=2",
		}, func(m recovery.Message) goldenProof { return goldenProof{Sealed: token(t, m)} }},
		{"forgot, a code", recovery.ForgotRequest{Key: phone, RecipientField: "Phone", Code: true},
			func(m recovery.Message) goldenProof { return goldenProof{Key: phone, Code: m.Code.Reveal()} }},
	} {
		g := goldenService(t, *v, v.Key)
		r.req.Requester = goldenOrigin
		r.req.Requester.Device = v.Device
		g.ask(t, r.req)
		jobs := g.queue.take()
		if err := g.Perform(t.Context(), jobs[0]); err != nil {
			t.Fatal(err)
		}
		send := g.queue.take()[0] // which it handed over
		if err := g.Perform(t.Context(), send); err != nil {
			t.Fatal(err)
		}
		m := g.last(t)
		proof := r.proof(m)
		v.keepReturn(t, m, r.req.ReturnTo)
		job(r.name, jobs[0], proof)
		job("send: "+r.name, send, proof)
		v.NotMe = append(v.NotMe, goldenNotMe{goldenKind(m.Kind), m.NotMe.Reveal(), m.ID})
		g.store.puts[0].Name, g.store.puts[0].Proof = r.name, proof
		v.Stored = append(v.Stored, g.store.puts[0])
	}
	for _, send := range []bool{false, true} {
		g := goldenService(t, *v, v.Key)
		issued, err := g.IssueToken(t.Context(), recovery.IssueRequest{
			Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}, Send: send, Template: "invitation",
			Labels: map[string]string{recovery.LabelNoWebhook: "true"}, Requester: goldenOrigin,
		})
		if err != nil {
			t.Fatal(err)
		}
		proof := goldenProof{Sealed: issued.Token.Reveal()}
		name := "issued"
		if send {
			name = "issued and sent"
			job("deliver, an issued token", g.queue.take()[0], proof)
			v.Jobs[len(v.Jobs)-1].Mailed = proof.Sealed
		}
		g.store.puts[0].Name, g.store.puts[0].Proof = name, proof
		v.Stored = append(v.Stored, g.store.puts[0])
	}
}

// writeGoldenFollowUps writes what comes after a reset.
func writeGoldenFollowUps(t *testing.T, v *golden, job func(name string, job recovery.Job, proofs ...goldenProof)) {
	failure := errors.New("down")
	// reset has a thief reset the password, and returns the jobs of that.
	reset := func() (*goldenPortal, []recovery.Job) {
		g := goldenService(t, *v, v.Key)
		link := g.link(t, *v)
		g.sessions = func(context.Context, string) error { return failure }
		_, err := g.ResetPassword(t.Context(), recovery.ResetRequest{
			Proof: link, Password: recovery.NewSecret(goodPassword), Labels: map[string]string{recovery.LabelNoWebhook: "true"}, Requester: goldenOrigin,
		})
		if err != nil {
			t.Fatal(err)
		}
		jobs := g.queue.take()
		if len(jobs) != 4 { // of the sessions, and of three notices
			t.Fatalf("%d jobs", len(jobs))
		}
		return g, jobs
	}
	// disown has the person say that it was not her, and returns what is left
	// to do.
	disown := func(g *goldenPortal, m recovery.Message, want int) []recovery.Job {
		_, err := g.NotMe(t.Context(), recovery.NotMeRequest{Token: notMe(t, m), Requester: goldenOrigin})
		if err != nil {
			t.Fatal(err)
		}
		jobs := g.queue.take()
		if len(jobs) != want {
			t.Fatalf("%d jobs, want %d", len(jobs), want)
		}
		return jobs
	}
	for _, what := range []string{"the token store fails", "the lead store fails", "nothing fails"} {
		g, jobs := reset()
		if err := g.Perform(t.Context(), jobs[1]); err != nil {
			t.Fatal(err)
		}
		notice := g.last(t)
		switch what {
		case "the token store fails":
			job("sessions, after a reset", jobs[0])
			job("notice, by e-mail", jobs[1])
			job("notice, by text message", jobs[2])
			about := goldenService(t, *v, v.Key).about(t, notMe(t, notice))
			v.NotMe = append(v.NotMe, goldenNotMe{goldenKind(notice.Kind), notice.NotMe.Reveal(), about})
			g.store.fail = failure
			jobs = disown(g, notice, 2)
			job("sessions, after \"this was not me\"", jobs[0])
			job("not-me, tokens not ended", jobs[1])
		case "the lead store fails":
			g.leads.SetHooks(recoverytest.LeadsHooks{Find: func(context.Context, recovery.LeadKey) error { return failure }})
			job("not-me, tokens ended", disown(g, notice, 2)[1])
		case "nothing fails":
			g.sessions = nil
			job("deliver, after \"this was not me\"", disown(g, notice, 2)[0])
		}
	}
	g := goldenService(t, *v, v.Key)
	g.link(t, *v)
	g.store.fail = failure
	job("not-me, of a link", disown(g, g.last(t), 1)[0])
}

func readGolden(t *testing.T, v golden) {
	if len(v.Jobs) == 0 || len(v.Stored) == 0 || len(v.NotMe) == 0 {
		t.Fatal("the file has not all that it should have")
	}
	for _, keys := range []struct {
		name string
		all  [][]byte
	}{
		{"its key", [][]byte{v.Key}},
		{"its key behind a new one", [][]byte{testKey(99), v.Key}},
	} {
		// at runs f at the time of the file, with a fresh Service.
		at := func(name string, f func(t *testing.T, g *goldenPortal)) {
			t.Run(keys.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Until(v.Time))
					f(t, goldenService(t, v, keys.all...))
				})
			})
		}
		for _, j := range v.Jobs {
			at("job/"+j.Name, func(t *testing.T, g *goldenPortal) { readGoldenJob(t, v, j, g) })
		}
		for _, s := range v.Stored {
			at("stored/"+s.Name, func(t *testing.T, g *goldenPortal) {
				if _, err := g.store.Put(t.Context(), s.Slot, s.Spec); err != nil {
					t.Fatal(err)
				}
				g.resets(t, v, s.Proof.proof())
			})
		}
		if v.Device != "" {
			at("device", func(t *testing.T, g *goldenPortal) { readGoldenDevice(t, v, g, keys.all) })
		}
		for _, r := range v.Returns {
			at("return to", func(t *testing.T, g *goldenPortal) { readGoldenReturn(t, r, g) })
		}
		for _, n := range v.NotMe {
			at("not me/"+string(n.Kind), func(t *testing.T, g *goldenPortal) { readGoldenNotMe(t, v, n, g) })
		}
	}
}

func readGoldenJob(t *testing.T, v golden, j goldenJob, g *goldenPortal) {
	does := g.perform(t, v, j.Job)
	message := g.last(t)
	got, want := indented(t, does), indented(t, j.Does)
	if got != want {
		t.Errorf("the job does\n%s\nwant\n%s", got, want)
	}
	if j.Mailed != "" && token(t, message) != j.Mailed {
		t.Errorf("the message carries %q, want %q", token(t, message), j.Mailed)
	}
	// What was given out while the job waited is good once it is done.
	for _, p := range j.Proofs {
		if err := g.check(t.Context(), p.proof()); err != nil {
			t.Errorf("CheckProof of what was given out: %v", err)
		}
	}
	if len(j.Proofs) > 0 {
		g.resets(t, v, j.Proofs[0].proof())
	} else if len(does.Messages) > 0 && recovery.MessageKind(message.Kind) == recovery.MessageResetLink {
		g.resets(t, v, recovery.TokenProof(token(t, message)))
	}
	if j.About != "" {
		if got := g.about(t, notMe(t, message)); got != j.About {
			t.Errorf("the message is about %q, want %q", got, j.About)
		}
	}
}

// resets shows that a proof resets the password, once.
func (g *goldenPortal) resets(t *testing.T, v golden, p recovery.Proof) {
	t.Helper()
	g.sessions = nil
	if err := g.reset(t.Context(), p, goodPassword); err != nil {
		t.Errorf("reset: %v\n%s", err, g.log)
	}
	if got := g.leads.Hash(v.Lead.ID); got != "fast:"+goodPassword {
		t.Errorf("hash %q", got)
	}
	wantErr(t, g.reset(t.Context(), p, goodPassword), recovery.ErrInvalidProof)
}

func readGoldenNotMe(t *testing.T, v golden, n goldenNotMe, g *goldenPortal) {
	u, err := url.Parse(n.URL)
	if err != nil {
		t.Fatal(err)
	}
	token := recovery.NewSecret(u.Query().Get("token"))
	if got, err := g.CheckNotMe(t.Context(), recovery.NotMeRequest{Token: token}); err != nil || got.Message != recovery.MessageKind(n.Kind) {
		t.Errorf("CheckNotMe: %q, %v", got.Message, err)
	}
	witness := g.link(t, v)
	before := len(g.outbox.Messages())
	if kind := g.disown(t, token); kind != recovery.MessageKind(n.Kind) {
		t.Errorf("NotMe: %q, want %q", kind, n.Kind)
	}
	wantErr(t, g.check(t.Context(), witness), recovery.ErrInvalidProof)
	told := g.events.of(recovery.EventNotMe)
	if len(told) != 1 || told[0].JobID != n.About || told[0].LeadID != v.Lead.ID {
		t.Errorf("events %+v, want one about %q", told, n.About)
	}
	g.performAll(t, g.queue)
	var ended, to []string
	if recovery.MessageKind(n.Kind) == recovery.MessagePasswordChanged {
		ended, to = []string{v.Lead.ID}, []string{johnMail, johnAlt}
	}
	var got []string
	for _, m := range g.outbox.Messages()[before:] {
		got = append(got, m.To)
	}
	if !slices.Equal(g.ended, ended) || !slices.Equal(got, to) {
		t.Errorf("sessions ended of %q, messages to %q; want %q and %q", g.ended, got, ended, to)
	}
}

// readGoldenDevice shows that the device is served although the limits of
// strangers are used up.
func readGoldenDevice(t *testing.T, v golden, g *goldenPortal, keys [][]byte) {
	limited := newPortal(t, func(p *portal, o *recovery.Options) {
		noneForPeople(o)
		o.Keys, p.leads = keys, g.leads
	})
	if !served(t, limited, "") || served(t, limited, "") || !served(t, limited, v.Device) {
		t.Error("the device is not known")
	}
}

func indented(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
