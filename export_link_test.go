package recovery

// RenderLink is what a mailed URL is made with.
func RenderLink(l Link, name, value string) string { return l.render([]LinkParam{{name, value}}) }
