package twiliosms_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/smsnotifier"
	"github.com/seed-51359b35/recovery/smsnotifier/twiliosms"
)

// If the person has texted STOP, the error is permanent, so the queue does not
// try again.
func ExampleError() {
	unsubscribed := roundTripper(func(*http.Request) (*http.Response, error) {
		return answer(http.StatusBadRequest, `{"code":21610,"message":"The message From/To pair violates a blacklist rule.","status":400}`), nil
	})
	provider, err := twiliosms.New(twiliosms.Options{
		AccountSID:          "AC0123456789abcdef0123456789abcdef",
		APIKeySID:           "SK0123456789abcdef0123456789abcdef",
		APIKeySecret:        recovery.NewSecret("AbCdEfGhIjKlMnOpQrStUvWxYz012345"),
		MessagingServiceSID: "MG0123456789abcdef0123456789abcdef",
		Transport:           unsubscribed, // only for this example
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = provider.Send(context.Background(), smsnotifier.Text{To: "+4915123456789", Body: recovery.NewSecret("...")})
	if refusal, ok := errors.AsType[*twiliosms.Error](err); ok {
		fmt.Println(refusal.Code, errors.Is(err, recovery.ErrPermanent))
	}
	fmt.Println(err)
	// Output:
	// 21610 true
	// twiliosms: refused with error 21610 (status 400): recovery: permanent failure
}
