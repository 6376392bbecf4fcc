package recovery_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// goldenHandles is what one version sealed, gave out and stored for whoever asks for
// a code.
type goldenHandles struct {
	Time  time.Time // when it was written
	Key   []byte
	Asked []goldenAsked
}

// A goldenAsked is a code that somebody asked for.
type goldenAsked struct {
	Name    string
	Version string // of the lead
	Handle  string
	Client  netip.Addr
	Job     recovery.Job // of the delivery
	Code    string
	Stored  goldenStored
}

func TestGoldenHandles(t *testing.T) {
	testenv.GoldenIn(t, "handles", writeGoldenHandles, readGoldenHandles)
}

// handlesPortal has John in the version that a code was made for, and performs jobs
// on demand.
func handlesPortal(t *testing.T, a goldenAsked, keys ...[]byte) *goldenPortal {
	t.Helper()
	john, err := newLeads().FindLead(t.Context(), byMail(johnMail).Key)
	if err != nil {
		t.Fatal(err)
	}
	john.Version = a.Version
	return goldenService(t, golden{Lead: john}, keys...)
}

func writeGoldenHandles(t *testing.T) (v goldenHandles) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(90*time.Minute + 123456789)
		v = goldenHandles{Time: time.Now().UTC(), Key: testKey(1)}
		for _, name := range []string{"a handle", "a network", "a known device"} {
			a := goldenAsked{Name: name, Version: "7", Client: netip.MustParseAddr("192.0.2.7")}
			g := handlesPortal(t, a, v.Key)
			req := byPhone()
			req.Requester.Client = a.Client
			switch name {
			case "a handle":
				handle, err := g.NewHandle()
				must(t, err)
				req.Handle = handle
			case "a known device":
				req.Requester.Device = newDevice(t, g.portal, johnID, "")
			}
			result, err := g.ForgotPassword(t.Context(), req)
			must(t, err)
			must(t, g.Perform(t.Context(), g.queue.take()[0]))
			a.Handle, a.Job = result.Handle, g.queue.take()[0]
			a.Job.NotBefore, a.Job.NotAfter = a.Job.NotBefore.UTC(), a.Job.NotAfter.UTC()
			must(t, g.Perform(t.Context(), a.Job))
			a.Code, a.Stored = g.last(t).Code.Reveal(), g.store.puts[0]
			v.Asked = append(v.Asked, a)
		}
	})
	return v
}

func readGoldenHandles(t *testing.T, v goldenHandles) {
	if len(v.Asked) < 3 {
		t.Fatal("the file has not all that it should have")
	}
	for _, keys := range [][][]byte{{v.Key}, {testKey(99), v.Key}} {
		for _, a := range v.Asked {
			for _, what := range []string{"job", "stored"} {
				t.Run(a.Name+"/"+what, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						time.Sleep(time.Until(v.Time))
						g := handlesPortal(t, a, keys...)
						if what == "job" {
							must(t, g.Perform(t.Context(), a.Job))
						} else {
							_, err := g.store.Put(t.Context(), a.Stored.Slot, a.Stored.Spec)
							must(t, err)
						}
						proof := recovery.CodeProof(byPhone().Key, a.Code)
						if a.Name != "a handle" {
							if err := g.checkAt(t, proof, a.Client.String()); err != nil {
								t.Errorf("the code, from the network that it was asked for from: %v", err)
							}
						}
						wantErr(t, g.checkAt(t, proof, "198.51.100.7"), recovery.ErrInvalidProof)
						if err := g.reset(t.Context(), proof.WithHandle(a.Handle), goodPassword); err != nil {
							t.Errorf("the code, with its handle: %v\n%s", err, g.log)
						}
					})
				})
			}
		}
	}
}

// FuzzSealedHandle holds every text that is not a handle of this Service to this: nothing
// panics, it opens no code, and a request with it gets a new one.
func FuzzSealedHandle(f *testing.F) {
	for _, s := range []string{"", "abc", "1", "1OTQ2Njg0ODAw", "2OTQ2Njg0ODAw", "1\n", string(make([]byte, 300))} {
		f.Add(s)
	}
	p := newPortal(f, func(p *portal, o *recovery.Options) { p.leads.calls, o.Logger = nil, quiet })
	own, err := p.NewHandle()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own[:len(own)-1])
	f.Fuzz(func(t *testing.T, handle string) {
		if handle == own || handle == "" {
			return
		}
		req := byPhone()
		req.Key.Value, req.Handle = "+14155550100", handle // nobody's
		result, err := p.ForgotPassword(t.Context(), req)
		if err != nil || result.Handle == handle || result.Handle == "" {
			t.Errorf("%q: the answer has the handle %q, %v", handle, result.Handle, err)
		}
		wantErr(t, p.check(t.Context(), recovery.CodeProof(byPhone().Key, "12345678").WithHandle(handle)), recovery.ErrInvalidProof)
	})
}
