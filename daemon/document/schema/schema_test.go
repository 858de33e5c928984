package schema_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	for name, c := range map[string]struct{ from, to string }{
		"a stranger's key":     {`"version": 2`, `"version": 2, "extra": 1`},
		"a key missing":        {`"version": 2,`, ``},
		"another schema":       {`intray.document/1`, `intray.document/2`},
		"no such decision":     {`"decision": "ocr"`, `"decision": "guessed"`},
		"no such verdict":      {`"verdict": "release_with_warnings"`, `"verdict": "maybe"`},
		"no such state":        {`"state": "completed_with_warnings"`, `"state": "processing"`},
		"a slanted rotation":   {`"rotation": 90`, `"rotation": 45`},
		"more than certain":    {`"confidence": 0.96,`, `"confidence": 1.01,`},
		"null for a list":      {`"checks": [`, `"checks": null, "": [`},
		"not a hash":           {`"sha256": "0a`, `"sha256": "0A`},
		"a box of three":       {"150.5,\n                82\n", "150.5\n"},
		"a stranger in a word": {`"text": "Müller`, `"font": "Arial", "text": "Müller`},
		"cut off":              {`"schema"`, `{"schema`},
	} {
		broken := strings.Replace(string(good), c.from, c.to, 1)
		if broken == string(good) {
			t.Fatalf("%s: %q is not in the document", name, c.from)
		}
		if checker.Check([]byte(broken)) == nil {
			t.Errorf("accepted: %s", name)
		}
	}
}
