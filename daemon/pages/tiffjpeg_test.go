package pages

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
)

// jpegTables takes the tables out of a JPEG, as TIFF's tag 347 holds them.
func jpegTables(t *testing.T, data []byte) (tables, rest []byte) {
	t.Helper()
	p, err := splitJPEG(data)
	if err != nil {
		t.Fatal(err)
	}
	shared := jpegParts{segments: p.tables(), scan: []byte{0xFF, markEOI}}
	other := jpegParts{scan: p.scan}
	for _, s := range p.segments {
		if s.marker != markDQT && s.marker != markDHT {
			other.segments = append(other.segments, s)
		}
	}
	return shared.join(), other.join()
}

// TestTIFFJPEG: strips with shared tables become one JPEG whose coded data are
// the strips' own; what the TIFF says of the colours holds.
func TestTIFFJPEG(t *testing.T) {
	grey := func(x, y int) color.Color { return color.Gray16{Y: shade(x, y, 0)} }
	colours := func(x, y int) color.Color {
		return color.RGBA64{shade(x, y, 0), shade(x, y, 1), shade(x, y, 2), 0xFFFF}
	}
	for _, c := range []struct {
		name                                         string
		photometric, samples, pieceWidth, pieceHight int
		shared, joined                               bool
		want                                         func(x, y int) color.Color
	}{
		{"one strip", blackIsZero, 1, 0, 0, false, true, grey},
		{"one strip, tables apart", yCbCr, 3, 0, 0, true, true, colours},
		{"grey strips", blackIsZero, 1, 0, 8, true, true, grey},
		{"colour strips", yCbCr, 3, 0, 16, true, true, colours},
		{"strips that end within a block", yCbCr, 3, 0, 8, true, false, colours},
		{"red, green, blue", rgb, 3, 0, 16, true, true, colours},
		{"tiles", yCbCr, 3, 16, 16, true, false, colours},
		{"white is zero", whiteIsZero, 1, 0, 8, true, false, func(x, y int) color.Color { return color.Gray16{Y: ^shade(x, y, 0)} }},
	} {
		var tables []byte
		encode := func(raw []byte, w, h int) []byte {
			at := func(x, y, i int) uint16 { return uint16(raw[(y*w+x)*c.samples+i]) }
			var img image.Image
			switch {
			case c.photometric == rgb: // the encoder stores the planes as they are
				img = ycc(w, h, at)
			case c.samples == 3:
				rgba := image.NewRGBA(image.Rect(0, 0, w, h))
				for y := range h {
					for x := range w {
						rgba.SetRGBA(x, y, color.RGBA{uint8(at(x, y, 0)), uint8(at(x, y, 1)), uint8(at(x, y, 2)), 255})
					}
				}
				img = rgba
			default:
				img = &image.Gray{Pix: raw, Stride: w, Rect: image.Rect(0, 0, w, h)}
			}
			var b bytes.Buffer
			if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 98}); err != nil {
				t.Fatal(err)
			}
			if !c.shared {
				return b.Bytes()
			}
			var rest []byte
			tables, rest = jpegTables(t, b.Bytes())
			return rest
		}
		p := tiffImage{width: testWidth, height: testHeight, bits: 8, samples: c.samples, photometric: c.photometric, compression: compressionJPEG,
			pieceWidth: c.pieceWidth, pieceHeight: c.pieceHight, encode: encode, sample: func(x, y, i int) uint16 { return shade(x, y, i) >> 8 }}
		pieces := p.pieces(binary.BigEndian)
		if c.shared {
			p.blobs = map[uint16][]byte{tagJPEGTables: tables}
		}
		page, err := firstPage(buildTIFF(true, false, p))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		comparePage(t, c.name, page.img, c.want, 40*0x101)
		if (page.stream != nil) != c.joined {
			t.Errorf("%s: joined %v", c.name, page.stream != nil)
		}
		for i := range pieces {
			strip, err := splitJPEG(pieces[i])
			if err != nil {
				t.Fatal(err)
			}
			if coded, _ := entropy(strip.scan); page.stream != nil && !bytes.Contains(page.stream.Data, coded) {
				t.Errorf("%s: strip %d is not in the stream as it was", c.name, i)
			}
		}
	}
}

// TestTIFFOldJPEG: a whole JPEG in the file, and one whose tables stand apart.
func TestTIFFOldJPEG(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, testWidth, testHeight))
	for y := range testHeight {
		for x := range testWidth {
			img.Set(x, y, color.RGBA64{shade(x, y, 0), shade(x, y, 1), shade(x, y, 2), 0xFFFF})
		}
	}
	whole := encodeJPEG(t, img)
	parts, err := splitJPEG(whole)
	if err != nil {
		t.Fatal(err)
	}
	want := func(x, y int) color.Color { return img.At(x, y) }
	p := tiffImage{width: testWidth, height: testHeight, bits: 8, samples: 3, photometric: yCbCr, compression: compressionOldJPEG,
		sample: func(int, int, int) uint16 { return 0 }}

	p.encode = func([]byte, int, int) []byte { return whole }
	p.more = map[uint16][]uint32{tagJPEGInterchange: {8}, tagJPEGLength: {uint32(len(whole))}}
	page, err := firstPage(buildTIFF(true, false, p))
	if err != nil {
		t.Fatal(err)
	}
	comparePage(t, "whole", page.img, want, 60*0x101)

	// The strip: the coded data, then the tables, whose places the tags tell.
	var offsets [3][]uint32
	p.encode = func([]byte, int, int) []byte {
		out := bytes.Clone(parts.scan)
		for _, s := range parts.tables() {
			for body := s.body; len(body) > 0; {
				length, list := 65, &offsets[0]
				if s.marker == markDHT {
					n := 0
					for _, c := range body[1:17] {
						n += int(c)
					}
					length, list = 17+n, &offsets[1+body[0]>>4]
				}
				*list = append(*list, uint32(8+len(out)))
				out = append(out, body[1:length]...)
				body = body[length:]
			}
		}
		return out
	}
	p.encode(nil, 0, 0)
	chroma := func(v []uint32) []uint32 { return []uint32{v[0], v[1], v[1]} }
	p.more = map[uint16][]uint32{tagJPEGQTables: chroma(offsets[0]), tagJPEGDCTables: chroma(offsets[1]), tagJPEGACTables: chroma(offsets[2]),
		tagSubsampling: {2, 2}}
	page, err = firstPage(buildTIFF(true, false, p))
	if err != nil {
		t.Fatal(err)
	}
	comparePage(t, "tables apart", page.img, want, 60*0x101)
	if !bytes.Contains(page.stream.Data, parts.scan[:len(parts.scan)-2]) {
		t.Error("the coded data are not in the stream as they were")
	}
}
