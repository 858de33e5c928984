package extract

import (
	"testing"

	"intray/daemon/config"
)

// TestPatternsAreQuickNotDifferent: looking for words first never changes what
// the patterns of the built-in classes match.
func TestPatternsAreQuickNotDifferent(t *testing.T) {
	classes, err := config.BuiltInClasses()
	if err != nil {
		t.Fatal(err)
	}
	var all []pattern
	for _, c := range classes {
		compiled, err := compile(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range [][]pattern{compiled.title, compiled.match, compiled.hint, compiled.against} {
			all = append(all, list...)
		}
	}
	quick := 0
	for _, p := range all {
		if len(p.needs) > 0 {
			quick++
		}
		for _, text := range []string{"", "INVOICE", "Rechnung", "your ſtatement", "Driver's Licence", "Échéance", "n° de facture 17", "12:30", "$ 5", "Alter Kontoſtand", "PASSPORT"} {
			if got, want := p.matches(newSubject(text)), p.re.MatchString(text); got != want {
				t.Errorf("%v in %q: %v, want %v", p.re, text, got, want)
			}
		}
	}
	if quick < len(all)*9/10 {
		t.Errorf("only %d of %d patterns are looked for by their words", quick, len(all))
	}
}
