package daemon

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"intray/daemon/pdf"
)

// sampleText is the page of the sample scan.
var sampleText = []string{
	"Intray", "",
	"This page is a sample. It was drawn as a picture, the way a",
	"scanner would, and holds no text that could be searched.", "",
	"Once Intray has read it, open the PDF in the output folder,",
	"search for the word \"lighthouse\", and copy this sentence.", "",
	"Order number      4711",
	"Date              23 November 2026",
	"Amount            1,284.50 EUR", "",
	"The keeper of the lighthouse counted every ship that passed",
	"and wrote each name into a ledger, so that none was lost.",
}

// sampleCommand is hidden: `make run` drops its page into the hot folder.
func (a *app) sampleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "sample FILE.pdf", Short: "Draw a sample scan", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			page, err := drawPage(sampleText, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
			if err != nil {
				return err
			}
			// A hot folder must never see half a file under its final name.
			temp := filepath.Join(filepath.Dir(args[0]), "."+filepath.Base(args[0])+".part")
			if err := writeScan(temp, page); err != nil {
				return err
			}
			return os.Rename(temp, args[0])
		},
	}
}

// drawPage draws lines of text as a grey A4 scan at 200 dpi, with the speckle
// of a glass plate. Where the speckle differs, two samples are two documents.
func drawPage(lines []string, speckle *rand.Rand) (*image.Gray, error) {
	const dpi, width, height = 200, 1654, 2339
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("parse font: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 13, DPI: dpi, Hinting: font.HintingFull})
	if err != nil {
		return nil, fmt.Errorf("size font: %w", err)
	}
	page := image.NewGray(image.Rect(0, 0, width, height))
	for i := range page.Pix {
		page.Pix[i] = 0xFF
	}
	pen := font.Drawer{Dst: page, Src: image.Black, Face: face}
	for i, text := range lines {
		pen.Dot = fixed.P(180, 260+i*62)
		pen.DrawString(text)
	}
	var bits uint64
	for i, grey := range page.Pix {
		if i%8 == 0 {
			bits = speckle.Uint64()
		}
		page.Pix[i] = grey - min(grey, uint8(bits&0xFF*12>>8))
		bits >>= 8
	}
	return page, nil
}

func writeScan(path string, page *image.Gray) error {
	var data bytes.Buffer
	if err := jpeg.Encode(&data, page, &jpeg.Options{Quality: 80}); err != nil {
		return fmt.Errorf("encode page: %w", err)
	}
	w, h := page.Rect.Dx(), page.Rect.Dy()
	_, err := pdf.FromPictures(path, 1, nil, pdf.Options{Producer: "Intray sample"}, func(int) (pdf.Picture, error) {
		return pdf.Picture{Stream: &pdf.Stream{Filter: "DCTDecode", Data: data.Bytes(), Colours: 1, Bits: 8}, Width: w, Height: h,
			PageWidth: float64(w) * 72 / 200, PageHeight: float64(h) * 72 / 200}, nil
	})
	return err
}
