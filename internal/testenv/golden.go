package testenv

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// WriteGoldenVariable names the environment variable that makes [Golden] write
// a file. Its value is the new file's name without ".json".
const WriteGoldenVariable = "RECOVERY_WRITE_GOLDEN"

// goldenDir is below the directory of the package under test.
const goldenDir = "testdata/golden"

var goldenName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)

// Golden calls read, in a subtest of its own, with the value of every file
// testdata/golden/*.json of the package. It fails if there is no such file.
//
// A golden file holds what one version of this library sealed or stored. Every
// later version must read it, because at an upgrade such values wait in queues,
// in Redis, in mailboxes and in browsers. Therefore an old file is never
// changed and never removed. When what is written changes, a new file is added
// beside the old ones, in the package that writes it:
//
//	RECOVERY_WRITE_GOLDEN=2 go test -run '^TestGolden$' ./redisstore
//
// That writes what write returns to testdata/golden/2.json, before the files
// are read. It refuses to write over a file. T grows with the format and loses
// nothing: a field in a file that T does not have is an error, and read does
// without the fields that an old file does not have.
func Golden[T any](t *testing.T, write func(t *testing.T) T, read func(t *testing.T, v T)) {
	t.Helper()
	GoldenIn(t, "", write, read)
}

// GoldenIn is Golden for the files in a directory below testdata/golden, whose
// values are of another type.
func GoldenIn[T any](t *testing.T, dir string, write func(t *testing.T) T, read func(t *testing.T, v T)) {
	t.Helper()
	goldenDir := filepath.Join(goldenDir, dir)
	if name := os.Getenv(WriteGoldenVariable); name != "" {
		writeGolden(t, goldenDir, name, write(t))
	}
	files, err := filepath.Glob(filepath.Join(goldenDir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("there is no golden file in %s", goldenDir)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var v T
			dec := json.NewDecoder(bytes.NewReader(b))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&v); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			read(t, v)
		})
	}
}

func writeGolden(t *testing.T, goldenDir, name string, v any) {
	t.Helper()
	if t.Failed() {
		t.Fatal("nothing is written, because making it failed")
	}
	if !goldenName.MatchString(name) {
		t.Fatalf("%s=%q: a golden file's name is of a-z, 0-9, '.' and '-'", WriteGoldenVariable, name)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(goldenDir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(goldenDir, name+".json")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		t.Fatal("an old golden file is never changed: ", err)
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("wrote %s", path)
}
