package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/seed-51359b35/recovery"
)

// helpDeskPath is where the API of the help desk is.
const helpDeskPath = "/help-desk/"

// helpDesk returns the API for the tool of a help desk. It is on the same listener
// only because this is a demo: whoever has its key can take over any account, so it
// belongs on an internal one. A real tool authenticates the operator before it calls.
func helpDesk(service *recovery.Service, c config) (http.Handler, error) {
	if c.helpDesk == "" {
		return http.NotFoundHandler(), nil
	}
	h, err := service.HelpDeskHandler(recovery.APIKey{ID: "help-desk", Secret: recovery.NewSecret(c.helpDesk)})
	if err != nil {
		return nil, fmt.Errorf("-help-desk: %w", err)
	}
	return h, nil
}

// checkHelpDesk refuses a key that a shell would read otherwise, because the banner
// quotes it.
func checkHelpDesk(key string) error {
	if len(key) < 16 || strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=") != "" {
		return usageError{fmt.Errorf("-help-desk: the key must be at least 16 of A-Z, a-z, 0-9 and -._~+/=")}
	}
	return nil
}

// helpDeskLines adds the curl lines of the help desk to the banner.
func helpDeskLines(c config, local string, section func(format string, args ...any), line func(expect string, parts ...string)) {
	if c.helpDesk == "" {
		return
	}
	desk := local + helpDeskPath
	bearer := "-H 'Authorization: Bearer " + c.helpDesk + "' "
	who := `"leadId":"` + demoLeadID + `"`
	section("Help desk: a link, what is pending, and an end to all of it:")
	line("200", show, asJSON, bearer, `-d '{`+who+`,"operator":"Ada Byron","kind":"link"}' `, quote(desk+"issue"))
	line("200", show, asJSON, bearer, `-d '{`+who+`}' `, quote(desk+"pending"))
	line("204", show, asJSON, bearer, `-d '{`+who+`,"operator":"Ada Byron"}' `, quote(desk+"revoke"))
	section("Help desk, a code to be read out; it resets once, and is refused the second time:")
	line("204 400", twice(desk+"issue", `{`+who+`,"operator":"Ada Byron","kind":"code","ttl":"10m"}`, "code", eighthPassword,
		show+asJSON+`-d "{\"email\":\"`+demoEmail+`\",\"code\":\"$T\",\"password\":\"$P\"}" `+quote(local+"/reset-password"), bearer))
}
