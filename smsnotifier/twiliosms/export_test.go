package twiliosms

import "net/http"

// Transport is what carries the requests.
func (p *Provider) Transport() http.RoundTripper { return p.transport }
