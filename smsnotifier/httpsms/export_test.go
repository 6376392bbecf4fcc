package httpsms

import "net/http"

// Client returns the client that sends the requests.
func (p *Provider) Client() *http.Client { return p.client }
