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
	switch _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK); {
	case errors.Is(err, unix.EAGAIN):
		return "another program has it open for writing"
	case err == nil:
		_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK) // closing would do it too
	}
	return ""
}
