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
func linkRename(from, to string, link func(from, to string) error) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		err := link(from, to)
		if err == nil {
			return unlink(from, to)
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

// unlink takes the first name away. If that fails, the second goes: an error
// means that nothing was renamed. A first name that is gone already is as good,
// and the second may then be the last.
func unlink(from, to string) error {
	if err := os.Remove(from); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}
