package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// RenameNoReplace renames a file or folder and never replaces what is there:
// the error then matches fs.ErrExist. File systems without renameat2's flag
// (some network shares) get the next best the system offers.
func RenameNoReplace(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOTSUP),
		errors.Is(err, unix.EPERM): // what some containers say to a system call they do not know
		return linkRename(from, to, os.Link)
	}
	return renameError(from, to, err)
}
