//go:build unix

package intake

import (
	"errors"
	"io/fs"
	"syscall"
	"time"

	"intray/watcher"
)

// readOnly is true for errors of a folder in which nothing may be changed.
func readOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

func isCrossDevice(err error) bool { return errors.Is(err, syscall.EXDEV) }

// changed is when a file or folder last changed in any way, its name included;
// zero if that cannot be told.
func changed(_ string, info fs.FileInfo) time.Time { return watcher.Changed(info) }
