package pages

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"

	"intray/engines"
)

func bilevelTIFF(compression, photometric int) tiffImage {
	return tiffImage{width: testWidth, height: testHeight, bits: 1, samples: 1, photometric: photometric, compression: compression, dpi: 200,
		sample: func(x, y, _ int) uint16 {
			if inkAt(x, y) == (photometric == whiteIsZero) {
				return 1
			}
			return 0
		}}
}

func wantInk(x, y int) color.Color {
	if inkAt(x, y) {
		return color.Black
	}
	return color.White
}

// TestTIFFFax: Group 4 in all its ways, and what is embedded as it is.
func TestTIFFFax(t *testing.T) {
	for _, photometric := range []int{whiteIsZero, blackIsZero} {
		for _, rows := range []int{0, 7} {
			for _, reversed := range []bool{false, true} {
				p := bilevelTIFF(compressionG4, photometric)
				p.reversed, p.pieceHeight = reversed, rows
				name := fmt.Sprintf("photometric %d, strips of %d, reversed %v", photometric, rows, reversed)
				page, err := firstPage(buildTIFF(true, false, p))
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				comparePage(t, name, page.img, wantInk, 0)
				if rows != 0 {
					if page.stream != nil {
						t.Errorf("%s: strips were taken for one", name)
					}
					continue
				}
				p.reversed = false
				s := page.stream
				if s == nil || !bytes.Equal(s.Data, p.pieces(binary.BigEndian)[0]) || s.K >= 0 || s.BlackIs1 != (photometric == blackIsZero) {
					t.Errorf("%s: stream %+v", name, s)
				}
			}
		}
	}
}

// TestTIFFGroup3: three rows of 37 pixels, coded by hand: white 5, black 3,
// white 29.
func TestTIFFGroup3(t *testing.T) {
	const row, eol = "1100" + "10" + "00000010", "000000000001"
	plain := row + "00" // to a whole byte
	for name, c := range map[string]struct {
		compression int
		t4          uint32
		bits        string
		k           int
	}{
		"plain":        {compressionRLE, 0, plain + plain + plain, 99},
		"line ends":    {compressionG3, 0, eol + row + eol + row + eol + row + strings.Repeat(eol, 6), 0},
		"padded":       {compressionG3, 4, "0000" + eol + row + "000000" + eol + row + "000000" + eol + row, 0},
		"two dims":     {compressionG3, 1, eol + "1" + row + eol + "0" + "111" + eol + "0" + "111", 4},
		"no line ends": {compressionG3, 0, row + row + row, 0},
	} {
		p := tiffImage{width: testWidth, height: 3, bits: 1, samples: 1, photometric: whiteIsZero, compression: c.compression,
			sample: func(int, int, int) uint16 { return 0 }, encode: func([]byte, int, int) []byte { return bitString(c.bits) },
			more: map[uint16][]uint32{tagT4Options: {c.t4}}}
		page, err := firstPage(buildTIFF(false, false, p))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for y := range 3 {
			for x := range testWidth {
				if black := page.img.(*image.Gray).GrayAt(x, y).Y == 0; black != (x >= 5 && x < 8) {
					t.Fatalf("%s: pixel %d,%d", name, x, y)
				}
			}
		}
		if embedded := page.stream != nil; embedded != (c.k != 99) || embedded && page.stream.K != c.k {
			t.Errorf("%s: stream %+v", name, page.stream)
		}
	}
}

// TestFaxDamageIsTold: a bad line is a warning, many are an error.
func TestFaxDamageIsTold(t *testing.T) {
	const row, eol, bad = "1100" + "10" + "00000010", "000000000001", "00000001"
	fax := func(rows string) tiffImage {
		return tiffImage{width: testWidth, height: 16, bits: 1, samples: 1, photometric: whiteIsZero, compression: compressionG3,
			sample: func(int, int, int) uint16 { return 0 }, encode: func([]byte, int, int) []byte { return bitString(rows) }}
	}
	good := strings.Repeat(eol+row, 10)
	page, err := firstPage(buildTIFF(true, false, fax(good+eol+bad+strings.Repeat(eol+row, 5))))
	if err != nil || len(page.warnings) != 1 || page.warnings[0].Code != "fax_damaged" || page.stream != nil {
		t.Errorf("one bad row: %+v, %v", page.warnings, err)
	}
	page, err = firstPage(buildTIFF(true, false, fax(good+strings.Repeat(eol+row, 5)+strings.Repeat(eol, 6))))
	if err != nil || len(page.warnings) != 1 || page.warnings[0].Code != "fax_damaged" {
		t.Errorf("a short fax: %+v, %v", page.warnings, err)
	}
	few, err := faxDamage{bad: 6, missing: 4}.warnings(1000)
	if err != nil || len(few) != 2 || few[0].Code != "fax_repaired" || few[1].Code != "fax_short" {
		t.Errorf("one row in a hundred: %+v, %v", few, err)
	}
	for name, rows := range map[string]string{"bad": strings.Repeat(eol+row+eol+bad, 8), "cut": good, "mostly missing": eol + row + strings.Repeat(eol, 6)} {
		if _, _, err = openedTIFF(t, buildTIFF(true, false, fax(rows)), Limits{}).decode(1); code(err) != engines.CodeBadImage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
