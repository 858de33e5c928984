package pdf

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// longScan writes a PDF of n pages, each a picture of 50 KB.
func longScan(b *testing.B, n int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "long.pdf")
	noise := rand.New(rand.NewPCG(1, 2))
	_, err := FromPictures(path, n, nil, Options{PDFA: PDFAOff}, func(int) (Picture, error) {
		data := make([]byte, 50_000) // nobody decodes it here
		for i := range data {
			data[i] = byte(noise.Uint32())
		}
		return Picture{Stream: &Stream{Filter: "DCTDecode", Data: data, Colours: 1, Bits: 8}, Width: 600, Height: 800, PageWidth: 300, PageHeight: 400}, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkLongFile: text on each of 130 and of 1,000 pages, 50 KB each. The
// memory allocated tells what a page costs; see B/op.
func BenchmarkLongFile(b *testing.B) {
	for _, n := range []int{130, 1000} {
		in := longScan(b, n)
		for _, o := range []Options{{PDFA: PDFAOff}, {PDFA: PDFAOff, LinearizeAbove: 1}} {
			b.Run(fmt.Sprintf("%d pages, linearized %v", n, o.LinearizeAbove > 0), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					out := filepath.Join(b.TempDir(), "out.pdf")
					_, err := AddText(in, out, n, func(number int) (Layer, error) {
						return Layer{Page: onePage(number, 300, 400, helloLine(50)), UserToPage: flip(400)}, nil
					}, o, nil)
					if err != nil {
						b.Fatal(err)
					}
					if info, err := os.Stat(out); err == nil {
						b.ReportMetric(float64(info.Size()), "bytes")
					}
				}
			})
		}
	}
}
