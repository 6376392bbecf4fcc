package recovery

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/seal"
	"github.com/seed-51359b35/recovery/internal/strictjson"
)

// A handle is good for handleTTL, and for handleRest more with a code that was asked
// for at the end of that time. The code can wait in a queue for as long as it then
// lives, and the rest is for clocks that differ.
const (
	handleTTL  = time.Hour
	handleRest = 3 * maxCodeTTL
)

// maxHandle is the longest handle, in bytes.
const maxHandle = 256

// An asker tells apart who asks for codes and who types them: 128 bits, in
// base64url. It is the Handle of a code in the [TokenStore]. The asker of a code of
// an earlier version is empty.
type asker string

func newAsker(b []byte) asker { return asker(base64.RawURLEncoding.EncodeToString(b[:16])) }

// NewHandle returns a handle for somebody who is about to ask for a code. It is a text
// of up to 256 characters of A-Z, a-z, 0-9, '-' and '_', and is good for an hour. The
// error says that it could not be sealed. A page keeps it, for
// example in a cookie, and sends it along with the request for the code
// ([ForgotRequest].Handle) and with the code ([Proof.WithHandle]).
//
// A code works only with the handle that it was asked for with. So whoever has
// another one can neither end it by wrong guesses, nor replace it, nor use it (A100).
// A handle proves nothing and names nobody, and is no secret of the account: it is
// as good for one person as for another. Whoever knows it can spoil the codes that
// are asked for with it, so it should not leave the browser.
func (s *Service) NewHandle() (string, error) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see newSecret
	return s.keys.handles.Seal(b[:])
}

// WithHandle returns the proof of a code with the handle that the code was asked for
// with: [ForgotResult].Handle. Without one, or with the empty string, the code must
// be typed from the network that it was asked for from. For other proofs than codes a
// handle has no meaning.
func (p Proof) WithHandle(handle string) Proof {
	p.handle = handle
	return p
}

// askerFor returns who asks for a code, and the handle for the answer. A handle that
// is too old, or that this Service cannot open, is replaced by a new one: the page
// that sends it is left open for long, and the person wants a code now.
func (s *Service) askerFor(handle string, from Requester) (who asker, answer string, err error) {
	if handle == "" {
		b := s.keys.generations[0].networkAsker(s.clients.Bucket(from.Client))
		answer, err = s.keys.handles.Seal(b)
		return newAsker(b), answer, err
	}
	b, ok := s.openHandle(handle)
	if ok && time.Since(seal.Time(handle)) < handleTTL {
		return newAsker(b), handle, nil
	}
	if answer, err = s.NewHandle(); err != nil {
		return "", "", err
	}
	b, _ = s.openHandle(answer)
	return newAsker(b), answer, nil
}

func (s *Service) openHandle(handle string) ([]byte, bool) {
	b, _, err := s.keys.handles.Open(handle)
	return b, err == nil && len(b) == 16
}

// askersOf returns who types a code, under each generation of keys. It returns
// false if the handle cannot be opened.
func (s *Service) askersOf(handle string, from Requester) ([]asker, bool) {
	askers := make([]asker, len(s.keys.generations))
	bucket := s.clients.Bucket(from.Client)
	for i := range s.keys.generations {
		askers[i] = newAsker(s.keys.generations[i].networkAsker(bucket))
	}
	if handle == "" {
		return askers, true
	}
	b, ok := s.openHandle(handle)
	if !ok {
		return nil, false
	}
	for i := range askers {
		askers[i] = newAsker(b)
	}
	return askers, true
}

// networkAsker returns the 128 bits that stand for all clients of one network that
// send no handle. They are a MAC, so that a handle does not tell the network.
func (g *generation) networkAsker(bucket string) []byte {
	return g.digest.sum(nil, "asker", bucket)[:16]
}

// readHandle reads the handle of a request for a code. An empty one asks for a new
// one.
func (s *Service) readHandle(body *strictjson.Object, req *ForgotRequest) error {
	handle, given, err := body.String("handle")
	if err != nil {
		return err
	}
	if given && handle == "" && req.Code {
		if handle, err = s.NewHandle(); err != nil {
			return err
		}
	}
	req.Handle = handle
	return nil
}

// writeAccepted answers a request for a link or code.
func writeAccepted(w http.ResponseWriter, result ForgotResult) error {
	answer, err := json.Marshal(struct {
		Handle string `json:"handle,omitempty"`
	}{result.Handle})
	if err != nil {
		return err
	}
	httpapi.WriteJSON(w, http.StatusAccepted, jsonType, answer)
	return nil
}
