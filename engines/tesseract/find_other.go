//go:build !windows

package tesseract

// findCommand is the tesseract command, which is on the path.
func findCommand() string { return "tesseract" }
