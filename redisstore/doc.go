// Package redisstore keeps recovery's tokens and counts its limits on Redis.
package redisstore
