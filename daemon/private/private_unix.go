//go:build unix

package private

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Folder makes a folder, and those above it, for the account that runs this. One
// that is there keeps its rights.
func Folder(path string) error { return os.MkdirAll(path, 0o700) }

// File keeps a file to its owner.
func File(path string) error { return os.Chmod(path, 0o600) }

// Administered has nothing to do: a folder of the system is root's.
func Administered(string) (before bool, err error) { return true, nil }

// Planted is false: who is not root puts nothing into a folder of the system.
func Planted(string) (bool, error) { return false, nil }

// Foreign is false, as Planted.
func Foreign(string) (bool, error) { return false, nil }

// Owner is who a file or folder belongs to, "" when that cannot be said.
func Owner(path string) string {
	if info, err := os.Stat(path); err == nil {
		if uid, ok := uidOf(info); ok {
			return nameOf(uid)
		}
	}
	return ""
}

// Me is who this process runs as, as Owner names it.
func Me() string { return nameOf(os.Geteuid()) }

func uidOf(info os.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

func nameOf(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// Stranger is something in a folder, or in one of the folders there, that belongs to
// another than the folder itself and keeps others out, and to whom; "" without one. It
// looks no deeper: that would take long, and whoever else ran the program left new folders.
func Stranger(dir string) (path, owner string) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", ""
	}
	host, known := uidOf(info)
	if !known {
		return "", ""
	}
	return strangerTo(host, dir, 2)
}

func strangerTo(host int, dir string, depth int) (path, owner string) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return "", "" // whose it is was seen one folder up
	}
	for _, e := range all {
		info, err := e.Info()
		if err != nil {
			continue // it is gone
		}
		path := filepath.Join(dir, e.Name())
		if uid, ok := uidOf(info); ok && uid != host && info.Mode().Perm()&0o004 == 0 {
			return path, nameOf(uid)
		}
		if !e.IsDir() || depth == 1 {
			continue
		}
		if path, owner := strangerTo(host, path, depth-1); path != "" {
			return path, owner
		}
	}
	return "", ""
}
