package watcher

import (
	"io/fs"
	"syscall"
	"time"
)

// Changed is when the system last noted a change of the file's content, name
// or rights; a program cannot set it. Zero where it is not known.
func Changed(info fs.FileInfo) time.Time {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(s.Ctim.Unix())
	}
	return time.Time{}
}
