//go:build !unix

package watcher

import "io/fs"

// Inode is 0: this platform's file information holds no such number.
func Inode(fs.FileInfo) uint64 { return 0 }
