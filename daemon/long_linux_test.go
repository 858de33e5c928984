package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"intray/daemon/document"
	"intray/daemon/pdf"
)

// slips is a PDF of n small pages, each a picture with its number in words on
// it: quick to read, and told apart.
func slips(t testing.TB, n int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "slips.pdf")
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 36, DPI: 72})
	if err != nil {
		t.Fatal(err)
	}
	_, err = pdf.FromPictures(path, n, nil, pdf.Options{}, func(number int) (pdf.Picture, error) {
		img := image.NewGray(image.Rect(0, 0, 700, 120))
		for i := range img.Pix {
			img.Pix[i] = 0xFF
		}
		pen := font.Drawer{Dst: img, Src: image.NewUniform(color.Gray{}), Face: face, Dot: fixed.P(30, 70)}
		pen.DrawString(fmt.Sprintf("From a file of many pages slip %d", number))
		var b bytes.Buffer
		err := jpeg.Encode(&b, img, nil)
		return pdf.Picture{Stream: &pdf.Stream{Filter: "DCTDecode", Data: b.Bytes(), Colours: 1, Bits: 8}, Width: 700, Height: 120, PageWidth: 336, PageHeight: 57.6}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return readFile(t, path)
}

// longRun skips what reads hundreds of pages.
func longRun(t *testing.T) {
	t.Helper()
	if os.Getenv("INTRAY_EVERYTHING") == "" {
		t.Skip("skipped: it takes many minutes; `make everything` runs it")
	}
}

// TestResumeAtThePage: a file of many pages whose daemon is killed goes on from
// the pages that were finished; each of them was read once.
func TestResumeAtThePage(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	const n = 60
	o.start()
	o.drop("long.pdf", slips(t, n))
	o.appears("data/work/*/page-000020.json")
	o.kill()
	before := o.pageResults()
	if len(before) < 15 || len(before) == n {
		t.Fatalf("%d of %d pages were finished", len(before), n)
	}
	o.start()
	o.appears(fmt.Sprintf("data/work/*/page-%06d.json", n-2))
	for name, at := range o.pageResults() {
		if was, done := before[name]; done && !was.Equal(at) {
			t.Errorf("%s was read again", name)
		}
	}
	o.waitLog("long.pdf", "Delivered.")
	o.stop()
	doc := o.delivered("out", "long.json")
	if len(doc.Pages) != n {
		t.Fatalf("%d pages", len(doc.Pages))
	}
	for i, page := range strings.Split(doc.Text, "\f") {
		if want := fmt.Sprintf("slip %d\n", i+1); !strings.HasSuffix(page, want) {
			t.Errorf("page %d says %q", i+1, page)
		}
	}
	o.noDebris()
}

// pageResults is when each page result in the work folder was written.
func (o *office) pageResults() map[string]time.Time {
	out := map[string]time.Time{}
	files, _ := filepath.Glob(o.path("data", "work", "*", "page-*.json"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			out[filepath.Base(f)] = info.ModTime()
		}
	}
	return out
}

// TestFairness: a page dropped behind a long file does not wait for it. How long
// it takes compared with alone is printed, not judged: machines are noisy.
func TestFairness(t *testing.T) {
	o := newOffice(t, "workers = 2\n")
	o.start()
	o.drop("warm.png", scanPNG(t, "workers are warm"))
	o.waitLog("warm.png", "Delivered.")
	delivery := func(name string) time.Duration {
		began := time.Now()
		o.drop(name, scanPNG(t, "a single page "+name))
		o.waitLog(name, "Delivered.")
		return time.Since(began)
	}
	alone := delivery("alone.png")
	const n = 300
	o.drop("long.pdf", slips(t, n))
	o.appears("data/work/*/page-000010.json")
	behind := delivery("behind.png")
	read := len(o.pageResults())
	if o.log.count("long.pdf", "Delivered.") > 0 || read == n {
		t.Error("the long file was read first")
	}
	t.Logf("a page alone: %.2f s; behind a file of %d pages: %.2f s, when %d of them were read", alone.Seconds(), n, behind.Seconds(), read)
	o.kill()
}

// searchable is a PDF of n pages with 300 words each.
func searchable(t testing.TB, n int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "searchable.pdf")
	var blank bytes.Buffer
	img := image.NewGray(image.Rect(0, 0, 60, 80))
	for i := range img.Pix {
		img.Pix[i] = 0xFF
	}
	if err := jpeg.Encode(&blank, img, nil); err != nil {
		t.Fatal(err)
	}
	page := document.Page{Width: 300, Height: 400, Decision: document.DecisionOCR, Blocks: []document.Block{{Kind: "text"}}}
	for row := range 30 {
		y := 20 + 12*float64(row)
		line := document.Line{Box: document.Box{10, y - 9, 290, y}, Baseline: document.Box{10, y, 290, y}}
		for column := range 10 {
			x := 10 + 28*float64(column)
			line.Words = append(line.Words, document.Word{Text: "words", Box: document.Box{x, y - 9, x + 24, y}, Confidence: 1})
		}
		page.Blocks[0].Lines = append(page.Blocks[0].Lines, line)
	}
	_, err := pdf.FromPictures(path, n, func(number int) (pdf.Layer, error) {
		p := page
		p.Number = number
		return pdf.Layer{Page: p, UserToPage: document.Matrix{1, 0, 0, -1, 0, 400}}, nil
	}, pdf.Options{}, func(int) (pdf.Picture, error) {
		return pdf.Picture{Stream: &pdf.Stream{Filter: "DCTDecode", Data: blank.Bytes(), Colours: 1, Bits: 8}, Width: 60, Height: 80, PageWidth: 300, PageHeight: 400}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return readFile(t, path)
}

// TestMemoryDoesNotGrowWithPages: 130 and 1,000 pages are worked on within the
// same bounds.
func TestMemoryDoesNotGrowWithPages(t *testing.T) {
	longRun(t)
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("skipped: memory is read from /proc")
	}
	const daemonKB, workerKB = 150 << 10, 700 << 10
	for _, n := range []int{130, 1000} {
		o := newOffice(t, "workers = 1\n")
		o.start()
		o.drop("long.pdf", searchable(t, n))
		o.waitLog("long.pdf", "Delivered.")
		daemon, worker := peakMemory(t, o.daemon.Process.Pid)
		t.Logf("%4d pages: daemon %d MB, largest worker %d MB", n, daemon>>10, worker>>10)
		if daemon > daemonKB || worker > workerKB {
			t.Errorf("%d pages: the daemon had %d kB, a worker %d kB", n, daemon, worker)
		}
		if doc := o.delivered("out", "long.json"); len(doc.Pages) != n || len(doc.Pages[n-1].Blocks) == 0 {
			t.Errorf("%d of %d pages", len(doc.Pages), n)
		}
		o.stop()
	}
}

// peakMemory is the most resident memory that a process and its largest child
// had, in kB.
func peakMemory(t testing.TB, pid int) (self, child int) {
	t.Helper()
	self, err := highWater(pid)
	if err != nil {
		t.Fatal(err)
	}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		data, _ := os.ReadFile(task) // of a thread that has just ended there is none
		for field := range strings.FieldsSeq(string(data)) {
			var id int
			if _, err := fmt.Sscan(field, &id); err == nil {
				kb, _ := highWater(id) // one that has just ended has none
				child = max(child, kb)
			}
		}
	}
	return self, child
}

// highWater is VmHWM of proc_pid_status(5).
func highWater(pid int) (kb int, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); err == nil {
			return kb, nil
		}
	}
	return 0, errors.New("no VmHWM")
}
