package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"intray/daemon/barcode/barcodetest"
	"intray/daemon/config"
	"intray/daemon/document"
	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/daemon/split"
	"intray/daemon/worker"
	"intray/ledger"
)

// looker sees pages as a worker does, in this process.
func looker(t *testing.T) func(path string) []worker.LookAnswer {
	t.Helper()
	reader := &worker.Reader{CacheDir: filepath.Join(os.Getenv("XDG_CACHE_HOME"), "intray")}
	t.Cleanup(func() { _ = reader.Close() })
	ask := func(name string, request, answer any) {
		t.Helper()
		body, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		got, err := reader.Handlers()[name](context.Background(), body)
		if err != nil {
			t.Fatal(err)
		}
		body, _ = json.Marshal(got)
		if err := json.Unmarshal(body, answer); err != nil {
			t.Fatal(err)
		}
	}
	return func(path string) (out []worker.LookAnswer) {
		t.Helper()
		head := make([]byte, 4096)
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := f.Read(head)
		f.Close()
		source := worker.Source{Path: path, MIME: pages.Sniff(head[:n])}
		var info pages.Info
		ask(worker.Inspect, source, &info)
		for i := range info.Pages {
			var answer worker.LookAnswer
			ask(worker.Look, worker.LookRequest{Source: source, Number: i + 1, Barcodes: true}, &answer)
			out = append(out, answer)
		}
		return out
	}
}

// TestCorpusSeparators splits the files with separator sheets as their truth says.
func TestCorpusSeparators(t *testing.T) {
	t.Parallel()
	dir := corpus(t)
	look := looker(t)
	cfg, _, err := config.Parse([]byte("version = 1\n[[folder]]\nname = \"desk\"\nsplit = [{ separator = '^(PATCHT|CUSTOM BARCODE)$' }, { barcode = '^(ASN\\d+$|TAG:)' }]\n"), "config.toml", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	truths, _ := filepath.Glob(filepath.Join(dir, "barcodes", "*.truth.json"))
	if len(truths) == 0 {
		t.Fatal("no files")
	}
	for _, path := range truths {
		var truth struct {
			Separators []int `json:"separator_pages_0based"`
			Documents  *int
			Keep       bool `json:"keep_separator_page"`
			Text       string
		}
		data, err := os.ReadFile(path)
		if err != nil || json.Unmarshal(data, &truth) != nil {
			t.Fatal(path, err)
		}
		file, _ := filepath.Glob(strings.TrimSuffix(path, ".truth.json") + ".[pt]*[fF]")
		seen := look(file[0])
		var in []split.Page
		var texts []string
		for _, s := range seen {
			page := split.Page{Ink: s.Ink, Text: s.Text}
			for _, b := range s.Barcodes {
				page.Barcodes = append(page.Barcodes, split.Barcode{Format: b.Format, Text: b.Text})
				texts = append(texts, b.Text)
			}
			in = append(in, page)
		}
		parts, dropped := split.Plan(cfg.Folders[0], in)
		got := []int{}
		for _, d := range dropped {
			got = append(got, d.Page-1)
		}
		if truth.Keep {
			for _, p := range parts[1:] {
				got = append(got, p.Pages[0]-1)
			}
		}
		ok := reflect.DeepEqual(got, append([]int{}, truth.Separators...)) && (truth.Documents == nil || *truth.Documents == len(parts)) &&
			(truth.Text == "" || slices.Contains(texts, truth.Text))
		t.Logf("%-45s pages %2d, documents %d, separators %v, barcodes %q", filepath.Base(file[0]), len(in), len(parts), got, texts)
		if !ok {
			t.Errorf("%s: want %s", filepath.Base(file[0]), data)
		}
	}
}

// TestCorpusBarcodes reads one picture of each kind.
func TestCorpusBarcodes(t *testing.T) {
	t.Parallel()
	dir := corpus(t)
	look := looker(t)
	truths, _ := filepath.Glob(filepath.Join(dir, "barcodes", "*.gt.txt"))
	if len(truths) == 0 {
		t.Fatal("no files")
	}
	for _, path := range truths {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, _ := filepath.Glob(strings.TrimSuffix(path, ".gt.txt") + ".[pw][ne][gb]*")
		found := look(file[0])[0].Barcodes
		if len(found) != 1 || plainLines(found[0].Text) != plainLines(string(want)) {
			t.Errorf("%s: %+v, want %q", filepath.Base(file[0]), found, want)
			continue
		}
		t.Logf("%-60s %-10s at %v", filepath.Base(file[0]), found[0].Format, found[0].Box)
	}
}

func plainLines(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }

// codePDF is scanPDF where a text that begins with "code:" becomes a barcode, and
// an empty one a blank page.
func codePDF(t testing.TB, texts ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scan.pdf")
	_, err := pdf.FromPictures(path, len(texts), nil, pdf.Options{Producer: "test"}, func(n int) (pdf.Picture, error) {
		code, isCode := strings.CutPrefix(texts[n-1], "code:")
		lines := strings.Split(texts[n-1], "\n")
		if isCode || texts[n-1] == "" {
			lines = nil
		}
		page, err := drawPage(lines, speckle(t, lines))
		if err != nil {
			return pdf.Picture{}, err
		}
		img := image.NewGray(image.Rect(0, 0, 1200, 800))
		for i := range img.Pix {
			img.Pix[i] = 0xFF
		}
		if len(lines) > 0 {
			b := page.Bounds()
			for y := range min(b.Dy(), 800) {
				for x := range min(b.Dx(), 1200) {
					r, _, _, _ := page.At(b.Min.X+x, b.Min.Y+y).RGBA()
					img.Pix[img.PixOffset(x, y)] = uint8(r >> 8)
				}
			}
		}
		if isCode {
			if _, err := barcodetest.Code39(img, code, 100, 200, 3, 150); err != nil {
				return pdf.Picture{}, err
			}
		}
		return pdf.Picture{Pixels: img, Width: 1200, Height: 800, PageWidth: 432, PageHeight: 288}, nil
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

// configure adds lines to the office's folder.
func (o *office) configure(lines string) {
	o.t.Helper()
	data, err := os.ReadFile(o.config)
	if err == nil {
		err = os.WriteFile(o.config, append(data, lines...), 0o644)
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// TestSplitSurvivesKills kills the daemon at every step of a split: the parts are
// delivered once each, with their pages.
func TestSplitSurvivesKills(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.configure("split = [{ separator = \"^PATCHT$\" }]\nblank_pages = \"remove\"\nbarcodes = true\n")
	o.drop("a/batch.pdf", codePDF(t, "alpha letter", "code:PATCHT", "bravo letter", "", "charlie letter"))
	for _, point := range []string{"pipeline.splitting", "pipeline.split", "pipeline.planned"} {
		o.dieAt(point + ":1")
	}
	o.start()
	for _, stem := range []string{"batch-1", "batch-2"} {
		if _, err := os.Stat(o.path("out", "a", stem+".json")); err != nil {
			o.waitDelivered(stem)
		}
	}
	o.stop()
	o.noDebris()
	one, two := o.delivered("out", "a", "batch-1.json"), o.delivered("out", "a", "batch-2.json")
	if !strings.Contains(one.Text, "alpha") || !strings.Contains(two.Text, "bravo") || !strings.Contains(two.Text, "charlie") || len(one.Pages) != 1 || len(two.Pages) != 2 {
		t.Errorf("texts %q and %q", one.Text, two.Text)
	}
	if one.Source.Parent == "" || one.Source.Parent != two.Source.Parent || !reflect.DeepEqual(two.Source.ParentPages, []int{3, 5}) || one.Source.Path != "a/batch.pdf" {
		t.Errorf("source %+v", two.Source)
	}
	files, _ := filepath.Glob(o.path("out", "a", "*"))
	if len(files) != 4 {
		t.Errorf("delivered %v", files)
	}
	l, err := ledger.Open(o.path("data", "ledger.db"), ledger.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	parent, err := l.Get(one.Source.Parent)
	if err != nil || parent.State != ledger.Completed || len(parent.Split.Parts) != 2 || len(parent.Split.Dropped) != 2 || parent.Split.Dropped[0].Page != 2 {
		t.Errorf("parent %+v, %v", parent.Split, err)
	}
	if _, err := os.Stat(o.path("data", "originals", parent.SHA256[:2], parent.SHA256)); err != nil {
		t.Errorf("the original is gone: %v", err)
	}
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	if show, _, code := runIntray(t, "show", parent.ID, "--config", o.config); code != 0 || !strings.Contains(show, "batch-2.pdf") || !strings.Contains(show, "Separator sheet") {
		t.Errorf("show: %d\n%s", code, show)
	}
}

// waitDelivered waits for a delivery whose PDF has this stem.
func (o *office) waitDelivered(stem string) {
	o.t.Helper()
	o.waitLog("Delivered.", fmt.Sprintf("%s.pdf", stem))
}

// TestNothingButBlank: a file of which no page would be left comes out whole.
func TestNothingButBlank(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.configure("split = [{ separator = \"^PATCHT$\" }]\nblank_pages = \"remove\"\nbarcodes = true\n")
	o.start()
	o.drop("empty.pdf", codePDF(t, "", "code:PATCHT", ""))
	o.waitDelivered("empty")
	o.stop()
	doc := o.delivered("out", "empty.json")
	if len(doc.Pages) != 3 || doc.Source.Parent != "" || !slices.ContainsFunc(doc.Warnings, func(w document.Warning) bool { return w.Code == "nothing_but_blank" }) {
		t.Errorf("%d pages, %+v, warnings %+v", len(doc.Pages), doc.Source, doc.Warnings)
	}
}

// TestSplitOfPictures: parts of a TIFF are PDFs around its own pages.
func TestSplitOfPictures(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(corpus(t), "barcodes", "paperless-patch-code-t-middle-tiff.tiff"))
	if err != nil {
		t.Fatal(err)
	}
	o := newOffice(t, "")
	o.configure("split = { separator = \"^PATCHT$\" }\nbarcodes = true\npdfa = \"require\"\n")
	o.start()
	o.drop("pile.tiff", data)
	o.waitDelivered("pile-1")
	o.waitDelivered("pile-2")
	o.drop("again.tiff", data)
	o.waitLog("Already known", "again.tiff")
	o.stop()
	o.noDebris()
	for i, stem := range []string{"pile-1", "pile-2"} {
		doc := o.delivered("out", stem+".json")
		if len(doc.Pages) != 1 || !reflect.DeepEqual(doc.Source.ParentPages, []int{1 + 2*i}) || doc.Source.MIME != "image/tiff" || doc.Files.Conformance != "PDF/A-2b" {
			t.Errorf("%s: %+v, %+v", stem, doc.Source, doc.Files)
		}
	}
}
