package httpsms

import "net/http"

// Client is what makes the requests.
func (p *Provider) Client() *http.Client { return p.client }
