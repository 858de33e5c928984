package durable

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// SyncDir does nothing: NTFS journals its folders and offers no way to sync one.
func SyncDir(string) error { return nil }

// Free is how many bytes the caller may still write where path is.
func Free(path string) (uint64, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, fmt.Errorf("ask %s for free space: %w", path, err)
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, fmt.Errorf("ask %s for free space: %w", path, err)
	}
	return free, nil
}

// RenameNoReplace renames a file or folder and never replaces what is there:
// the error then matches fs.ErrExist.
func RenameNoReplace(from, to string) error {
	source, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return fmt.Errorf("rename %s: %w", from, err)
	}
	target, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return fmt.Errorf("rename to %s: %w", to, err)
	}
	if err := windows.MoveFileEx(source, target, windows.MOVEFILE_WRITE_THROUGH); err != nil {
		return fmt.Errorf("rename %s to %s: %w", from, to, err)
	}
	return nil
}
