package fax

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/ccitt"
)

// page draws something like a page: blank rows, strokes, noise, and rows that
// end black.
func page(seed uint64, width, height int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	stride := Stride(width)
	pix := make([]byte, stride*height)
	for y := range height {
		row := pix[y*stride:][:stride]
		switch r.IntN(6) {
		case 0: // blank
		case 1:
			for i := range row {
				row[i] = byte(r.Uint32())
			}
		case 2:
			paint(row, []int{r.IntN(width), width})
		default:
			if y > 0 {
				copy(row, pix[(y-1)*stride:][:stride])
			}
			at := r.IntN(width)
			paint(row, []int{at, min(at+1+r.IntN(9), width)})
		}
		if width%8 != 0 {
			row[stride-1] &= 0xFF << (8 - width%8)
		}
	}
	return pix
}

func encode(pix []byte, width int) []byte {
	e := NewEncoder(width)
	for stride := Stride(width); len(pix) > 0; pix = pix[stride:] {
		e.Row(pix[:stride])
	}
	return e.Close()
}

// group3 codes with line ends; two-dimensional rows follow every k-th flat one.
func group3(pix []byte, width, k int, ends, align bool) []byte {
	e := NewEncoder(width)
	stride := Stride(width)
	eol := func(flat bool) {
		if !ends {
			e.put(code{length: uint8((8 - e.pending) % 8)})
			return
		}
		for align && e.pending != 4 {
			e.put(code{length: 1})
		}
		e.put(code{bits: 1, length: eolBits})
		if k > 1 && flat {
			e.put(code{bits: 1, length: 1})
		} else if k > 1 {
			e.put(code{length: 1})
		}
	}
	for y := range len(pix) / stride {
		flat := k <= 1 || y%k == 0
		eol(flat)
		if !flat {
			e.Row(pix[y*stride:][:stride])
			continue
		}
		changes := append(changesOf(nil, pix[y*stride:][:stride], width), width)
		x, black := 0, false
		for _, next := range changes {
			e.run(next-x, black)
			x, black = next, !black
		}
		e.above = changes
	}
	for range 6 {
		eol(true)
	}
	e.put(code{length: 7})
	return e.out
}

// TestGroup4IsWhatOthersRead: an independent decoder reads our Group 4.
func TestGroup4IsWhatOthersRead(t *testing.T) {
	for _, width := range []int{1, 7, 8, 9, 64, 153, 1728, 5200} {
		want := page(uint64(width), width, 60)
		coded := encode(want, width)
		got, err := io.ReadAll(ccitt.NewReader(bytes.NewReader(coded), ccitt.MSB, ccitt.Group4, width, 60, &ccitt.Options{Invert: true}))
		if err != nil || !bytes.Equal(trim(got, width), want) {
			t.Errorf("width %d: another decoder reads something else (%v)", width, err)
		}
	}
}

// trim clears the bits past the width.
func trim(pix []byte, width int) []byte {
	if stride := Stride(width); width%8 != 0 {
		for i := stride - 1; i < len(pix); i += stride {
			pix[i] &= 0xFF << (8 - width%8)
		}
	}
	return pix
}

func TestAllCodings(t *testing.T) {
	for _, width := range []int{1, 8, 31, 153, 1728, 2600} {
		want := page(7, width, 40)
		for name, c := range map[string]struct {
			data   []byte
			coding Coding
		}{
			"plain":                   {group3(want, width, 1, false, false), Plain},
			"group 3":                 {group3(want, width, 1, true, false), Group3},
			"group 3 on bytes":        {group3(want, width, 1, true, true), Group3},
			"group 3, first eol lost": {group3(want, width, 1, true, true)[2:], Group3},
			"group 3 2-d":             {group3(want, width, 4, true, false), Group3TwoD},
			"group 3 2-d on bytes":    {group3(want, width, 2, true, true), Group3TwoD},
			"group 4":                 {encode(want, width), Group4},
			"group 4 without end":     {encode(want, width)[:len(encode(want, width))-3], Group4},
		} {
			got, err := Decode(c.data, c.coding, width, 40)
			if err != nil || got.Rows != 40 || got.Bad != 0 || !bytes.Equal(got.Pix, want) {
				t.Errorf("%s, width %d: %d rows, %d bad, %v", name, width, got.Rows, got.Bad, err)
			}
		}
		// Asked for more than there is: the end is seen, or it is an error.
		for coding, data := range map[Coding][]byte{Group3: group3(want, width, 1, true, false), Group4: encode(want, width)} {
			if got, err := Decode(data, coding, width, 50); err != nil || got.Rows != 40 || !got.Ended {
				t.Errorf("coding %d, width %d: %d rows, ended %v, %v", coding, width, got.Rows, got.Ended, err)
			}
		}
	}
}

// TestDamage: a bad line costs Group 3 a row, and the other codings the rest.
func TestDamage(t *testing.T) {
	const width, height = 1728, 50
	want := page(3, width, height)
	data := group3(want, width, 1, true, true)
	for i := len(data) / 2; i < len(data)/2+3; i++ {
		data[i] ^= 0x5A
	}
	got, err := Decode(data, Group3, width, height)
	if err != nil || got.Rows < height-4 || got.Bad == 0 || got.Bad > 4 {
		t.Errorf("%d rows, %d bad, %v", got.Rows, got.Bad, err)
	}
	if !bytes.Equal(got.Pix[:len(want)/4], want[:len(want)/4]) {
		t.Error("rows before the damage changed")
	}
	for name, c := range map[string]struct {
		data   []byte
		coding Coding
	}{
		"group 3": {group3(want, width, 1, true, false), Group3},
		"plain":   {group3(want, width, 1, false, false), Plain},
		"group 4": {encode(want, width), Group4},
	} {
		if got, err := Decode(c.data[:len(c.data)/2], c.coding, width, height); err == nil {
			t.Errorf("%s: half the data gave %d rows and no error", name, got.Rows)
		}
	}
}

// FuzzDecode: nothing panics, and what comes out is as large as it says.
func FuzzDecode(f *testing.F) {
	want := page(5, 100, 20)
	for coding, data := range map[Coding][]byte{Plain: group3(want, 100, 1, false, false), Group3: group3(want, 100, 1, true, true),
		Group3TwoD: group3(want, 100, 4, true, false), Group4: encode(want, 100)} {
		f.Add(data, int(coding), 100)
	}
	f.Fuzz(func(t *testing.T, data []byte, coding, width int) {
		if coding < int(Plain) || coding > int(Group4) || width < 1 || width > 1<<14 {
			t.Skip()
		}
		got, err := Decode(data, Coding(coding), width, 64)
		if len(got.Pix) != got.Rows*Stride(width) || got.Rows > 64 {
			t.Fatalf("%d bytes for %d rows", len(got.Pix), got.Rows)
		}
		if err == nil && got.Rows < 64 && !got.Ended {
			t.Fatalf("%d rows, no error and no end", got.Rows)
		}
	})
}

// FuzzGroup4 compares what was coded with what our decoder and another read.
func FuzzGroup4(f *testing.F) {
	f.Add(page(9, 37, 8), 37)
	f.Fuzz(func(t *testing.T, pix []byte, width int) {
		if width < 1 || width > 4000 || len(pix) < Stride(width) || len(pix) > 1<<16 {
			t.Skip()
		}
		height := len(pix) / Stride(width)
		want := trim(bytes.Clone(pix[:height*Stride(width)]), width)
		coded := encode(want, width)
		got, err := Decode(coded, Group4, width, height)
		if err != nil || !bytes.Equal(got.Pix, want) {
			t.Fatalf("ours: %v", err)
		}
		other, err := io.ReadAll(ccitt.NewReader(bytes.NewReader(coded), ccitt.MSB, ccitt.Group4, width, height, &ccitt.Options{Invert: true}))
		if err != nil || !bytes.Equal(trim(other, width), want) {
			t.Fatalf("the other: %v", err)
		}
	})
}

func BenchmarkDecodeGroup4(b *testing.B) {
	coded := encode(page(1, 2480, 3508), 2480)
	for b.Loop() {
		if _, err := Decode(coded, Group4, 2480, 3508); err != nil {
			b.Fatal(err)
		}
	}
}
