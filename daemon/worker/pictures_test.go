package worker

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"intray/daemon/pages"
	"intray/daemon/pdf"
)

// corpusPicture is what is known of a picture of the corpus: pages, the first
// one's upright size in pixels, how it is embedded ("" by its pixels), whether
// the stream stands in the file byte for byte, and about how much ink it has.
type corpusPicture struct {
	name                 string
	pages, width, height int
	filter               string
	verbatim             bool
	leastInk, mostInk    float64
}

func corpusPictures() []corpusPicture {
	const jpeg, fax, flate, jpx = "DCTDecode", "CCITTFaxDecode", "FlateDecode", "JPXDecode"
	return []corpusPicture{
		{"aws-multipage-tiff-lzw-mixed-size.tiff", 2, 1000, 1333, "", false, 0.02, 0.08},
		{"aws-phone-photo-exif6-jpg.jpg", 1, 3024, 4032, jpeg, true, 0.02, 0.08},
		{"aws-tiff-jpeg-rgba.tiff", 1, 1544, 1065, "", false, 0.02, 0.08},
		{"go-bmp_1bpp-bmp.bmp", 1, 96, 73, "", false, 0.04, 0.09},
		{"go-bw-gopher_ccittGroup3-tiff.tiff", 1, 153, 55, fax, true, 0.05, 0.09},
		{"go-bw-gopher_ccittGroup4-tiff.tiff", 1, 153, 55, fax, true, 0.05, 0.09},
		{"go-bw-packbits-tiff.tiff", 1, 153, 55, "", false, 0.05, 0.09},
		{"ocrmypdf-baiona_cmyk-jpg.jpg", 1, 640, 682, jpeg, true, 0.04, 0.09},
		{"ocrmypdf-baiona_gray-png.png", 1, 640, 682, flate, false, 0.04, 0.09},
		{"opf-jp2.jp2", 1, 2717, 3701, jpx, true, 0.1, 0.2},
		{"opf-lorem-16bit-png.png", 1, 600, 855, flate, false, 0.1, 0.2},
		{"opf-lorem-jpg.jpg", 1, 600, 855, jpeg, true, 0.1, 0.2},
		{"paperless-document-webp.webp", 1, 1700, 2200, "", false, 0.0005, 0.003},
		{"paperless-multi-page-images-alpha-rgb-tiff.tiff", 3, 2476, 3204, "", false, 0.0005, 0.003},
		{"paperless-multi-page-images-alpha-tiff.tiff", 3, 2476, 3204, "", false, 0.0005, 0.003},
		{"paperless-multi-page-images-tiff.tiff", 3, 2476, 3204, "", false, 0.0005, 0.003},
		{"paperless-no-text-alpha-png.png", 1, 297, 225, "", false, 0.04, 0.1},
		{"paperless-simple-alpha-png.png", 1, 517, 147, "", false, 0.02, 0.06},
		{"paperless-simple-bmp.bmp", 1, 1436, 408, "", false, 0.02, 0.06},
		{"paperless-simple-gif.gif", 1, 1436, 408, "", false, 0.02, 0.06},
		{"paperless-simple-heic.heic", 1, 1345, 447, "", false, 0.02, 0.06},
		{"paperless-simple-tif.tif", 1, 1436, 408, "", false, 0.02, 0.06},
		{"pillow-16bit-cropped-tif.tif", 1, 64, 64, "", false, 0.99, 1},
		{"pillow-g4_orientation_5-tif.tif", 1, 590, 88, fax, true, 0.08, 0.14},
		{"pillow-hopper-avif.avif", 1, 128, 128, "", false, 0.4, 0.5},
		{"pillow-hopper_orientation_6-webp.webp", 1, 128, 128, "", false, 0.4, 0.5},
		{"pillow-old-style-jpeg-compression-tif.tif", 1, 4160, 870, jpeg, false, 0.1, 0.2},
		{"pillow-pport_g4-tif.tif", 1, 2548, 3296, fax, true, 0.06, 0.1},
		{"pillow-tiff_strip_cmyk_jpeg-tif.tif", 1, 100, 100, jpeg, false, 0.8, 0.95},
		{"pillow-total-pages-zero-tif.tif", 3, 1728, 2156, fax, true, 0.01, 0.03},
		{"tika-rotated-plus10-png.png", 1, 988, 1184, "", false, 0.03, 0.07},
		{"tika-tiff-multipage-jpeg.tif", 2, 800, 600, jpeg, false, 0.03, 0.07},
		{"tjs-simple-90-jpg.jpg", 1, 320, 180, jpeg, true, 0.005, 0.02},
		{"tjs-simple-180-jpg.jpg", 1, 320, 180, jpeg, true, 0.005, 0.02},
		{"tjs-simple-270-jpg.jpg", 1, 320, 180, jpeg, true, 0.005, 0.02},
		{"tjs-simple-pbm.pbm", 1, 320, 180, "", false, 0.005, 0.02},
		{"tjs-simple-webp.webp", 1, 320, 180, "", false, 0.005, 0.02},
	}
}

// mostDifference is how much of a page's ink PDFium may draw differently from
// what was read: colours of ink and of profiles become grey in other ways.
const mostDifference = 0.05

// TestCorpusPictures opens every picture of the corpus, writes its PDF and has
// PDFium look at it: what was read is what is seen, upright, and the streams
// are the files' own.
func TestCorpusPictures(t *testing.T) {
	corpus, err := filepath.Abs("../../../shared/corpus/formats")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("skipped: no corpus beside the project: ", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	opener := &pages.Opener{CacheDir: filepath.Join(cache, "intray-test-pdfium")}
	defer opener.Close()
	for _, c := range corpusPictures() {
		t.Run(c.name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join(corpus, c.name))
			if err != nil {
				t.Fatal(err)
			}
			d, err := opener.Open(t.Context(), filepath.Join(corpus, c.name), pages.Sniff(file))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if d.Info().Pages != c.pages {
				t.Fatalf("%d pages, want %d", d.Info().Pages, c.pages)
			}
			c.check(t, opener, d.(pages.Pictures), file)
		})
	}
}

func (c corpusPicture) check(t *testing.T, opener *pages.Opener, d pages.Pictures, file []byte) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.pdf")
	var streams [][]byte
	_, err := pdf.FromPictures(out, c.pages, nil, pdf.Options{}, func(number int) (pdf.Picture, error) {
		s, err := d.Stored(number)
		if filter := ""; number == 1 {
			if s.Stream != nil {
				filter = s.Stream.Filter
			}
			if filter != c.filter {
				t.Errorf("embedded as %q, want %q", filter, c.filter)
			}
		}
		if s.Stream != nil {
			streams = append(streams, s.Stream.Data)
		}
		return pictureFrom(s), err
	})
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		if !bytes.Contains(written, s) || c.verbatim && !bytes.Contains(file, s) {
			t.Error("the stream is not the file's own")
		}
	}
	shown, err := opener.Open(t.Context(), out, pages.MIMEPDF)
	if err != nil {
		t.Fatal(err)
	}
	defer shown.Close()
	for number := 1; number <= c.pages; number++ {
		p, err := d.Picture(t.Context(), number)
		if err != nil {
			t.Fatal(err)
		}
		if number == 1 && (p.Width != c.width || p.Height != c.height || p.Ink < c.leastInk || p.Ink > c.mostInk) {
			t.Errorf("%d x %d pixels with %.4f ink", p.Width, p.Height, p.Ink)
		}
		thumb, err := shown.(pages.Drawn).Thumb(t.Context(), number, pages.LookDPI)
		if err != nil {
			t.Fatal(err)
		}
		if lost, gained := p.Thumb().Difference(thumb, pages.Redrawn); lost > mostDifference || gained > mostDifference {
			t.Errorf("page %d: %.2f of what was read is not seen, %.2f is seen that was not read", number, lost, gained)
		}
	}
}
