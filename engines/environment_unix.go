//go:build unix

package engines

import (
	"io/fs"
	"syscall"
)

func environmentErrors() []error {
	return []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EIO, syscall.EROFS, fs.ErrPermission, syscall.EMFILE, syscall.ENFILE,
		syscall.ENOMEM, syscall.EAGAIN, syscall.ESTALE, syscall.ETXTBSY, syscall.ENODEV, syscall.ENOTCONN, syscall.EHOSTDOWN}
}
