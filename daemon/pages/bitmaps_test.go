package pages

import (
	"encoding/binary"
	"fmt"
	"image/color"
	"testing"

	"intray/engines"
)

// bmpOf writes a bitmap with a header of 40 bytes.
func bmpOf(bits, compression int, topDown bool, extra []byte, pixels []byte) []byte {
	le := binary.LittleEndian
	height := int32(testHeight)
	if topDown {
		height = -height
	}
	out := le.AppendUint32([]byte("BM"), uint32(54+len(extra)+len(pixels)))
	out = le.AppendUint32(append(out, 0, 0, 0, 0), uint32(54+len(extra)))
	out = le.AppendUint32(le.AppendUint32(le.AppendUint32(out, 40), testWidth), uint32(height))
	out = le.AppendUint16(le.AppendUint16(out, 1), uint16(bits))
	out = le.AppendUint32(le.AppendUint32(out, uint32(compression)), uint32(len(pixels)))
	out = le.AppendUint32(le.AppendUint32(out, 7874), 7874) // 200 dpi
	out = append(out, make([]byte, 8)...)
	return append(append(out, extra...), pixels...)
}

// bmpRows packs rows, padded to four bytes, the last one first unless topDown.
func bmpRows(bits int, topDown bool, value func(x, y int) uint32) (out []byte) {
	for i := range testHeight {
		y := testHeight - 1 - i
		if topDown {
			y = i
		}
		row := make([]byte, (testWidth*bits+31)/32*4)
		for x := range testWidth {
			v := value(x, y)
			if bits < 8 {
				row[x*bits/8] |= byte(v) << (8 - bits - x*bits%8)
				continue
			}
			for b := range bits / 8 {
				row[x*bits/8+b] = byte(v >> (8 * b))
			}
		}
		out = append(out, row...)
	}
	return out
}

// TestBMP: every depth, masks, both ways up, runs.
func TestBMP(t *testing.T) {
	le := binary.LittleEndian
	for _, bits := range []int{1, 4, 8} {
		var table []byte
		for i := range 1 << bits {
			v := byte(i * 255 / (1<<bits - 1))
			table = append(table, v, v, v, 0)
		}
		value := func(x, y int) uint32 { return uint32(quantize(shade(x, y, 0), bits)) }
		want := func(x, y int) color.Color { return color.Gray16{fullScale(uint16(value(x, y)), bits)} }
		name := fmt.Sprintf("%d bits", bits)
		comparePage(t, name, decodedSingle(t, name, bmpOf(bits, 0, bits == 4, table, bmpRows(bits, bits == 4, value))), want, 0x101)
		if bits == 1 {
			continue
		}
		var runs []byte // one pixel a run, then a stretch as it is
		for y := testHeight - 1; y >= 0; y-- {
			for x := range testWidth - 7 {
				runs = append(runs, 1, byte(value(x, y))<<(8-bits))
			}
			runs = append(runs, 0, 7)
			stretch := make([]byte, map[int]int{4: 4, 8: 8}[bits])
			for i := range 7 {
				stretch[i*bits/8] |= byte(value(testWidth-7+i, y)) << (8 - bits - i*bits%8)
			}
			runs = append(append(runs, stretch...), 0, 0)
		}
		kind := map[int]int{4: bmpRLE4, 8: bmpRLE8}[bits]
		comparePage(t, name+" in runs", decodedSingle(t, name, bmpOf(bits, kind, false, table, append(runs, 0, 1))), want, 0x101)
	}
	full := func(x, y int) uint32 {
		return uint32(shade(x, y, 0)>>8)<<16 | uint32(shade(x, y, 1)>>8)<<8 | uint32(shade(x, y, 2)>>8)
	}
	short := func(x, y int) uint32 {
		return uint32(shade(x, y, 0)>>11)<<11 | uint32(shade(x, y, 1)>>10)<<5 | uint32(shade(x, y, 2)>>11)
	}
	masks := le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, 0xF800), 0x7E0), 0x1F)
	swapped := le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, 0xFF), 0xFF00), 0xFF0000)
	for name, c := range map[string]struct {
		data []byte
		by   int
	}{
		"24 bits":            {bmpOf(24, 0, false, nil, bmpRows(24, false, full)), 0x101},
		"32 bits":            {bmpOf(32, 0, true, nil, bmpRows(32, true, full)), 0x101},
		"16 bits":            {bmpOf(16, 0, false, nil, bmpRows(16, false, func(x, y int) uint32 { v := short(x, y); return v>>11<<10 | v>>6&0x1F<<5 | v&0x1F })), 0x900},
		"16 bits with masks": {bmpOf(16, bmpMasks, false, masks, bmpRows(16, false, short)), 0x900},
		"32 bits with masks": {bmpOf(32, bmpMasks, false, swapped, bmpRows(32, false, func(x, y int) uint32 { v := full(x, y); return v>>16 | v&0xFF00 | v&0xFF<<16 })), 0x101},
	} {
		comparePage(t, name, decodedSingle(t, name, c.data), shadeColour, c.by)
		if h := openedSingle(t, c.data).header; int(h.xdpi+0.5) != 200 {
			t.Errorf("%s: %v dpi", name, h.xdpi)
		}
	}
}

// TestPNM: netpbm's six kinds, comments, samples of two bytes.
func TestPNM(t *testing.T) {
	text := func(kind string, most int, sample func(x, y, i int) uint16, channels int) []byte {
		out := fmt.Appendf(nil, "%s # made by hand\n%d\t%d\n", kind, testWidth, testHeight)
		if most > 1 {
			out = fmt.Appendf(out, "# and large\n%d\n", most)
		}
		for y := range testHeight {
			for x := range testWidth {
				for i := range channels {
					out = fmt.Appendf(out, "%d ", sample(x, y, i))
				}
			}
		}
		return out
	}
	raw := func(kind string, most, channels int) []byte {
		out := fmt.Appendf(nil, "%s %d %d %d\n", kind, testWidth, testHeight, most)
		for y := range testHeight {
			for x := range testWidth {
				for i := range channels {
					if most > 255 {
						out = binary.BigEndian.AppendUint16(out, shade(x, y, i))
					} else {
						out = append(out, byte(shade(x, y, i)>>8))
					}
				}
			}
		}
		return out
	}
	dot := func(x, y, _ int) uint16 {
		if inkAt(x, y) {
			return 1
		}
		return 0
	}
	packed := fmt.Appendf(nil, "P4\n%d %d\n", testWidth, testHeight)
	for y := range testHeight {
		row := make([]byte, (testWidth+7)/8)
		for x := range testWidth {
			row[x/8] |= byte(dot(x, y, 0)) << (7 - x%8)
		}
		packed = append(packed, row...)
	}
	eight := func(x, y, i int) uint16 { return shade(x, y, i) >> 8 }
	grey := func(x, y int) color.Color { return color.Gray16{shade(x, y, 0)} }
	for name, c := range map[string]struct {
		data []byte
		want func(x, y int) color.Color
	}{
		"P1": {text("P1", 1, dot, 1), wantInk}, "P2": {text("P2", 255, eight, 1), grey}, "P3": {text("P3", 255, eight, 3), shadeColour},
		"P4": {packed, wantInk}, "P5": {raw("P5", 255, 1), grey}, "P6": {raw("P6", 255, 3), shadeColour},
		"P5 of 16 bits": {raw("P5", 65535, 1), grey}, "P6 of 16 bits": {raw("P6", 65535, 3), shadeColour},
	} {
		comparePage(t, name, decodedSingle(t, name, c.data), c.want, 0x101)
		d := openedSingle(t, c.data[:len(c.data)-9])
		if _, err := d.decode(t.Context()); code(err) != engines.CodeBadImage {
			t.Errorf("%s, cut: %v", name, err)
		}
	}
}
