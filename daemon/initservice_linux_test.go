package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/config"
	"intray/engines/all"
)

// TestInitService: the drop-in opens what the configuration names and no more, is
// written once, taken back, and never put over a file of somebody else's.
func TestInitService(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mounts := filepath.Join(dir, "mountinfo")
	mustAll(t, os.WriteFile(mounts, []byte(`21 1 254:0 / / rw - ext4 /dev/vda1 rw
30 21 254:1 / /data rw - ext4 /dev/vdb1 rw
31 21 0:40 / /mnt/big\040scans rw shared:7 - cifs //nas/scans rw
32 21 0:41 / /share rw - nfs4 nas:/share rw
`), 0o600))
	shares, err := networkMounts(mounts)
	mustAll(t, err)
	for _, c := range []struct{ name, more, want string }{
		{"inside", `
[[folder]]
name = "a"
path = "/srv/intray/in"
output = "/srv/intray/out"
review = "/srv/intray/review"
failed = "/srv/intray/failed"
engine = "local"
`, ""},
		{"outside", `
[[folder]]
name = "a"
path = "/mnt/big scans/in"
output = "/share/out"
review = "/data/100%"
failed = "/home/anna/failed"
engine = "local"
[[receiver]]
name = "erp"
url = "https://erp.example.com/hook"
secret = { env = "ERP" }
`, dropInHead + `
[Unit]
Wants=network-online.target
After=network-online.target nss-lookup.target

[Service]
ReadWritePaths="-/mnt/big scans"
ReadWritePaths="-/share"
ReadWritePaths="-/data/100%%"
ProtectHome=tmpfs
BindPaths="-/home/anna/failed"
# receiver "erp" is on another machine
IPAddressDeny=
`},
	} {
		cfg, _, err := config.Parse([]byte("version = 1\ndata_dir = \"/var/lib/intray\"\n"+c.more+"[engine.local]\nkind = \"tesseract\"\nlanguages = [\"eng\"]\n"), c.name, "/etc/intray")
		mustAll(t, err)
		if got := openingsFor(cfg, nil, shares).dropIn(); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	o := openingsFor(&config.Config{DataDir: "/tmp/data"}, []string{"azure"}, nil)
	if len(o.hidden) != 1 || len(o.network) != 1 {
		t.Errorf("a data folder in /tmp and a cloud engine: %+v", o)
	}
}

// TestInitServiceLinks: a folder behind a link is opened where it is, also one
// that does not exist yet; doctor says what is not open.
func TestInitServiceLinks(t *testing.T) {
	t.Parallel()
	elsewhere, err := filepath.EvalSymlinks(t.TempDir())
	mustAll(t, err)
	link := filepath.Join(t.TempDir(), "link")
	mustAll(t, os.Symlink(elsewhere, link))
	if got, want := behindLinks(filepath.Join(link, "new", "out")), filepath.Join(elsewhere, "new", "out"); got != want {
		t.Errorf("behind the link is %s, want %s", got, want)
	}
	cfg := &config.Config{DataDir: link}
	if o := openingsFor(cfg, nil, nil); !strings.Contains(strings.Join(append(o.write, o.hidden...), " "), elsewhere) {
		t.Errorf("the folder behind the link stays closed: %+v", o)
	}
	file := filepath.Join(t.TempDir(), "configuration.conf")
	a := &app{}
	cfg.DataDir = "/data"
	if found := a.unitFinding(cfg, file); !strings.Contains(found.problem, "intray init --service") {
		t.Errorf("a closed folder: %+v", found)
	}
	mustAll(t, os.WriteFile(file, []byte(openingsFor(cfg, nil, nil).dropIn()), 0o600))
	if found := a.unitFinding(cfg, file); found.problem != "" {
		t.Errorf("an open folder: %+v", found)
	}
}

// TestInitServiceFile writes, keeps and takes back the file itself.
func TestInitServiceFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	configured := func(root string) *app {
		path := filepath.Join(dir, "config.toml")
		text := "version = 1\ndata_dir = \"/var/lib/intray\"\n[[folder]]\nname = \"a\"\nengine = \"local\"\n"
		for _, key := range []string{"path", "output", "review", "failed"} {
			text += key + " = \"" + root + "/" + key + "\"\n"
		}
		mustAll(t, os.WriteFile(path, []byte(text+"[engine.local]\nkind = \"tesseract\"\nlanguages = [\"eng\"]\n"), 0o600))
		return &app{configFile: path, out: &bytes.Buffer{}, errs: &bytes.Buffer{}, kinds: all.Factories()}
	}
	file := filepath.Join(dir, "intray.service.d", "configuration.conf")
	if err := configured(`/office\rExecStartPre=+/bin/false\r`).initService(file); err == nil || !strings.Contains(err.Error(), "control characters") {
		t.Errorf("a folder that would end its line: %v", err)
	}
	mustAll(t, configured("/office").initService(file))
	data, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(data), `ReadWritePaths="-/office/path"`) {
		t.Fatalf("%v: %s", err, data)
	}
	again := configured("/office")
	mustAll(t, again.initService(file))
	if said := again.out.(*bytes.Buffer).String(); !strings.Contains(said, "nothing was changed") {
		t.Errorf("the second time it said %q", said)
	}
	back := configured("/srv/intray")
	mustAll(t, back.initService(file))
	if said := back.out.(*bytes.Buffer).String(); !strings.Contains(said, "was removed") || strings.Contains(said, "is written") {
		t.Errorf("when it was taken back it said %q", said)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a drop-in that is not needed is still there: %v", err)
	}
	mustAll(t, os.WriteFile(file, []byte("[Service]\n"), 0o600))
	if err := configured("/office").initService(file); err == nil {
		t.Error("somebody else's drop-in was replaced")
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "[Service]\n" {
		t.Errorf("%v: %s", err, data)
	}
}

// TestInitServiceElsewhere: root may be anywhere, also where somebody else left a
// configuration; the drop-in goes by what the service reads.
func TestInitServiceElsewhere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("INTRAY_CONFIG", "")
	mustAll(t, os.WriteFile("config.toml", []byte("version = 1\ndata_dir = \"/planted\"\n"), 0o600))
	a := &app{out: &bytes.Buffer{}, errs: &bytes.Buffer{}, kinds: all.Factories()}
	err := a.initService(filepath.Join(dir, "configuration.conf")) // an error where the system has no configuration
	if a.configFile != config.SystemFile() {
		t.Errorf("it read %q: %v", a.configFile, err)
	}
	if text, _ := os.ReadFile("configuration.conf"); strings.Contains(string(text), "/planted") {
		t.Errorf("a configuration that lay there was obeyed:\n%s", text)
	}
}
