package private

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

// rights is the list of rights on a file or folder in words.
func rights(t *testing.T, path string) string {
	t.Helper()
	d, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// needRights skips what Wine cannot show.
func needRights(t *testing.T) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Skip("skipped: Wine keeps no lists of rights, only what the file system below it has")
	}
}

// forOthers are those who are neither the account nor the machine's keepers.
func forOthers(t *testing.T, path string) bool {
	t.Helper()
	text := rights(t, path)
	t.Log(text)
	return !strings.HasPrefix(text, "D:P") || strings.Contains(text, ";;;WD)") || strings.Contains(text, ";;;BU)") || strings.Contains(text, ";;;AU)")
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "data")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Folder(dir); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "inside")
	if err := os.WriteFile(file, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "x" {
		t.Errorf("the account itself: %q, %v", got, err)
	}
	needRights(t)
	if forOthers(t, dir) || strings.Contains(rights(t, file), ";;;BU)") {
		t.Error("others may look into it")
	}
	// What an administrator allows stays allowed.
	const more = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)(A;OICI;FR;;;LS)"
	if err := errors.Join(set(dir, more), Folder(dir)); err != nil || !strings.Contains(rights(t, dir), ";;;LS)") {
		t.Errorf("%s, %v", rights(t, dir), err)
	}
}

func TestFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := File(file); err != nil {
		t.Fatal(err)
	}
	needRights(t)
	if forOthers(t, file) {
		t.Error("others may read it")
	}
}

func TestAdministered(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Intray")
	if before, err := Administered(dir); err != nil || before {
		t.Fatal(before, err)
	}
	if planted, err := Planted(filepath.Join(dir, "none")); err != nil || planted {
		t.Errorf("what is not there: %v, %v", planted, err)
	}
	if planted, err := Planted(dir); err != nil || planted {
		t.Errorf("what this account made: %v, %v", planted, err)
	}
	if foreign, err := Foreign(filepath.Join(dir, "none")); err != nil || foreign {
		t.Errorf("what is not there: %v, %v", foreign, err)
	}
	needRights(t)
	if text := rights(t, dir); !strings.HasPrefix(text, "D:P") || strings.Contains(text, ";FA;;;BU)") || strings.Contains(text, ";;;WD)") {
		t.Errorf("everybody may change it: %s", text)
	}
	if before, err := Administered(dir); err != nil || !before {
		t.Errorf("the second time: %v, %v", before, err)
	}
}
