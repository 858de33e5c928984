package tesseract

import (
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/windows/registry"
)

// findCommand is the tesseract command. Its installer for Windows (UB Mannheim's) puts
// it on nobody's path; it notes the place in the registry.
func findCommand() string {
	if path, err := exec.LookPath("tesseract"); err == nil {
		return path
	}
	for _, dir := range installedIn() {
		path := filepath.Join(dir, "tesseract.exe")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return "tesseract" // and the error says that it is not there
}

// installedIn lists the folders in which Tesseract may be, the first choice first.
func installedIn() []string {
	var out []string
	for _, root := range []registry.Key{registry.LOCAL_MACHINE, registry.CURRENT_USER} {
		for _, view := range []uint32{registry.WOW64_64KEY, registry.WOW64_32KEY} {
			key, err := registry.OpenKey(root, `SOFTWARE\Tesseract-OCR`, registry.QUERY_VALUE|view)
			if err != nil {
				continue
			}
			for _, name := range []string{"InstallDir", "Path"} {
				if dir, _, err := key.GetStringValue(name); err == nil && filepath.IsAbs(dir) {
					out = append(out, dir)
				}
			}
			_ = key.Close() // it was only read
		}
	}
	for _, name := range []string{"ProgramW6432", "ProgramFiles", "ProgramFiles(x86)"} {
		if dir := os.Getenv(name); dir != "" {
			out = append(out, filepath.Join(dir, "Tesseract-OCR"))
		}
	}
	if dir := os.Getenv("LocalAppData"); dir != "" {
		out = append(out, filepath.Join(dir, "Programs", "Tesseract-OCR"))
	}
	return out
}
