// Package fax codes and decodes pictures of black and white pixels as fax
// machines do: ITU-T T.4 (Group 3, of one and two dimensions, and the same
// without line ends as TIFF has it) and T.6 (Group 4). TIFF files and PDFs hold
// scans in these codings.
//
// It knows nothing of files and pages. Rows are packed, the leftmost pixel in
// the highest bit; 1 is black, whatever a file says about its colours.
package fax

import (
	"errors"
	"fmt"
)

// Coding is how rows are coded.
type Coding int

// The codings. Plain is T.4's one dimension without line ends, each row
// beginning on a byte (TIFF 6.0, section 10).
const (
	Plain Coding = iota
	Group3
	Group3TwoD
	Group4
)

// Stride is the length of a packed row of width pixels in bytes.
func Stride(width int) int { return (width + 7) / 8 }

// Decoded is what came out. Pix holds Rows rows of Stride(width) bytes.
type Decoded struct {
	Pix  []byte
	Rows int
	// Bad counts the rows of a Group 3 picture that a bad line damaged on its
	// way; each is a copy of the row above it.
	Bad int
	// Ended says that the picture's end was coded, so that rows missing then
	// were never sent.
	Ended bool
}

// errCode is bits that are no code, errShort data that end within a row.
var (
	errCode  = errors.New("bits that are no code")
	errShort = errors.New("the data end within a row")
)

// Decode decodes up to height rows of width pixels, both above 0; the caller
// bounds them. Without an error Rows is height, or fewer with Ended set; with
// one Decoded is what came before it.
func Decode(data []byte, coding Coding, width, height int) (Decoded, error) {
	d := newDecoder(data, coding, width)
	stride := Stride(width)
	// The data may say less than they promise: grow as rows come.
	out := Decoded{Pix: make([]byte, 0, stride*min(height, 64+len(data)*8))}
	for out.Rows < height {
		end, err := d.row()
		if end {
			out.Ended = true
			break
		}
		if err != nil && (!d.lineEnds() || !d.resync()) {
			return out, fmt.Errorf("row %d: %w", out.Rows, err)
		}
		if err != nil {
			out.Bad++
			d.current = append(d.current[:0], d.above...)
		}
		out.Pix = append(out.Pix, make([]byte, stride)...)
		paint(out.Pix[out.Rows*stride:], d.current)
		out.Rows++
		d.above, d.current = d.current, d.above
	}
	return out, nil
}

// paint blackens every second stretch between the positions where the colour
// changes.
func paint(row []byte, changes []int) {
	for i := 0; i+1 < len(changes); i += 2 {
		from, to := changes[i], changes[i+1]
		if from >= to {
			continue
		}
		first, last := from/8, (to-1)/8
		left, right := byte(0xFF)>>(from%8), byte(0xFF)<<(7-(to-1)%8)
		if first == last {
			row[first] |= left & right
			continue
		}
		row[first] |= left
		for x := first + 1; x < last; x++ {
			row[x] = 0xFF
		}
		row[last] |= right
	}
}

// changesOf lists the positions where a packed row's colour changes, beginning
// with white; an odd count means that the row ends black.
func changesOf(out []int, row []byte, width int) []int {
	out = out[:0]
	var colour byte // 0x00 or 0xFF
	for i := 0; i < Stride(width); i++ {
		if row[i] == colour {
			continue
		}
		for bit := range 8 {
			if (row[i]<<bit&0x80 != 0) != (colour != 0) {
				if x := i*8 + bit; x < width {
					out = append(out, x)
				}
				colour = ^colour
			}
		}
	}
	return out
}
