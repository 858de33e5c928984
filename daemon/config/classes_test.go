package config

import (
	"slices"
	"testing"
)

// TestOwnClassesChangeBuiltInOnes: a class of the same name adds to one, and what
// is written replaces.
func TestOwnClassesChangeBuiltInOnes(t *testing.T) {
	cfg, _, err := parse(t, folder+"[[class]]\nname = \"receipt\"\nmatch = [\"BON\"]\n[[class.field]]\nname = \"total\"\nrequired = false\nlabels = [\"à payer ici\"]\n"+
		"[[class.field]]\nname = \"till\"\nlabels = [\"Kasse\"]\n[[class]]\nname = \"memo\"\n")
	if err != nil {
		t.Fatal(err)
	}
	builtIn, err := BuiltInClasses()
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Classes) != len(builtIn)+1 || cfg.Classes[0].Name != "receipt" || cfg.Classes[1].Name != "memo" {
		t.Fatalf("%d classes", len(cfg.Classes))
	}
	was := builtIn[slices.IndexFunc(builtIn, func(c Class) bool { return c.Name == "receipt" })]
	now := cfg.Classes[0]
	if now.Match[0] != "BON" || len(now.Title) != len(was.Title) || now.Layout != "strip" || len(now.Fields) != len(was.Fields)+1 || len(now.Sums) != len(was.Sums) {
		t.Errorf("%+v", now)
	}
	total := now.Fields[0]
	if total.Required || total.Type != "amount" || total.MinConfidence == 0 || total.Pick != "last" || total.Labels[0] != "à payer ici" || !slices.Contains(total.Labels, "grand total") {
		t.Errorf("%+v", total)
	}
	if till := now.Fields[1]; till.Name != "till" || till.Type != "text" {
		t.Errorf("%+v", till)
	}
}

// TestNoConfigurationHasTheBuiltInClasses: also where there is no file.
func TestNoConfigurationHasTheBuiltInClasses(t *testing.T) {
	cfg := Default()
	if err := cfg.AddBuiltInClasses(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"invoice", "receipt", "id", "passport", "bank_statement"} {
		if !slices.ContainsFunc(cfg.Classes, func(c Class) bool { return c.Name == name && len(c.Fields) > 5 }) {
			t.Errorf("there is no class %q", name)
		}
	}
}
