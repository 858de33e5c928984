package all

import (
	"os"
	"slices"
	"testing"
)

// TestEveryEngineIsListed: a folder beside this one is an engine, named after
// its kind.
func TestEveryEngineIsListed(t *testing.T) {
	var kinds []string
	for _, f := range Factories() {
		if (f.NewRecognizer == nil) == (f.NewProvider == nil) {
			t.Errorf("%s: exactly one of NewRecognizer and NewProvider must be set", f.Kind)
		}
		kinds = append(kinds, f.Kind)
	}
	folders, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, d := range folders {
		if d.IsDir() && d.Name() != "all" && d.Name() != "enginetest" {
			want = append(want, d.Name())
		}
	}
	slices.Sort(kinds)
	if !slices.Equal(kinds, want) {
		t.Errorf("listed are %q, in the tree are %q", kinds, want)
	}
}

func TestByKind(t *testing.T) {
	for _, kind := range []string{"tesseract", "abacus"} {
		f, ok := ByKind(kind)
		if ok != (kind == "tesseract") || ok && f.Kind != kind {
			t.Errorf("%s: %q, %v", kind, f.Kind, ok)
		}
	}
}
