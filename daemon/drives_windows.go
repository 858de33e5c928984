package daemon

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// lookAtDrive asks Windows about a drive letter. x/sys has no WNetGetConnection.
func lookAtDrive(letter string) (kind int, share string) {
	root, err := windows.UTF16PtrFromString(letter + `\`)
	if err != nil {
		return driveUnknown, ""
	}
	switch windows.GetDriveType(root) {
	case windows.DRIVE_NO_ROOT_DIR, windows.DRIVE_UNKNOWN:
		return driveUnknown, ""
	case windows.DRIVE_REMOTE:
	default:
		return driveLocal, ""
	}
	local, err := windows.UTF16PtrFromString(letter)
	if err != nil {
		return driveMapped, ""
	}
	ask := windows.NewLazySystemDLL("mpr.dll").NewProc("WNetGetConnectionW")
	name := make([]uint16, windows.MAX_PATH)
	size := uint32(len(name))
	if ask.Find() != nil {
		return driveMapped, ""
	}
	if failed, _, _ := ask.Call(uintptr(unsafe.Pointer(local)), uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&size))); failed != 0 {
		return driveMapped, ""
	}
	return driveMapped, windows.UTF16ToString(name)
}
