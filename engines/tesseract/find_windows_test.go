package tesseract

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows/registry"
)

// TestFindCommand: on the path, where the registry says, and where it usually is.
func TestFindCommand(t *testing.T) {
	dir := t.TempDir()
	install := func(name string) string {
		path := filepath.Join(dir, name, "tesseract.exe")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("MZ"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{"Path", "ProgramW6432", "ProgramFiles(x86)", "LocalAppData"} {
		t.Setenv(name, filepath.Join(dir, "none"))
	}
	t.Setenv("ProgramFiles", filepath.Join(dir, "programs"))
	if got := findCommand(); got != "tesseract" {
		t.Skip("skipped: this machine has a Tesseract in its registry: ", got)
	}
	usual := install(`programs\Tesseract-OCR`)
	if got := findCommand(); got != usual {
		t.Errorf("where it usually is: %s", got)
	}
	noted := install("noted")
	key, existed, err := registry.CreateKey(registry.CURRENT_USER, `SOFTWARE\Tesseract-OCR`, registry.ALL_ACCESS)
	if err != nil || existed {
		t.Fatal(existed, err)
	}
	defer registry.DeleteKey(registry.CURRENT_USER, `SOFTWARE\Tesseract-OCR`)
	defer key.Close()
	if err := key.SetStringValue("InstallDir", filepath.Dir(noted)); err != nil {
		t.Fatal(err)
	}
	if got := findCommand(); got != noted {
		t.Errorf("where the registry says: %s", got)
	}
	first := install("first")
	t.Setenv("Path", filepath.Dir(first))
	if got := findCommand(); got != first {
		t.Errorf("on the path: %s", got)
	}
}
