package daemon

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"intray/daemon/config"
)

// How the machine knows a drive letter.
const (
	driveLocal = iota
	driveMapped
	driveUnknown
)

// checkDrives warns of folders on drive letters that stand for a share: they belong
// to whoever is signed in, and a service does not see them. look says how a letter
// ("Z:") is known, and the share behind it if that can be told.
func checkDrives(cfg *config.Config, look func(letter string) (kind int, share string)) []finding {
	var out []finding
	seen := map[string]bool{}
	check := func(path string) {
		letter := filepath.VolumeName(path)
		if len(letter) != 2 || seen[letter] {
			return
		}
		seen[letter] = true
		kind, share := look(letter)
		if kind == driveLocal {
			return
		}
		better := cmp.Or(share, `\\server\share`) + strings.TrimPrefix(path, letter)
		problem := fmt.Sprintf("%s is a network drive of whoever is signed in, and a service sees no such letters; write '%s' instead of '%s'", letter, better, path)
		if kind == driveUnknown {
			problem = fmt.Sprintf("there is no drive %s here; if it is a network drive of another account, write '%s' instead of '%s': a service sees no such letters",
				letter, better, path)
		}
		out = append(out, finding{what: "drive", problem: problem})
	}
	check(cfg.DataDir)
	for _, f := range cfg.Folders {
		check(f.Path)
		for _, p := range f.Results() {
			check(p.Path)
		}
	}
	return out
}
