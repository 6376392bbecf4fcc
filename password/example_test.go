package password_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-51359b35/recovery/password"
)

// user is what a host keeps about a person.
type user struct {
	Email, Name  string
	PasswordHash string
}

func Example_signUp() {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		log.Fatal(err)
	}
	policy, err := password.NewPolicy(password.PolicyOptions{ContextWords: []string{"Acme"}})
	if err != nil {
		log.Fatal(err)
	}

	signUp := func(ctx context.Context, u *user, chosen string) error {
		if err := policy.CheckFor(ctx, chosen, u.Email, u.Name); err != nil {
			return err
		}
		hash, err := hasher.Hash(ctx, chosen)
		if err != nil {
			return err
		}
		u.PasswordHash = hash
		return nil
	}

	u := &user{Email: "jane.doe@example.com", Name: "Jane Doe"}
	fmt.Println(signUp(context.Background(), u, "jane.doe 20240917"))
	fmt.Println(signUp(context.Background(), u, "Babayaga-has-a-dog-1964"))
	fmt.Println(u.PasswordHash[:31])
	// Output:
	// password: refused: identifier
	// <nil>
	// $argon2id$v=19$m=19456,t=2,p=1$
}

// A login calls Verify whether it found an account or not, so that the time
// does not show which. It stores a new hash when the old one is outdated.
func Example_login() {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		log.Fatal(err)
	}
	old, err := bcrypt.GenerateFromPassword([]byte("correct horse battery"), bcrypt.MinCost)
	if err != nil {
		log.Fatal(err)
	}
	users := map[string]*user{"jane@example.com": {PasswordHash: string(old)}}

	login := func(ctx context.Context, email, presented string) (status int) {
		u, found := users[email]
		if !found {
			u = &user{} // the hash of nobody
		}
		result, err := hasher.Verify(ctx, password.Attempt{Hash: u.PasswordHash, Password: presented})
		if _, refused := errors.AsType[*password.PolicyError](err); refused {
			return http.StatusUnauthorized // nobody has such a password
		}
		switch {
		case errors.Is(err, password.ErrBusy):
			return http.StatusServiceUnavailable
		case errors.Is(err, password.ErrMalformedHash):
			log.Printf("the hash of %s cannot be read: %v", email, err)
			return http.StatusUnauthorized
		case err != nil:
			return http.StatusInternalServerError
		case !result.Match:
			return http.StatusUnauthorized
		}
		if result.Rehash {
			if hash, err := hasher.Hash(ctx, presented); err == nil {
				u.PasswordHash = hash
			}
		}
		return http.StatusOK
	}

	ctx := context.Background()
	fmt.Println(login(ctx, "nobody@example.com", "correct horse battery"))
	fmt.Println(login(ctx, "jane@example.com", "wrong horse battery"))
	fmt.Println(login(ctx, "jane@example.com", "correct horse battery"))
	fmt.Println(users["jane@example.com"].PasswordHash[:9])
	fmt.Println(login(ctx, "jane@example.com", "correct horse battery"))
	// Output:
	// 401
	// 401
	// 200
	// $argon2id
	// 200
}

// This login is wrong: it answers at once for a name that it does not know, and
// so shows everybody which accounts exist.
func ExampleArgon2id_Verify_incorrect() {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		log.Fatal(err)
	}
	users := map[string]*user{}

	login := func(email, presented string) bool {
		u, found := users[email]
		if !found {
			return false // wrong: 20 ms sooner than for a name that exists
		}
		result, err := hasher.Verify(context.Background(), password.Attempt{Hash: u.PasswordHash, Password: presented})
		return err == nil && result.Match
	}
	fmt.Println(login("nobody@example.com", "correct horse battery"))
	// Output: false
}

func ExamplePolicy_Check() {
	policy, err := password.NewPolicy(password.PolicyOptions{ContextWords: []string{"Acme"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, chosen := range []string{
		"too short",
		"PasswordPassword",
		"1qaz2wsx3edc4rfv",
		"123456789012345",
		"acme-2024-acme!!",
		"acme makes my coffee cold",
		"Samplepassword@123",
	} {
		fmt.Printf("%-26s %v\n", chosen, policy.Check(chosen))
	}
	// Output:
	// too short                  password: refused: too_short
	// PasswordPassword           password: refused: common
	// 1qaz2wsx3edc4rfv           password: refused: common
	// 123456789012345            password: refused: common
	// acme-2024-acme!!           password: refused: common, context
	// acme makes my coffee cold  <nil>
	// Samplepassword@123         <nil>
}

func ExamplePolicyError() {
	var policy password.Policy
	err := policy.Check("dragon")
	if refused, ok := errors.AsType[*password.PolicyError](err); ok {
		for _, v := range refused.Violations {
			fmt.Println(v.Rule, v.Min)
			fmt.Println(v.Message)
		}
	}
	// Output:
	// too_short 15
	// Use at least 15 characters. Several words in a row are easy to remember.
	// common 0
	// This is a word, a name or a password that attackers try first. Choose one that is not in common use, such as several unrelated words.
}

func ExampleNewPolicy_mistakes() {
	_, err := password.NewPolicy(password.PolicyOptions{MinLength: 6, MaxLength: 20, ContextWords: []string{""}})
	fmt.Println(err)
	// Output:
	// password: PolicyOptions.MinLength: 6 is below 8 (ASVS v5.0.0-6.2.1)
	// password: PolicyOptions.MaxLength: 20 is below 64 (ASVS v5.0.0-6.2.9)
	// password: PolicyOptions.ContextWords[0]: no letter and no digit
}

func ExampleNormalize() {
	composed, _ := password.Normalize("caf\u00e9")
	decomposed, _ := password.Normalize("cafe\u0301")
	fmt.Println(composed == decomposed)
	// Output: true
}

func ExampleNewHIBP() {
	breaches, err := password.NewHIBP(password.HIBPOptions{
		OnError: func(err error) { log.Print(err) }, // count it
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = password.NewPolicy(password.PolicyOptions{Breach: breaches})
	fmt.Println(err)
	// Output: <nil>
}

// A host whose other programs verify bcrypt hashes keeps them. The same Verify
// also reads the argon2id hashes of people who came from elsewhere.
func ExampleBcrypt() {
	hasher, err := password.NewBcrypt(password.BcryptOptions{})
	if err != nil {
		log.Fatal(err)
	}
	policy, err := password.NewPolicy(password.PolicyOptions{MaxBytes: hasher.MaxPasswordBytes()})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(policy.Check("an endless passphrase of eighty bytes, of which bcrypt would ignore the last ones"))

	hash, err := hasher.Hash(context.Background(), "correct horse battery")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hash[:7], bcrypt.CompareHashAndPassword([]byte(hash), []byte("correct horse battery")))
	// Output:
	// password: refused: too_long
	// $2a$10$ <nil>
}
