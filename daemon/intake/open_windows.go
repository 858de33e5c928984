package intake

import (
	"errors"
	"io/fs"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// openSource opens a file that nobody has open for writing, and lets nobody do
// so until it is closed. A link is opened itself, not what it leads to.
func openSource(path string) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_DELETE, nil,
		windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return nil, errHeld
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// held has nothing to add: openSource would have failed.
func held(*os.File) string { return "" }

// changed is when a file or folder last changed in any way, its name included;
// zero if that cannot be told. What the folder's listing says of it is not enough.
//
// Source: Microsoft, "FILE_BASIC_INFO structure".
func changed(path string, _ fs.FileInfo) time.Time {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return time.Time{}
	}
	h, err := windows.CreateFile(name, windows.FILE_READ_ATTRIBUTES, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil,
		windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return time.Time{}
	}
	defer windows.CloseHandle(h)
	var info struct {
		created, read, written, changed int64 // 100 ns since 1601
		attributes, _                   uint32
	}
	if windows.GetFileInformationByHandleEx(h, windows.FileBasicInfo, (*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))) != nil {
		return time.Time{}
	}
	t := windows.Filetime{LowDateTime: uint32(info.changed), HighDateTime: uint32(info.changed >> 32)}
	return time.Unix(0, t.Nanoseconds())
}
