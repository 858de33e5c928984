package daemon

import (
	"debug/elf"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"intray/engines/enginetest"
)

// staticProgram is what `make static` built.
func staticProgram(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "bin", "intray-static"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("skipped: bin/intray-static is not there; make static builds it")
	}
	return path
}

// TestStaticReadsTheSame: the program with Tesseract inside gives the words,
// places and confidences of the one that uses the system's.
func TestStaticReadsTheSame(t *testing.T) {
	static := staticProgram(t)
	dir := t.TempDir()
	var files []string
	for i, name := range enginetest.ScanNames() {
		scan, err := enginetest.DrawScan(name, 200, uint64(50+i))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name+".pdf")
		if err := writeScan(file, scan.Image); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	const shared = "../../shared/corpus/ocr/"
	for _, name := range []string{"eng-linn.png", "eng-oldbook-c025.tiff", "eng-oldbook-f035.tiff", "eng-phototest.tif", "eng-phototest-rotated-L.png",
		"eng-typescript-EHRI-DR-19390125-US_06.jpg", "eng-linn-ccitt.pdf"} {
		if _, err := os.Stat(shared + name); err == nil {
			files = append(files, shared+name)
		}
	}
	t.Logf("%d pages", len(files))
	read := func(program string) string {
		out := t.TempDir()
		cmd := command(t, append([]string{"ocr", "-o", out}, files...)...)
		cmd.Path = program
		// A folder of models that lacks English proves whose English is used.
		if program == static {
			cmd.Env = append(cmd.Env, "TESSDATA_PREFIX="+t.TempDir())
		}
		if said, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != exitReview {
			t.Fatalf("%v\n%s", err, said)
		}
		return out
	}
	system, ours := read(os.Getenv(theProgram)), read(static)
	for _, file := range files {
		stem := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		want, got := pagesIn(t, system, stem), pagesIn(t, ours, stem)
		if want != got || !strings.Contains(want, `"text"`) {
			t.Errorf("%s: the system's Tesseract reads\n%s\nours\n%s", stem, want, got)
		}
	}
}

// pagesIn is the pages of a document that is in out or in its review folder.
func pagesIn(t *testing.T, out, stem string) string {
	t.Helper()
	for _, pattern := range []string{stem + ".json", filepath.Join("review", "*", stem+".json")} {
		if found, err := filepath.Glob(filepath.Join(out, pattern)); err == nil && len(found) == 1 {
			pages, err := json.MarshalIndent(readDocument(t, found[0]).Pages, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			return string(pages)
		}
	}
	t.Errorf("%s did not come out", stem)
	return ""
}

// TestStaticNeedsNoOCR: of shared libraries it wants those that every Debian has.
func TestStaticNeedsNoOCR(t *testing.T) {
	static := staticProgram(t)
	if runtime.GOOS != "linux" {
		t.Skip("skipped: reads an ELF file")
	}
	f, err := elf.Open(static)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range libraries {
		base, _, _ := strings.Cut(l, ".so")
		switch base {
		case "libc", "libm", "libstdc++", "libgcc_s", "ld-linux-x86-64", "ld-linux-aarch64":
		default:
			t.Errorf("needs %s", l)
		}
	}
}
