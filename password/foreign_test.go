package password_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/password"
)

// The parts of Firebase's example, from the README of github.com/firebase/scrypt.
const (
	firebaseParams = "v=1,n=14,r=8,p=1,ss=Bw==,sk=" + firebaseKey
	firebaseKey    = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
	firebaseHash   = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
)

// Other programs made these hashes: the programs themselves, or those who test
// them.
func TestVerifyForeignVectors(t *testing.T) {
	const letMeIn = "lètmein" // what Django's tests use
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	for _, tt := range []struct{ name, stored, presented string }{
		// django/django, tests/auth_tests/test_hashers.py
		{"Django's tests: PBKDF2 with SHA-256", "pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=", letMeIn},
		{"Django's tests: PBKDF2 with SHA-1", "pbkdf2_sha1$390000$seasalt2$aDapRanzW8aHTz97v2TcfHzWD+I=", letMeIn},
		{"Django's tests: scrypt", "scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==", letMeIn},
		{"Django's tests: argon2i", "argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q", "secret"},
		{"Django's tests: argon2id", "argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw", "secret"},
		// make_password of Django 3.2.25 made these
		{"Django: bcrypt", "bcrypt$$2b$05$M7vGRfgs76DXEu44hx9Ioemci/gC26a0BwU8U7qAr6vM5WViE2hXe", letMeIn},
		{"Django: bcrypt after SHA-256", "bcrypt_sha256$$2b$05$k16e7qn1/fh2Eahl7tJN3u8s0vhxkLVhOM2r7i7z444zHa9ZK3wo2", letMeIn},
		{"Django: bcrypt after SHA-256, 100 bytes", "bcrypt_sha256$$2b$05$BJR3FeMY5pK5iyB53TEZCOO1emzCWXkEw0R.ksJTtULo/lxAOD28S", strings.Repeat("x", 100)},
		// passlib 1.7.4 made these
		{"passlib: PBKDF2 with SHA-1", "$pbkdf2$1000$GcO4NwaAUGotJUQIoZQSog$p8F3JwXaANMlUwGR/8owGO9/hb0", letMeIn},
		{"passlib: PBKDF2 with SHA-256", "$pbkdf2-sha256$1000$wXgvpdSa05oT4pzTGqNUqg$QWTLINYqocx6gjNVKnVZgkCDnUVN/iedkYq.wlA2HIs", letMeIn},
		{"passlib: PBKDF2 with SHA-512", "$pbkdf2-sha512$1000$am2t1VpLKUWIkfKeEyLE2A$t29YkRONNJF7SX0NXnWmrDjYWJObY3BNkBwoMKo05K9hwzyX2n2RUMpVn7zbcVhHjLBHYRm9l8Oj2ckaad6Z4g", letMeIn},
		{"passlib: dots in the salt", "$pbkdf2-sha256$1000$.//..//..//..//.$c1wuA4qZ5Ire/4iinu4GwTJNixv3uHZapGeagKftM5o", letMeIn},
		{"passlib: scrypt", "$scrypt$ln=10,r=8,p=1$bc0Zw3gPwZgTojTmvPd+Dw$OCuZPgTwpcq4B1GQDrcvRJgNeXam8yPpVnfyIVMf/VU", letMeIn},
		// generate_password_hash of Werkzeug 2.2.2 made these; the scrypt is that
		// of Python's hashlib, which Werkzeug calls since 2.3
		{"Werkzeug: PBKDF2 with SHA-256", "pbkdf2:sha256:1000$MBHCo2SGBUhttv4O$b438f45fbd1d77df802af814e998f70dd44dd923c19434c818011339b8c110c1", letMeIn},
		{"Werkzeug: PBKDF2 with SHA-1", "pbkdf2:sha1:1000$EFVOXXiycDssP2mR$5e1a0d8c72a5ca9fdbfc7c848f0381711d67732b", letMeIn},
		{"Werkzeug: PBKDF2 with SHA-512", "pbkdf2:sha512:1000$z81pdQEjVUcCSRJo$1080d687db2360921a0ac11e92f812a441ab2ec15551e0ecc6f2b04de6bc313ec74131b416cb911d7d6c64a7116437c112908bdae7ed900dc4fbd9d942c89d01", letMeIn},
		{"Werkzeug: scrypt", "scrypt:32768:8:1$ZPCRKZzpGkfqhsI1$51b23fa44c2789b15a4f0e4f23097180993f8403fc112cf9fe5b200655b4cc1afea0820b563e916dc322417908bec4ffe03a4d314116a0cdd48f4aca418d2f2c", letMeIn},
		// dotnet/aspnetcore, Identity.Test/PasswordHasherTest.cs
		{"ASP.NET Identity 2", "ANXrDknc7fGPpigibZXXZFMX4aoqz44JveK6jQuwY3eH/UyPhvr5xTPeGYEckLxz9A==", "my password"},
		{"ASP.NET Identity 3, SHA-512, 128 bits", "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw", "my password"},
		{"ASP.NET Identity 3, SHA-512, 512 bits", "AQAAAAIAAAD6AAAAIJbVi5wbMR+htSfFp8fTw8N8GOS/Sje+S/4YZcgBfU7EQuqv4OkVYmc4VJl9AGZzmRTxSkP7LtVi9IWyUxX8IAAfZ8v+ZfhjCcudtC1YERSqE1OEdXLW9VukPuJWBBjLuw==", "my password"},
		{"ASP.NET Identity 3, SHA-1", "AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M", "my password"},
		{"ASP.NET Identity 3, SHA-256", "AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==", "my password"},
		// what Deephaven's manual shows, and the first again without its length
		{"PHC: PBKDF2 with SHA-512", "$pbkdf2-sha512$i=100000,l=64$HqJwOCHweNk1pLryiu3RsA$KVSvxKYcibIG5S5n55RvxKRTdAAfCUtBJoy5IuFzdSZyzkwvUcU+FPawEWFPn+06JyZsndfRTfpiEh+2eSJLkg", "password"},
		{"PHC: the same without its length", "$pbkdf2-sha512$i=100000$HqJwOCHweNk1pLryiu3RsA$KVSvxKYcibIG5S5n55RvxKRTdAAfCUtBJoy5IuFzdSZyzkwvUcU+FPawEWFPn+06JyZsndfRTfpiEh+2eSJLkg", "password"},
		{"Firebase's example", "$fbscrypt$" + firebaseParams + "$42xEC+ixf3L2lw==$" + firebaseHash, "user1password"},
		// supabase/auth, internal/crypto/password_test.go
		{"Supabase's test of Firebase", "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==", "mytestpassword"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := password.Result{Match: true, Rehash: true}
			if got, err := hasher.Verify(t.Context(), password.Attempt{Hash: tt.stored, Password: tt.presented}); err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
			if got, err := hasher.Verify(t.Context(), password.Attempt{Hash: tt.stored, Password: tt.presented + "z"}); err != nil || got != (password.Result{}) {
				t.Errorf("another password: got %+v, %v", got, err)
			}
		})
	}
}

// The person's first log-in replaces the hash of the other program, and the next
// one finds ours.
func TestForeignHashIsReplacedAtLogIn(t *testing.T) {
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	stored := "pbkdf2:sha256:1000$MBHCo2SGBUhttv4O$b438f45fbd1d77df802af814e998f70dd44dd923c19434c818011339b8c110c1"
	attempt := password.Attempt{Hash: stored, Password: "lètmein"}
	result, err := hasher.Verify(t.Context(), attempt)
	if err != nil || !result.Match || !result.Rehash {
		t.Fatalf("got %+v, %v", result, err)
	}
	if attempt.Hash, err = hasher.Hash(t.Context(), attempt.Password); err != nil {
		t.Fatal(err)
	}
	if result, err = hasher.Verify(t.Context(), attempt); err != nil || result != (password.Result{Match: true}) {
		t.Errorf("got %+v, %v", result, err)
	}
}

// Django hashes a password as it was typed. So does every program that this
// package migrates from.
func TestForeignSpellings(t *testing.T) {
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	// hashlib.pbkdf2_hmac("sha256", pw.encode(), b"0123456789abcdef", 1000) of
	// Python, where pw is "cafe\u0301", "café", and "abc".
	const (
		decomposed = "pbkdf2:sha256:1000$0123456789abcdef$02a73b134b50b90926443ab0e2527eab56466df2c8e434882f74e3b79fbcc096"
		composed   = "pbkdf2:sha256:1000$0123456789abcdef$4a93db32c076269dac220c239792411992f18eaa510403e627df66f1f220f9d8"
		abc        = "pbkdf2:sha256:1000$0123456789abcdef$7c1abdfb83eb6fbfe2739fd912acf97e72b29a0ff40a440ae4f493716241167d"
	)
	for _, tt := range []struct {
		name, stored, presented string
		match                   bool
	}{
		{"as typed", decomposed, "cafe\u0301", true},
		{"the normal form, hashed so", composed, "cafe\u0301", true},
		{"the normal form against one hashed as typed", decomposed, "caf\u00e9", false},
		{"the password", abc, "abc", true},
		{"a NUL that HMAC takes for its own padding (A64)", abc, "abc\x00", false},
		{"two of them (A64)", abc, "abc\x00\x00", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := hasher.Verify(t.Context(), password.Attempt{Hash: tt.stored, Password: tt.presented})
			if want := (password.Result{Match: tt.match, Rehash: tt.match}); err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
		})
	}
}

func identity(data string) string { return base64.StdEncoding.EncodeToString([]byte(data)) }

func TestForeignHashesRefused(t *testing.T) {
	const (
		hex32  = "b438f45fbd1d77df802af814e998f70dd44dd923c19434c818011339b8c110c1"
		b64    = "8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c="
		raw    = "8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c"
		salt   = "c2FsdHNhbHQ"
		sixty4 = "Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw=="
	)
	for _, tt := range []struct{ name, stored string }{
		{"a marker of Django for no password", "!8VbQYe0Xe1Yb3o0vMoyRkzUeZQvCmd4Vt0Wm2TLS"},
		{"MD5 of Django", "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3"},
		{"SHA-1 of Django", "sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8"},
		{"more than 255 bytes", "pbkdf2_sha256$1000$" + strings.Repeat("s", 255) + "$" + b64},

		{"5,000,000 rounds (A63)", "pbkdf2_sha256$5000000$seasalt$" + b64},
		{"999,999,999 rounds (A63)", "pbkdf2:sha256:999999999$seasalt$" + hex32},
		{"more rounds than a number holds (A63)", "$pbkdf2-sha256$99999999999999999999$" + salt + "$" + raw},
		{"4,000,000 rounds, twice for a long tag (A63)", "pbkdf2_sha256$4000000$seasalt$" + sixty4},
		{"4,294,967,295 rounds of ASP.NET (A63)", identity("\x01\x00\x00\x00\x01\xff\xff\xff\xff\x00\x00\x00\x10" + strings.Repeat("s", 16+32))},
		{"a salt of 4 GiB of ASP.NET", identity("\x01\x00\x00\x00\x01\x00\x00\x27\x10\xff\xff\xff\xff" + strings.Repeat("s", 16+32))},
		{"a salt of ASP.NET that leaves no tag", identity("\x01\x00\x00\x00\x01\x00\x00\x27\x10\x00\x00\x00\x20" + strings.Repeat("s", 16+17))},
		{"no salt of ASP.NET", identity("\x01\x00\x00\x00\x01\x00\x00\x27\x10\x00\x00\x00\x00" + strings.Repeat("s", 32))},
		{"no rounds of ASP.NET", identity("\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x10" + strings.Repeat("s", 16+32))},
		{"a digest that ASP.NET does not have", identity("\x01\x00\x00\x00\x03\x00\x00\x27\x10\x00\x00\x00\x10" + strings.Repeat("s", 16+32))},
		{"a version that ASP.NET does not have", identity("\x02\x00\x00\x00\x01\x00\x00\x27\x10\x00\x00\x00\x10" + strings.Repeat("s", 16+32))},
		{"ASP.NET's version 2, cut off", identity("\x00" + strings.Repeat("s", 47))},
		{"ASP.NET's version 3, cut off", identity("\x01\x00\x00\x00\x01\x00\x00\x27")},

		{"no rounds", "pbkdf2_sha256$0$seasalt$" + b64},
		{"rounds with a sign", "pbkdf2_sha256$+1000$seasalt$" + b64},
		{"rounds that begin with 0", "pbkdf2_sha256$01000$seasalt$" + b64},
		{"no salt", "pbkdf2_sha256$1000$$" + b64},
		{"a digest that is not known", "pbkdf2_md5$1000$seasalt$" + b64},
		{"a digest in capitals", "pbkdf2:SHA256:1000$seasalt$" + hex32},
		{"no padding", "pbkdf2_sha256$1000$seasalt$" + raw},
		{"a tag of 8 bytes", "pbkdf2_sha256$1000$seasalt$8xBlGd3jVgs="},
		{"no tag", "pbkdf2_sha256$1000$seasalt$"},
		{"a line end in the tag", "pbkdf2_sha256$1000$seasalt$8xBlGd3j\nVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c="},
		{"hexadecimal in capitals", "pbkdf2:sha256:1000$seasalt$" + strings.ToUpper(hex32)},
		{"a dot where PHC has a plus", "$pbkdf2-sha256$i=1000,l=32$" + salt + "$8xBlGd3jVgvJ.92hWPxi5ww0uuAuAnKgC45eudxro7c"},
		{"a length that the tag does not have", "$pbkdf2-sha256$i=1000,l=64$" + salt + "$" + raw},
		{"a parameter too many", "$pbkdf2-sha256$i=1000,l=32,x=1$" + salt + "$" + raw},

		{"N of 2^30 (A63)", "$scrypt$ln=30,r=8,p=1$" + salt + "$" + raw},
		{"N of 2^64 (A63)", "$scrypt$ln=64,r=8,p=1$" + salt + "$" + raw},
		{"N of 2^30 of Werkzeug (A63)", "scrypt:1073741824:8:1$seasalt$" + hex32},
		{"257 MiB and more (A63)", "scrypt:262144:9:1$seasalt$" + hex32},
		{"a large r (A63)", "scrypt:2:33:1$seasalt$" + hex32},
		{"a large p (A63)", "scrypt$1024$seasalt$8$17$" + b64},
		{"256 MiB five times (A63)", "scrypt$262144$seasalt$8$5$" + b64},
		{"N that is no power of two", "scrypt$16383$seasalt$8$1$" + b64},
		{"N of 1", "scrypt$1$seasalt$8$1$" + b64},
		{"no r", "scrypt$16384$seasalt$0$1$" + b64},
		{"parameters of scrypt in another order", "$scrypt$r=8,ln=10,p=1$" + salt + "$" + raw},
		{"scrypt with a short tag", "$scrypt$ln=17,r=8,p=1$c2FsdA$aGFzaA"},

		{"Firebase's n of 30 (A63)", "$fbscrypt$v=1,n=30,r=8,p=1,ss=Bw==,sk=" + firebaseKey + "$42xEC+ixf3L2lw==$" + firebaseHash},
		{"Firebase without a signer key", "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==$42xEC+ixf3L2lw==$" + firebaseHash},
		{"Firebase with half a signer key", "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVM=$42xEC+ixf3L2lw==$" + firebaseHash},
		{"Firebase with the alphabet of URLs", "$fbscrypt$" + firebaseParams + "$42xEC-ixf3L2lw==$" + firebaseHash},
		{"Firebase of another version", "$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk=" + firebaseKey + "$42xEC+ixf3L2lw==$" + firebaseHash},

		{"Django's bcrypt of cost 31 (A63)", "bcrypt$$2b$31$M7vGRfgs76DXEu44hx9Ioemci/gC26a0BwU8U7qAr6vM5WViE2hXe"},
		{"Django's bcrypt without its hash", "bcrypt_sha256$"},
		{"Django's argon2 of 4 TiB (A63)", "argon2$argon2id$v=19$m=4294967295,t=1,p=1$" + salt16 + "$" + tag32},
		{"Django's argon2 of the old version", "argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ$gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := password.CheckHash(tt.stored)
			if !errors.Is(err, password.ErrMalformedHash) {
				t.Fatalf("got %v, want ErrMalformedHash", err)
			}
			for _, part := range []string{salt, b64[:20], hex32, firebaseKey, firebaseHash, "seasalt"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("the error quotes the hash: %v", err)
				}
			}
		})
	}
}

// The costs at the bounds are read. What they take is measured in the
// benchmarks: these hashes are not computed here.
func TestForeignHashesAtTheirBounds(t *testing.T) {
	const raw = "8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c"
	for _, tt := range []struct{ name, stored string }{
		{"4,000,000 rounds", "pbkdf2_sha256$4000000$seasalt$" + raw + "="},
		{"2,000,000 rounds, twice for a long tag", "pbkdf2_sha256$2000000$seasalt$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw=="},
		{"passlib's default", "$scrypt$ln=16,r=8,p=1$c2FsdHNhbHQ$" + raw},
		{"256 MiB four times", "$scrypt$ln=18,r=8,p=4$c2FsdHNhbHQ$" + raw},
		{"the largest r and p", "$scrypt$ln=5,r=32,p=16$c2FsdHNhbHQ$" + raw},
		{"a Firebase hash without a salt separator", "$fbscrypt$v=1,n=14,r=8,p=1,ss=,sk=" + firebaseKey + "$42xEC+ixf3L2lw==$" + firebaseHash},
		{"Django's default of 6.0", "pbkdf2_sha256$1200000$1iPWCyNSnTSFHBRkD1i6UO$" + raw + "="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := password.CheckHash(tt.stored); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is accepted costs no more than the bounds say, and verifying it does not
// panic.
func FuzzParseHash(f *testing.F) {
	for _, s := range []string{
		"", "!", "A", "AQAAAA", "$2b$04$", "$", "scrypt:", "$pbkdf2$",
		"pbkdf2_sha256$1$s$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=",
		"$pbkdf2-sha512$i=1,l=32$c2FsdA$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c",
		"pbkdf2:sha1:1$EFVOXXiycDssP2mR$5e1a0d8c72a5ca9fdbfc7c848f0381711d67732b",
		"scrypt:2:1:1$s$5e1a0d8c72a5ca9fdbfc7c848f0381711d67732b",
		"scrypt$2$s$1$1$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=",
		"$scrypt$ln=1,r=1,p=1$c2FsdA$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c",
		"$fbscrypt$v=1,n=1,r=1,p=1,ss=Bw==,sk=" + firebaseKey + "$42xEC+ixf3L2lw==$" + firebaseHash,
		"AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw",
		"ANXrDknc7fGPpigibZXXZFMX4aoqz44JveK6jQuwY3eH/UyPhvr5xTPeGYEckLxz9A==",
		"argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q",
		"bcrypt_sha256$$2b$05$k16e7qn1/fh2Eahl7tJN3u8s0vhxkLVhOM2r7i7z444zHa9ZK3wo2",
	} {
		f.Add(s)
	}
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	f.Fuzz(func(t *testing.T, s string) {
		memory, passes, err := password.CostOf(s)
		if err != nil {
			if !errors.Is(err, password.ErrMalformedHash) {
				t.Fatalf("%q: %v is not ErrMalformedHash", s, err)
			}
			return
		}
		if len(s) > 255 || memory > 256<<10 || memory*passes > 1<<20 || passes > 4_000_000 {
			t.Fatalf("%q of %d bytes was accepted: %d KiB, %d passes", s, len(s), memory, passes)
		}
		if passes == 0 || memory*passes > 64 || memory == 0 && passes > 1000 {
			return // bcrypt, or takes too long here
		}
		if _, err := hasher.Verify(t.Context(), password.Attempt{Hash: s, Password: "wrong horse"}); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
	})
}
