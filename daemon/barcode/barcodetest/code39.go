// Package barcodetest draws barcodes.
//
// It is for tests only.
package barcodetest

import (
	"fmt"
	"image"
	"strings"
)

// patterns are the bars and spaces of each character, 1 for a wide one (ISO/IEC
// 16388, table 1).
const patterns = "0000110100 1100100001 2001100001 3101100000 4000110001 5100110000 6001110000 7000100101 8100100100 9001100100 " +
	"A100001001 B001001001 C101001000 D000011001 E100011000 F001011000 G000001101 H100001100 I001001100 J000011100 " +
	"K100000011 L001000011 M101000010 N000010011 O100010010 P001010010 Q000000111 R100000110 S001000110 T000010110 " +
	"U110000001 V011000001 W111000000 X010010001 Y110010000 Z011010000 -010000101 *010010100"

// Code39 draws text, in capitals and digits, as a Code 39 barcode into a picture:
// its top left at x and y, narrow bars of so many pixels. It says how wide it is.
func Code39(img *image.Gray, text string, x, y, narrow, height int) (width int, err error) {
	at := x
	for _, r := range "*" + text + "*" {
		i := strings.Index(" "+patterns, " "+string(r))
		if i < 0 {
			return 0, fmt.Errorf("no Code 39 for %q", r)
		}
		for j, wide := range patterns[i+1 : i+10] {
			w := narrow
			if wide == '1' {
				w = 3 * narrow
			}
			for dy := 0; dy < height && j%2 == 0; dy++ {
				for dx := range w {
					img.Pix[img.PixOffset(at+dx, y+dy)] = 0
				}
			}
			at += w
		}
		at += narrow
	}
	return at - x, nil
}
