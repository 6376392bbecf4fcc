package browsertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// A Request is a request of a tab. A redirect leads to another Request.
type Request struct {
	URL, Method string
	// Document says that the request is for a page or a frame, and not for a
	// file that one of them needs.
	Document bool
	// Header is the header that was sent, cookies included, if the request went
	// to the network.
	Header http.Header
	// Status is the status of the answer, or 0 where there was no answer.
	Status int
	// Bytes is the size of the answer on the wire, header included. Done says
	// that the whole answer has arrived.
	Bytes int
	Done  bool
}

// record has what a tab did. Events arrive on a goroutine of their own.
type record struct {
	mu         sync.Mutex
	requests   []*Request
	byID       map[network.RequestID]*series
	complaints []string
	loaded     chan struct{} // has one value if a page was loaded since the last read
}

// series are the requests with one ID, which redirects share. The browser
// reports the headers that were sent apart from the requests, earlier or later,
// in the same order.
type series struct {
	requests []*Request
	sent     []http.Header
}

func (s *series) match() {
	for i := range min(len(s.requests), len(s.sent)) {
		s.requests[i].Header = s.sent[i]
	}
}

// Requests returns every request so far, oldest first.
func (r *record) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Request, len(r.requests))
	for i, q := range r.requests {
		all[i] = *q
	}
	return all
}

// TakeRequests returns the requests since the last call.
func (r *record) TakeRequests() []Request {
	all := r.Requests()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = slices.Clone(r.requests[len(all):])
	return all
}

// Complaints returns the complaints of the browser, oldest first. These are
// messages on the console, exceptions, entries of its log such as violations of
// a policy, and the issues that its developer tools show.
func (r *record) Complaints() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.complaints)
}

func (r *record) of(id network.RequestID) *series {
	s := r.byID[id]
	if s == nil {
		s = &series{}
		r.byID[id] = s
	}
	return s
}

// last returns the request that an answer belongs to.
func (r *record) last(id network.RequestID) *Request {
	s := r.of(id)
	if len(s.requests) == 0 {
		return &Request{}
	}
	return s.requests[len(s.requests)-1]
}

// note records an event of the tab.
func (r *record) note(event any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	complain := func(format string, args ...any) { r.complaints = append(r.complaints, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.RedirectResponse != nil {
			q := r.last(e.RequestID)
			q.Status, q.Bytes, q.Done = int(e.RedirectResponse.Status), int(e.RedirectResponse.EncodedDataLength), true
		}
		q := &Request{URL: e.Request.URL + e.Request.URLFragment, Method: e.Request.Method, Header: header(e.Request.Headers), Document: e.Type == network.ResourceTypeDocument}
		r.requests = append(r.requests, q)
		s := r.of(e.RequestID)
		s.requests = append(s.requests, q)
		s.match()
	case *network.EventRequestWillBeSentExtraInfo:
		s := r.of(e.RequestID)
		s.sent = append(s.sent, header(e.Headers))
		s.match()
	case *network.EventResponseReceived:
		r.last(e.RequestID).Status = int(e.Response.Status)
	case *network.EventLoadingFinished:
		q := r.last(e.RequestID)
		q.Bytes, q.Done = int(e.EncodedDataLength), true
	case *network.EventLoadingFailed:
		r.last(e.RequestID).Done = true
	case *page.EventLoadEventFired:
		select {
		case r.loaded <- struct{}{}:
		default:
		}
	case *runtime.EventConsoleAPICalled:
		var args []string
		for _, a := range e.Args {
			args = append(args, string(a.Value)+a.Description)
		}
		complain("console.%s: %s", e.Type, strings.Join(args, " "))
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
		complain("exception: %s", text)
	case *log.EventEntryAdded:
		complain("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
	case *audits.EventIssueAdded:
		details, err := json.Marshal(e.Issue.Details)
		if err != nil {
			details = []byte(err.Error())
		}
		complain("%s: %s", e.Issue.Code, details)
	}
}

func header(h network.Headers) http.Header {
	all := http.Header{}
	for name, value := range h {
		all.Set(name, fmt.Sprint(value))
	}
	return all
}
