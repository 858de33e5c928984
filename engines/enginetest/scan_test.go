package enginetest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestTrainingPages writes pages of every kind, as portable greymaps, into the
// folder INTRAY_TRAINING_PAGES: installers/static-ocr.sh has the compiler watch
// Tesseract read them. Nothing that speed is measured with may be among them.
func TestTrainingPages(t *testing.T) {
	dir := os.Getenv("INTRAY_TRAINING_PAGES")
	if dir == "" {
		t.Skip("skipped: INTRAY_TRAINING_PAGES names no folder")
	}
	for i, name := range ScanNames() {
		scan, err := DrawScan(name, 200+100*(i%2), uint64(1000+i))
		if err != nil {
			t.Fatal(err)
		}
		size := scan.Image.Rect.Size()
		data := append(fmt.Appendf(nil, "P5\n%d %d\n255\n", size.X, size.Y), scan.Image.Pix...)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d.pgm", name, scan.DPI)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
