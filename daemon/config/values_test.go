package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestValuesTellNoSecret: what is shown names where a secret lies and where a
// value stands, and never what an address carries beside the address.
func TestValuesTellNoSecret(t *testing.T) {
	t.Setenv("THE_KEY", "hunter2")
	cfg, _, err := Parse([]byte(`version = 1
workers = 3
[[folder]]
name = "desk"
settle = "5s"
[[receiver]]
name = "erp"
url = "https://user:hunter2@erp.example/hook?token=hunter2"
secret = { env = "THE_KEY" }
[engine.azure]
kind = "azure"
endpoint = "https://x.example/?key=hunter2"
key = { env = "THE_KEY" }
`), "config.toml", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]Value{}
	for _, v := range cfg.Values() {
		if strings.Contains(fmt.Sprint(v), "hunter2") {
			t.Errorf("it tells %+v", v)
		}
		said[v.Section+"/"+v.Key] = v
	}
	for key, want := range map[string]Value{
		"/workers": {Text: "3", Line: 2}, `folder "desk"/settle`: {Text: "5s", Line: 5}, `folder "desk"/sweep`: {Text: "30s"},
		`receiver "erp"/secret`: {Text: "environment variable THE_KEY", Line: 9}, "engine.azure/key": {Text: "environment variable THE_KEY", Line: 13},
		"/log_level": {Text: "info"},
	} {
		if got := said[key]; got.Text != want.Text || got.Line != want.Line {
			t.Errorf("%s is %+v, not %+v", key, got, want)
		}
	}
}
