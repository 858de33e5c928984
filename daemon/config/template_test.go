package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/config"
)

// safe stands in for the room that knows what systems take.
func safe(name string) string {
	return strings.NewReplacer(":", "_", "\"", "_", "CON", "_CON").Replace(name)
}

func TestTemplate(t *testing.T) {
	values := map[string]string{"class": "invoice", "issue_date": "2024-02-29", "seller_name": "Müller / Söhne: \"KG\"", "dots": "..",
		"device": "CON", "long": strings.Repeat("é", 200), "slash": "a/b\\c"}
	for text, want := range map[string]string{
		"{class}/{issue_date:2006}/{issue_date:01}-{invoice_number}": "invoice/2024/02-unknown",
		"{dots}/{dots}":      "unknown/unknown",
		"x{slash}":           "xa-b-c",
		"{seller_name:2006}": "unknown",
		"in {class}":         "in invoice",
	} {
		tpl, err := config.ParseTemplate(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		dir, stem := tpl.Fill(func(name string) string { return values[name] }, safe)
		if got := filepath.ToSlash(filepath.Join(dir, stem)); got != want {
			t.Errorf("%s gave %q, want %q", text, got, want)
		}
	}
	tpl, _ := config.ParseTemplate("{seller_name}/{device}/{long}")
	dir, stem := tpl.Fill(func(name string) string { return values[name] }, safe)
	if strings.ContainsAny(dir, `:"*?<>|`) || strings.EqualFold(filepath.Base(dir), "con") || len(stem) > 100 {
		t.Errorf("%q %q", dir, stem)
	}
	for _, wrong := range []string{"", "plain", "{a", "a}", "{A}", "/{a}", "{a}/", `{a}\b`, "{}"} {
		if _, err := config.ParseTemplate(wrong); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}
