//go:build unix

package private

import (
	"os"
	"path/filepath"
	"testing"
)

// TestStranger: what a command of root's left in a service's folder is found.
func TestStranger(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to give files away")
	}
	const service, other = 65534, 65533
	dir := t.TempDir()
	made := filepath.Join(dir, "in-review", "one")
	models := filepath.Join(dir, "models") // as root adds them: for all to read
	for path, mode := range map[string]os.FileMode{filepath.Join(made, "deeper"): 0o700, models: 0o755} {
		if err := os.MkdirAll(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	own := func(uid int, paths ...string) {
		for _, path := range paths {
			if err := os.Chown(path, uid, -1); err != nil {
				t.Fatal(err)
			}
		}
	}
	own(service, dir, filepath.Dir(made), made)
	own(other, models)
	if path, owner := Stranger(dir); path != "" {
		t.Errorf("%s of %s, which lies too deep to be looked for", path, owner)
	}
	own(other, made)
	if path, owner := Stranger(dir); path != made || owner != nameOf(other) || Owner(dir) != nameOf(service) {
		t.Errorf("%q of %q in a folder of %q", path, owner, Owner(dir))
	}
	if path, _ := Stranger(filepath.Join(dir, "none")); path != "" {
		t.Errorf("%q", path)
	}
}
