package intake

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// openSource opens a file without following a link or waiting for a pipe's
// other end.
func openSource(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}

// tellsWriters is true for file systems of this machine. Network file systems
// refuse a lease for reasons of their own (NFSv4 without a delegation, CIFS
// without an oplock), which would look like a writer that never ends.
func tellsWriters(fd int) bool {
	var s unix.Statfs_t
	if err := unix.Fstatfs(fd, &s); err != nil {
		return false
	}
	switch int64(s.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.RAMFS_MAGIC,
		unix.OVERLAYFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, zfsMagic, bcachefsMagic:
		return true
	}
	return false
}

// Numbers of file systems (statfs(2)) that x/sys does not name.
const (
	zfsMagic      = 0x2FC12FC1
	bcachefsMagic = 0xCA451A4E
)

// held says that another program is not done with the file: it holds a lock of
// either kind (flock(2), fcntl(2)), or has it open for writing, which the
// system tells by refusing a read lease (fcntl(2), F_SETLEASE). "" means that
// nobody is known to; file systems that cannot tell count as such.
func held(f *os.File) string {
	fd := int(f.Fd())
	if errors.Is(unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK) {
		return "another program has locked it"
	}
	_ = unix.Flock(fd, unix.LOCK_UN) // closing would do it too
	lock := unix.Flock_t{Type: unix.F_RDLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock); err == nil && lock.Type != unix.F_UNLCK {
		return "another program has locked it"
	}
	if !tellsWriters(fd) {
		return ""
	}
	switch _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK); {
	case errors.Is(err, unix.EAGAIN):
		return "another program has it open for writing"
	case err == nil:
		_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK) // closing would do it too
	}
	return ""
}
