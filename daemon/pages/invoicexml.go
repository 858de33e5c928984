package pages

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"intray/daemon/document"
	"intray/daemon/extract/einvoice"
	"intray/engines"
)

// An e-invoice that is bare XML has no pages. One is drawn of what it says, so
// that a person and a search find it like any other document.

// The drawn page: A4 at 150 dpi, in pixels.
const (
	sheetWidth, sheetHeight = 1240, 1754
	sheetDPI                = 150
	sheetMargin             = 100
	sheetLine               = 34
	valueColumn             = 420
)

func invoiceHeader(data []byte) (header, error) {
	if _, err := parseInvoice(data); err != nil {
		return header{}, err
	}
	h := header{width: sheetWidth, height: sheetHeight, look: look{orientation: 1, xdpi: sheetDPI, ydpi: sheetDPI}}
	h.warnings = append(h.warnings, document.Warning{Code: "drawn_from_xml",
		Message: "The document is an e-invoice without pages; the page shows what its XML says."})
	return h, nil
}

func parseInvoice(data []byte) (einvoice.Invoice, error) {
	v, err := einvoice.Parse(data)
	switch {
	case errors.Is(err, einvoice.ErrOther):
		return v, &engines.Error{Kind: engines.Terminal, Code: engines.CodeUnsupported, Cause: err,
			Sentence: "The file is XML, but not an e-invoice that Intray knows (CII as in Factur-X, ZUGFeRD and XRechnung, or UBL)."}
	case err != nil:
		return v, &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadImage, Cause: err,
			Sentence: "The file starts like an e-invoice's XML but is damaged, or has what no e-invoice has. Ask the sender for it again."}
	}
	return v, nil
}

// drawInvoice draws the fields, and of the lines as many as there is room for.
func drawInvoice(data []byte) (image.Image, error) {
	v, err := parseInvoice(data)
	if err != nil {
		return nil, err
	}
	regular, err1 := face(goregular.TTF, 22)
	bold, err2 := face(gobold.TTF, 30)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	img := image.NewGray(image.Rect(0, 0, sheetWidth, sheetHeight))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	y := sheetMargin
	put := func(f font.Face, x int, text string) {
		d := font.Drawer{Dst: img, Src: image.Black, Face: f, Dot: fixed.P(x, y)}
		d.DrawString(shorten(f, text, sheetWidth-sheetMargin-x))
	}
	put(bold, sheetMargin, "E-invoice ("+v.Syntax+")")
	y += 2 * sheetLine
	for _, f := range v.Fields {
		put(regular, sheetMargin, label(f.Name)+":")
		put(regular, valueColumn, f.Value)
		y += sheetLine
	}
	y += sheetLine
	rows := v.Lines.Rows
	fit := max((sheetHeight-sheetMargin-y)/sheetLine-1, 0)
	for _, r := range rows[:min(fit, len(rows))] {
		put(regular, sheetMargin, r[0].Text)
		for i, x := range []int{700, 820, 970, 1050} {
			put(regular, x, r[i+1].Text)
		}
		y += sheetLine
	}
	if left := len(rows) - fit + v.LinesLeft; left > 0 {
		put(regular, sheetMargin, fmt.Sprintf("and %d more lines; all of them are in the XML", left))
	}
	return img, nil
}

// label is a field's name for people.
func label(name string) string {
	s := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(s[:1]) + s[1:]
}

func face(ttf []byte, pixels float64) (font.Face, error) {
	f, err := opentype.Parse(ttf)
	if err != nil {
		return nil, fmt.Errorf("read font: %w", err)
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: pixels, DPI: 72})
}

// shorten cuts a text to a width in pixels.
func shorten(f font.Face, text string, width int) string {
	runes := []rune(text)
	runes = runes[:min(len(runes), 200)]
	for len(runes) > 0 && font.MeasureString(f, string(runes)).Ceil() > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes)
}
