//go:build unix && !linux

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

// held says that another program holds a lock on the file (flock(2)).
func held(f *os.File) string {
	if errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK) {
		return "another program has locked it"
	}
	_ = unix.Flock(int(f.Fd()), unix.LOCK_UN) // closing would do it too
	return ""
}
