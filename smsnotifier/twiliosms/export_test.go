package twiliosms

import "net/http"

// Transport returns the transport that sends the requests.
func (p *Provider) Transport() http.RoundTripper { return p.transport }
