package routers

import (
	"io"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// Echo returns the application with the router echo. The access log has the
// whole URL and the Referer.
func Echo(h *Host, accessLog io.Writer) http.Handler {
	e := echo.New()
	lines := slog.New(slog.NewTextHandler(accessLog, nil))
	e.Use(middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{
		LogMethod: true, LogURI: true, LogReferer: true, LogStatus: true,
		LogValuesFunc: func(_ echo.Context, v middleware.RequestLoggerValues) error {
			lines.Info("request", "method", v.Method, "uri", v.URI, "referer", v.Referer, "status", v.Status)
			return nil
		},
	}))
	e.Any("/api/*", echo.WrapHandler(h.service.Handler()))
	e.Any("/account/*", echo.WrapHandler(h.pages))
	e.GET("/.well-known/change-password", echo.WrapHandler(h.pages))
	e.POST("/sign-in", echo.WrapHandler(http.HandlerFunc(h.signIn)))
	e.GET("/me", func(c echo.Context) error {
		return c.String(http.StatusOK, h.sessions.LeadID(c.Request().Context()))
	})
	return h.outermost(e)
}
