package intake

import (
	"errors"
	"testing"

	"golang.org/x/sys/windows"
)

// TestLockedByScanner: a file that somebody has open in a way that could end badly
// waits, under its own name, and is taken when it is let go.
func TestLockedByScanner(t *testing.T) {
	for name, how := range map[string]struct{ access, share uint32 }{
		"exclusively":            {windows.GENERIC_READ | windows.GENERIC_WRITE, 0},
		"for writing":            {windows.GENERIC_WRITE, windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE},
		"for reading, unmovable": {windows.GENERIC_READ, windows.FILE_SHARE_READ},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			file := f.drop(t, "scan.pdf", "content")
			path, err := windows.UTF16PtrFromString(file.Path)
			if err != nil {
				t.Fatal(err)
			}
			h, err := windows.CreateFile(path, how.access, how.share, nil, windows.OPEN_EXISTING, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			var again *Again
			if _, err := f.Take(t.Context(), f.folder, file); !errors.As(err, &again) || again.After <= 0 || !exists(file.Path) {
				t.Errorf("%v, still there %v", err, exists(file.Path))
			}
			if err := windows.CloseHandle(h); err != nil {
				t.Fatal(err)
			}
			f.take(t, file)
			f.empty(t)
		})
	}
}
