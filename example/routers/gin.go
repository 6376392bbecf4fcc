package routers

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Gin returns the application with the router gin. The access log is that of
// gin.Default, which writes the whole URL to gin.DefaultWriter.
func Gin(h *Host) http.Handler {
	r := gin.Default()
	r.Any("/api/*path", gin.WrapH(h.service.Handler()))
	r.Any("/account/*path", gin.WrapH(h.pages))
	r.GET("/.well-known/change-password", gin.WrapH(h.pages))
	r.POST("/sign-in", gin.WrapF(h.signIn))
	r.GET("/me", func(c *gin.Context) {
		c.String(http.StatusOK, h.sessions.LeadID(c.Request.Context()))
	})
	return h.outermost(r)
}
