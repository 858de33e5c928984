package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"intray/daemon/deliver"
	"intray/daemon/document"
	"intray/daemon/pdf"
)

// scanPNG draws a page with one line a word, readable without doubt.
func scanPNG(t testing.TB, lines ...string) []byte {
	t.Helper()
	page, err := drawPage(lines, speckle(t, lines))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	// Compressing takes the race detector a second or two for each page.
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, page); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// drawn counts how often a test drew the same text.
var drawn = struct {
	sync.Mutex
	times map[string]uint64
}{times: map[string]uint64{}}

// speckle is the same in each run of a test, so that Tesseract reads the same, and
// differs from scan to scan, so that two of the same text are two documents.
func speckle(t testing.TB, lines []string) *rand.Rand {
	text := t.Name() + "\n" + strings.Join(lines, "\n")
	drawn.Lock()
	defer drawn.Unlock()
	drawn.times[text]++
	seed := fnv.New64a()
	_, _ = io.WriteString(seed, text)
	return rand.New(rand.NewPCG(seed.Sum64(), drawn.times[text]))
}

// scanPDF makes an image-only PDF with one page for each text.
func scanPDF(t testing.TB, pages ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scan.pdf")
	_, err := pdf.FromPictures(path, len(pages), nil, pdf.Options{Producer: "test"}, func(n int) (pdf.Picture, error) {
		lines := strings.Split(pages[n-1], "\n")
		page, err := drawPage(lines, speckle(t, lines))
		if err != nil {
			return pdf.Picture{}, err
		}
		var b bytes.Buffer
		err = jpeg.Encode(&b, page, &jpeg.Options{Quality: 80})
		w, h := page.Rect.Dx(), page.Rect.Dy()
		return pdf.Picture{Stream: &pdf.Stream{Filter: "DCTDecode", Data: b.Bytes(), Colours: 1, Bits: 8}, Width: w, Height: h, PageWidth: float64(w) * .36, PageHeight: float64(h) * .36}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDropIsDelivered(t *testing.T) {
	o := newOffice(t, "").raced()
	o.start()
	o.drop("letters/scan.png", scanPNG(t, "The lighthouse keeper", "counts every ship"))
	o.waitLog("Delivered.", "letters/scan.png")
	doc := o.delivered("out", "letters", "scan.json")
	if !strings.Contains(doc.Text, "lighthouse keeper\n") || doc.State != "completed_with_warnings" && doc.State != "completed" {
		t.Errorf("text %q, state %s", doc.Text, doc.State)
	}
	if doc.Source.Path != "letters/scan.png" || doc.Source.Folder != "desk" || doc.Files.PDF != "scan.pdf" || len(doc.Languages) == 0 {
		t.Errorf("source %+v, files %+v, languages %v", doc.Source, doc.Files, doc.Languages)
	}
	if text := outputOf(t, tool(t, "pdftotext"), o.path("out", "letters", "scan.pdf"), "-"); !strings.Contains(text, "counts every ship") {
		t.Errorf("the PDF's text is %q", text)
	}

	// Another page under the same name, and the first once more.
	o.drop("letters/scan.png", scanPNG(t, "A different page altogether"))
	o.waitLog("Delivered.", "scan-")
	again, err := os.ReadFile(o.path("data", "originals", doc.Source.SHA256[:2], doc.Source.SHA256))
	if err != nil {
		t.Fatal(err)
	}
	o.drop("copy.png", again)
	o.waitLog("Already known", "copy.png")
	list, _, code := runIntray(t, "list", "--json", "--config", o.config)
	var docs []struct {
		State, DuplicateOf string
		DocumentID         string `json:"document_id"`
	}
	if err := json.Unmarshal([]byte(list), &docs); err != nil || code != 0 || len(docs) != 3 || docs[0].State != "duplicate" {
		t.Errorf("list while running: code %d, %v\n%s", code, err, list)
	}
	o.stop()
	o.noDebris()
	if show, _, code := runIntray(t, "show", docs[2].DocumentID, "--config", o.config); code != 0 || !strings.Contains(show, "validated") {
		t.Errorf("show while stopped: code %d\n%s", code, show)
	}
}

// TestA3KillInTheMiddle kills the daemon in the middle of a four-page file,
// again and again, at whatever it does at that moment.
func TestA3KillInTheMiddle(t *testing.T) {
	o := newOffice(t, "")
	o.start()
	o.drop("four.pdf", scanPDF(t, "page one\nalpha", "page two\nbravo", "page three\ncharlie", "page four\ndelta"))
	o.waitLog("Taken in.", "four.pdf")
	for i := range 4 {
		o.kill()
		o.start()
		if i > 0 && o.log.count("Delivered.") == 0 {
			_, _ = o.log.wait(time.Duration(i)*300*time.Millisecond, "Delivered.")
		}
	}
	if _, err := os.Stat(o.path("out", "four.json")); err != nil {
		o.waitLog("Delivered.", "four.pdf")
	}
	o.stop()
	o.noDebris()
	files, err := os.ReadDir(o.path("out"))
	if err != nil || len(files) != 2 {
		t.Fatalf("delivered %v, %v; want four.json and four.pdf", files, err)
	}
	doc := o.delivered("out", "four.json")
	for _, word := range []string{"alpha", "bravo", "charlie", "delta"} {
		if strings.Count(doc.Text, word) != 1 {
			t.Errorf("%q is in the text %d times", word, strings.Count(doc.Text, word))
		}
	}
}

// TestA4BadFilesAreExplained drops what an office drops by mistake; the good
// file behind it is delivered.
func TestA4BadFilesAreExplained(t *testing.T) {
	whole := scanPDF(t, "first page", "second page")
	o := newOffice(t, "")
	o.start()
	o.drop("letter.pdf", []byte("Dear Sir or Madam,\nthis is no PDF.\n"))
	o.drop("empty.pdf", nil)
	o.drop("cut.pdf", whole[:len(whole)*2/3])
	o.drop("locked.pdf", encrypted(t, whole))
	if err := os.MkdirAll(o.path("in", "folder.pdf"), 0o755); err != nil {
		t.Fatal(err)
	}
	o.drop("good.png", scanPNG(t, "the good one"))
	o.waitLog("Delivered.", "good.png")
	want := map[string]string{"letter": "unsupported_type", "empty": "empty_file", "cut": "corrupt", "locked": "needs_password"}
	for stem, code := range want {
		o.waitLog("Failed.", stem+".pdf")
		bundles, err := filepath.Glob(o.path("failed", stem+"-*"))
		if err != nil || len(bundles) != 1 {
			t.Errorf("%s: bundles %v, %v", stem, bundles, err)
			continue
		}
		reason := readReason(t, filepath.Join(bundles[0], "reason.json"))
		if reason.Code != code || reason.Kind != "terminal" || reason.Sentence == "" || reason.Stage == "" || reason.DocumentID == "" || reason.State != "failed_terminal" {
			t.Errorf("%s: %+v", stem, reason)
		}
		if _, err := os.Stat(filepath.Join(bundles[0], stem+".pdf")); err != nil {
			t.Errorf("%s: the original is not in the bundle: %v", stem, err)
		}
		t.Logf("%-12s %-16s %s", stem+".pdf", reason.Code, reason.Sentence)
	}
	o.stop()
	if n := o.log.count("folder.pdf"); n != 1 {
		t.Errorf("the folder is mentioned %d times", n)
	}
	if _, err := os.Stat(o.path("in", "folder.pdf")); err != nil {
		t.Errorf("the folder was not left alone: %v", err)
	}
	if err := os.Remove(o.path("in", "folder.pdf")); err != nil {
		t.Fatal(err)
	}
	o.noDebris()
}

func readReason(t testing.TB, path string) deliver.Reason {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r deliver.Reason
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// encrypted locks a PDF with a password.
func encrypted(t testing.TB, plain []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.pdf"), filepath.Join(dir, "out.pdf")
	if err := os.WriteFile(in, plain, 0o644); err != nil {
		t.Fatal(err)
	}
	outputOf(t, tool(t, "qpdf"), "--encrypt", "secret", "secret", "256", "--", in, out)
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestA14PageThatKillsItsWorker crashes the reader on one page of a document:
// the others are read and the document goes to review.
func TestA14PageThatKillsItsWorker(t *testing.T) {
	o := newOffice(t, "worker_memory_mb = 1500\n[limits]\nmax_megapixels = 5000\n")
	data := bombTIFF(t)
	o.start()
	o.drop("bomb.tif", data)
	o.waitLog("bomb.tif", "Needs review.")
	o.drop("good.png", scanPNG(t, "still alive"))
	o.waitLog("Delivered.", "good.png")
	bundles, _ := filepath.Glob(o.path("review", "bomb-*", "*.json"))
	if len(bundles) != 1 {
		t.Fatalf("review bundles: %v\n%s", bundles, o.log)
	}
	doc := readDocument(t, bundles[0])
	if len(doc.Pages) != 2 || doc.Pages[0].Decision != document.DecisionOCR || doc.Pages[1].Decision != document.DecisionFailed {
		t.Errorf("decisions %+v", doc.Pages)
	}
	if doc.State != "needs_human_review" || doc.Validation.Verdict != document.VerdictReview {
		t.Errorf("state %s, verdict %+v", doc.State, doc.Validation)
	}
	o.stop()
	o.noDebris()
}

// TestStartIsFast and light: an idle daemon watches within a second and stays
// under 60 MB. It measures the program as it is built for use, without the
// race detector.
func TestStartAndMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("skipped: memory is read from /proc")
	}
	binary := filepath.Join(t.TempDir(), "intray")
	if out, err := exec.Command("go", "build", "-o", binary, "intray").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	// The best of a few starts: other tests use the same cores, and the kernel maps
	// more of the program's file than was asked for, sometimes megabytes more.
	took, kb := time.Hour, math.MaxInt
	for range 5 {
		once, memory := startOnce(t, binary)
		took, kb = min(took, once), min(kb, memory)
	}
	t.Logf("watching after %v with %.1f MB", took, float64(kb)/1024)
	if took > time.Second {
		t.Errorf("watching after %v", took)
	}
	if kb == 0 || kb > 60*1024 {
		t.Errorf("resident memory is %d kB", kb)
	}
}

// startOnce starts the program, says how long it took to watch and how many
// kilobytes it holds, and stops it.
func startOnce(t *testing.T, binary string) (took time.Duration, kb int) {
	t.Helper()
	o := newOffice(t, "")
	cmd := exec.Command(binary, "run", "--config", o.config)
	o.log = &logWatch{arrived: make(chan struct{}, 1)}
	cmd.Stderr = o.log
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o.daemon = cmd
	o.waitLog("Watching.")
	took = time.Since(began)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			break
		}
	}
	o.stop()
	return took, kb
}

func TestOCRCommand(t *testing.T) {
	dir := t.TempDir()
	scratch := t.TempDir() // of its own: what other runs left in the shared one is not this one's
	t.Setenv("TMPDIR", scratch)
	t.Setenv("TMP", scratch)
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.png", scanPNG(t, "read me once"))
	bad := write("bad.pdf", []byte("%PDF-1.7 and then nothing"))
	out := filepath.Join(dir, "results")
	stdout, stderr, code := runIntray(t, "ocr", good, "-o", out)
	if code != exitDone || strings.TrimSpace(stdout) != filepath.Join(out, "good.pdf") {
		t.Fatalf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if doc := readDocument(t, filepath.Join(out, "good.json")); !strings.Contains(doc.Text, "read me once") {
		t.Errorf("text %q", doc.Text)
	}
	if _, err := os.Stat(good); err != nil {
		t.Errorf("the source was touched: %v", err)
	}
	if _, stderr, code = runIntray(t, "ocr", bad, good, "-o", out); code != exitRefused || !strings.Contains(stderr, "bad.pdf: ") {
		t.Errorf("refused: code %d, %q", code, stderr)
	}
	if _, _, code = runIntray(t, "ocr", good); code != exitUsage {
		t.Errorf("without -o: code %d", code)
	}
	if _, _, code = runIntray(t, "ocr", filepath.Join(dir, "none.pdf"), "-o", out); code != exitUsage {
		t.Errorf("missing file: code %d", code)
	}
	left, err := filepath.Glob(filepath.Join(scratch, "intray-ocr-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// bombTIFF has a small good page, then one of 64000 x 64000 pixels in a few
// kilobytes: decoding it takes more memory than a worker may have.
func bombTIFF(t testing.TB) []byte {
	t.Helper()
	page := image.NewGray(image.Rect(0, 0, 900, 220))
	lines := []string{"page one is fine"}
	text, err := drawPage(lines, speckle(t, lines))
	if err != nil {
		t.Fatal(err)
	}
	for y := range 220 {
		for x := range 900 {
			page.SetGray(x, y, color.Gray{Y: text.GrayAt(x+100, y+150).Y})
		}
	}
	return tiffOf(page.Pix, 900, 220, 64000, 64000)
}
