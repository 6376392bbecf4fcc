package httpsms_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/smsnotifier"
	"github.com/seed-51359b35/recovery/smsnotifier/httpsms"
)

// The example has both sides: a gateway that verifies requests, and the
// Provider that calls it.
func Example() {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwQ29uc3VsdA==" // from the host's secret store

	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	gateway := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err != nil || verifier.Verify(body, r.Header) != nil {
			http.Error(w, "", http.StatusUnauthorized)
			return
		}
		var text struct{ ID, To, Text string }
		if err := json.Unmarshal(body, &text); err != nil {
			http.Error(w, "", http.StatusBadRequest)
			return
		}
		fmt.Println("would send", len(text.Text), "characters once for", text.ID)
	}))
	defer gateway.Close()
	authorities := x509.NewCertPool()
	authorities.AddCert(gateway.Certificate())

	provider, err := httpsms.New(httpsms.Options{
		URL:     gateway.URL,
		Secrets: []recovery.Secret{recovery.NewSecret(secret)},
		// The gateway of this example is on the same machine.
		RootCAs:                          authorities,
		DangerouslyAllowPrivateAddresses: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(provider.Send(context.Background(), smsnotifier.Text{
		ID: "job-1", To: "+4915123456789", Country: "DE", Body: recovery.NewSecret("12345678 is your code"), Segments: 1, GSM7: true,
	}))
	// Output:
	// would send 21 characters once for job-1
	// <nil>
}
