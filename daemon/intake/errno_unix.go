//go:build unix

package intake

import (
	"errors"
	"io/fs"
	"syscall"
)

// readOnly is true for errors of a folder in which nothing may be changed.
func readOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

func isCrossDevice(err error) bool { return errors.Is(err, syscall.EXDEV) }
