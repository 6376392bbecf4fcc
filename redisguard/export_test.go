package redisguard

// Explains reports whether a guard looks for what is wrong.
func Explains(g *Guard) bool { return g.explains.Load() }
