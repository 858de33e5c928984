package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSalvage(t *testing.T) {
	for name, c := range map[string]struct{ text, listen, data string }{
		"wrong key":          {"verson = 1\ndata_dir = \"d\"\n[web]\nlisten = \"127.0.0.1:9\"\n", "127.0.0.1:9", "d"},
		"syntax below":       {"data_dir = \"d\"\n[web]\nlisten = \"127.0.0.1:9\"\n[[folder]]\nname = \"x\n", "127.0.0.1:9", "d"},
		"syntax above":       {"version = = 1\ndata_dir = \"d\"\n", Default().Web.Listen, ""},
		"beyond this":        {"[web]\nlisten = \"0.0.0.0:9\"\ntls_cert = \"c\"\n", "127.0.0.1:9", ""},
		"no address":         {"[web]\nlisten = \"nine\"\n", Default().Web.Listen, ""},
		"page off":           {"[web]\nlisten = \"\"\n", "", ""},
		"wrong types":        {"data_dir = 7\nlog_file = [1]\nweb = 3\n", Default().Web.Listen, ""},
		"nothing":            {"", Default().Web.Listen, ""},
		"no text at all":     {"\x00\x01\xff", Default().Web.Listen, ""},
		"byte order mark":    {"\xEF\xBB\xBFdata_dir = \"d\"\n", Default().Web.Listen, "d"},
		"error in line 1 of": {"[", Default().Web.Listen, ""},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "config.toml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got := Salvage(path)
		want := defaultDataDir()
		if c.data != "" {
			want = filepath.Join(dir, c.data)
		}
		if at := got.Web.Local(); at.Listen != c.listen || at.TLSCert != "" || got.DataDir != want || got.LogFile != "" {
			t.Errorf("%s: listens on %q, data in %q, log %q", name, got.Web.Local().Listen, got.DataDir, got.LogFile)
		}
	}
	if got := Salvage(filepath.Join(t.TempDir(), "none.toml")); got.Web.Listen != Default().Web.Listen {
		t.Errorf("no file: listens on %q", got.Web.Listen)
	}
}

// TestReadIsBounded: what is no configuration is not read into memory.
func TestReadIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for size, fits := range map[int64]bool{largestFile: true, largestFile + 1: false, 1 << 40: false} {
		if err := os.Truncate(path, size); err != nil {
			t.Skipf("skipped: no file of %d bytes can be made here: %v", size, err)
		}
		if data, err := Read(path); (err == nil) != fits || fits && int64(len(data)) != size {
			t.Errorf("%d bytes: %d, %v", size, len(data), err)
		}
	}
}
