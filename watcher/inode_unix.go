//go:build unix

package watcher

import (
	"io/fs"
	"syscall"
)

// Inode is the file's number in its file system; 0 if it has none.
func Inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}
