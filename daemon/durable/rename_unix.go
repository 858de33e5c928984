//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
)

func renameError(from, to string, err error) error {
	return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
}

// linkRename gives the file its second name, which fails when the name is
// taken, and then takes the first away. Where there are no hard links, and for
// folders, it looks before it renames: a moment remains in which another
// program could take the name.
func linkRename(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		err := os.Link(from, to)
		if err == nil {
			return os.Remove(from)
		}
		if errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if _, err := os.Lstat(to); err == nil {
		return renameError(from, to, fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(from, to)
}
