module github.com/seed-51359b35/recovery/sqlstore

go 1.26.0

require github.com/seed-51359b35/recovery v0.0.0-00010101000000-000000000000

require (
	github.com/ccojocar/zxcvbn-go v1.0.4 // indirect
	github.com/gorilla/securecookie v1.1.2 // indirect
	github.com/sony/gobreaker/v2 v2.4.0 // indirect
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/net v0.57.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.40.0 // indirect
)

replace github.com/seed-51359b35/recovery => ../
