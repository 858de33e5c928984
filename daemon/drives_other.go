//go:build !windows

package daemon

// lookAtDrive is not asked: there are no drive letters.
func lookAtDrive(string) (kind int, share string) { return driveLocal, "" }
