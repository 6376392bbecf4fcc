package routers

import (
	"io"
	"log"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// Chi returns the application with the router chi. The access log is that of
// middleware.Logger, which writes the whole URL.
func Chi(h *Host, accessLog io.Writer) http.Handler {
	r := chi.NewRouter()
	// middleware.Logger is the same with os.Stdout.
	r.Use(middleware.RequestLogger(&middleware.DefaultLogFormatter{Logger: log.New(accessLog, "", log.LstdFlags), NoColor: true}))
	r.Mount("/api", h.service.Handler())
	r.Mount("/account", h.pages)
	r.Handle("/.well-known/change-password", h.pages)
	r.Post("/sign-in", h.signIn)
	r.Get("/me", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, h.sessions.LeadID(r.Context()))
	})
	return h.outermost(r)
}
