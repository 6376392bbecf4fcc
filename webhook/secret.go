package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	secretPrefix = "whsec_"
	// Standard Webhooks, section "Signature scheme", allows 192 to 512 bits.
	minSecret, maxSecret = 24, 64
)

// GenerateSecret returns a new secret of 32 random bytes for an [Endpoint], in
// the form that the libraries of Standard Webhooks read.
func GenerateSecret() recovery.Secret {
	var b [32]byte
	// crypto/rand.Read does not fail: the runtime ends the program if the
	// system has no randomness (A30).
	_, _ = rand.Read(b[:])
	return recovery.NewSecret(secretPrefix + base64.StdEncoding.EncodeToString(b[:]))
}

// parseSecret returns the key in a secret. It accepts one spelling of a key
// only. If a receiver's library read another spelling differently, or not at
// all, the host would notice only when deliveries fail. No error quotes the
// secret.
func parseSecret(s recovery.Secret) ([]byte, error) {
	text, ok := strings.CutPrefix(s.Reveal(), secretPrefix)
	if !ok {
		return nil, errors.New("must begin with " + secretPrefix)
	}
	// Even in strict mode, encoding/base64 ignores line breaks.
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("is not standard base64 after " + secretPrefix)
	}
	if len(key) < minSecret || len(key) > maxSecret {
		return nil, errors.New("has " + strconv.Itoa(len(key)) + " bytes, must have 24 to 64")
	}
	return key, nil
}

// A signer signs with every secret of an endpoint.
type signer []*standardwebhooks.Webhook

func newSigner(secrets []recovery.Secret) (signer, error) {
	var s signer
	for _, secret := range secrets {
		key, err := parseSecret(secret)
		if err != nil {
			return nil, err
		}
		w, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, err
		}
		s = append(s, w)
	}
	return s, nil
}

// sign sets the three headers of Standard Webhooks. The time is the time of the
// attempt and not of the event. Receivers accept a difference of five minutes,
// so with the time of the event they would refuse every later attempt as a
// replay.
func (s signer) sign(h http.Header, webhookID string, at time.Time, body []byte) error {
	signatures := make([]string, len(s))
	for i, w := range s {
		var err error
		if signatures[i], err = w.Sign(webhookID, at, body); err != nil {
			return err
		}
	}
	h.Set(standardwebhooks.HeaderWebhookID, webhookID)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}
