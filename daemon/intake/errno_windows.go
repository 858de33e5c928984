package intake

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// readOnly is true for errors of a folder in which nothing may be changed. A
// file that another program has open is not such an error.
func readOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, windows.ERROR_WRITE_PROTECT)
}

func isCrossDevice(err error) bool { return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) }
