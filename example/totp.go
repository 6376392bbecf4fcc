package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/seed-51359b35/recovery"
)

// demoTOTPSecret is the secret of John's authenticator app, in base32. A real portal
// draws one for each person, and keeps it encrypted.
const demoTOTPSecret = "ONSWK3JTN52WOZDFNVXS2Y3BMVZGK4DP"

// totpURL is what an authenticator app reads from a QR code.
func totpURL() string {
	query := url.Values{"secret": {demoTOTPSecret}, "issuer": {product}}
	return "otpauth://totp/" + url.PathEscape(product+":"+demoEmail) + "?" + query.Encode()
}

// secondFactor has John present the code of an authenticator app when he sets a new
// password. The limiter is one that instances share, if there are several.
func secondFactor(limiter recovery.Limiter) recovery.SecondFactorOptions {
	return recovery.SecondFactorOptions{
		// A real portal looks whether the person has a secret.
		Needed: func(_ context.Context, lead recovery.Lead) (bool, error) { return lead.ID == demoLeadID, nil },
		Verify: func(ctx context.Context, lead recovery.Lead, code recovery.Secret) (bool, error) {
			passcode := strings.ReplaceAll(code.Reveal(), " ", "") // apps show "123 456"
			if !totp.Validate(passcode, demoTOTPSecret) {
				return false, nil
			}
			// It is valid for 90 seconds, and must be accepted once. Whoever stores
			// the secret in a database can store the last step that was used beside it,
			// and compare and set it in one statement.
			decisions, err := limiter.Allow(ctx, recovery.LimitRequest{
				Key:    "totp:" + lead.ID + ":" + passcode,
				Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: 2 * time.Minute}}},
			})
			if err != nil {
				return false, err
			}
			return decisions[0].Allowed, nil
		},
	}
}
