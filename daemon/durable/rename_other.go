//go:build unix && !linux

package durable

import "os"

// RenameNoReplace renames a file or folder and never replaces what is there:
// the error then matches fs.ErrExist.
func RenameNoReplace(from, to string) error { return linkRename(from, to, os.Link) }
