package schema_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/document/documenttest"
	"intray/daemon/document/schema"
)

// TestCheck breaks a good document in one place at a time, but for formats.
func TestCheck(t *testing.T) {
	good, err := os.ReadFile(filepath.Join("..", "testdata", "small.json"))
	if err != nil {
		t.Fatal(err)
	}
	checker, err := schema.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := checker.Check(good); err != nil {
		t.Errorf("a good document: %v", err)
	}
	for name, c := range documenttest.Breaks() {
		if c.Format {
			continue // it asserts none
		}
		broken := strings.Replace(string(good), c.From, c.To, 1)
		if broken == string(good) {
			t.Fatalf("%s: %q is not in the document", name, c.From)
		}
		if checker.Check([]byte(broken)) == nil {
			t.Errorf("accepted: %s", name)
		}
	}
}
