package fax

// decoder reads one row after another. A row is the list of positions where
// its colour changes, beginning with white, ending with the width (twice where
// the list would be odd).
type decoder struct {
	data   []byte
	pos    int // in bits
	start  int // where the current row's codes begin
	coding Coding
	width  int

	above, current      []int
	white, black, modes []symbol
}

func newDecoder(data []byte, coding Coding, width int) *decoder {
	return &decoder{data: data, coding: coding, width: width,
		white: lookup(parseCodes(whiteRuns, longRuns), run),
		black: lookup(parseCodes(blackRuns, longRuns), run),
		modes: lookup(parseCodes(modes), func(i int) int { return i }),
	}
}

// lineEnds is true where every row begins with a code that stands nowhere else.
func (d *decoder) lineEnds() bool { return d.coding == Group3 || d.coding == Group3TwoD }

// peek is the next n bits, zeros past the end; n is at most 24.
func (d *decoder) peek(n int) int {
	v := 0
	i := d.pos >> 3
	for j := range 4 {
		v <<= 8
		if i+j < len(d.data) {
			v |= int(d.data[i+j])
		}
	}
	return v >> (32 - n - d.pos&7) & (1<<n - 1)
}

func (d *decoder) left() int { return len(d.data)*8 - d.pos }

// row decodes the next row into current; end is true where the picture's end
// is coded instead.
func (d *decoder) row() (end bool, err error) {
	d.current = d.current[:0]
	flat := true
	switch d.coding {
	case Plain:
		d.pos = (d.pos + 7) &^ 7
	case Group4:
		flat = false
		if d.peek(eolBits) == 1 { // EOFB, or its first half at least
			return true, nil
		}
	default:
		// A line end may lack before the first row, and some programs write none.
		ends := 0
		for d.skipFill() {
			ends++
			if d.coding == Group3TwoD {
				flat = d.peek(1) == 1
				d.pos++
			}
		}
		if ends >= 2 && (ends >= 6 || d.left() < eolBits) { // RTC is six
			return true, nil
		}
	}
	if d.start = d.pos; d.left() <= 0 {
		return false, errShort
	}
	if flat {
		return false, d.flatRow()
	}
	return false, d.relativeRow()
}

// skipFill moves behind the line end that comes next, if one does: at least
// eleven zeros, then a one.
func (d *decoder) skipFill() bool {
	if d.peek(eolBits-1) != 0 {
		return false
	}
	for pos := d.pos + eolBits - 1; pos < len(d.data)*8; pos++ {
		if pos&7 == 0 && d.data[pos>>3] == 0 {
			pos += 7
			continue
		}
		if d.data[pos>>3]<<(pos&7)&0x80 != 0 {
			d.pos = pos + 1
			return true
		}
	}
	return false
}

// resync goes to the line end after a row with an error: the last code read may
// have swallowed a part of it.
func (d *decoder) resync() bool {
	for d.pos = d.start; d.left() >= eolBits; d.pos++ {
		if d.peek(eolBits) == 1 {
			return true
		}
	}
	return false
}

// flatRow reads runs of white and black in turn until the row is full.
func (d *decoder) flatRow() error {
	x := 0
	for table, other := d.white, d.black; x < d.width; table, other = other, table {
		n, err := d.run(table)
		if err != nil {
			return err
		}
		if x += n; x > d.width {
			return errCode
		}
		d.current = append(d.current, x)
	}
	d.close()
	return nil
}

// close ends the row's list with the width.
func (d *decoder) close() {
	if len(d.current)%2 == 1 {
		d.current = append(d.current, d.width)
	}
}

// run reads a run: any number of multiples of 64, then what is left.
func (d *decoder) run(table []symbol) (int, error) {
	total := 0
	for {
		s, err := d.next(table)
		if err != nil {
			return 0, err
		}
		if total += int(s.value); total > d.width {
			return 0, errCode
		}
		if s.value < 64 {
			return total, nil
		}
	}
}

func (d *decoder) next(table []symbol) (symbol, error) {
	s := table[d.peek(longest)]
	if s.length == 0 {
		if d.left() < longest {
			return s, errShort
		}
		return s, errCode
	}
	if d.pos += int(s.length); d.left() < 0 {
		return s, errShort
	}
	return s, nil
}

// relativeRow reads a row coded by its difference from the one above (T.4,
// 4.2). b is the index of b1, the first change above that is right of a0 and
// to the colour a0 does not have.
func (d *decoder) relativeRow() error {
	a0, b := -1, 0
	for a0 < d.width {
		s, err := d.next(d.modes)
		if err != nil {
			return err
		}
		for b > 0 && d.edge(b-1) > a0 {
			b--
		}
		for d.edge(b) <= a0 && d.edge(b) < d.width || b%2 != len(d.current)%2 {
			b++
		}
		switch mode := int(s.value); {
		case mode == pass:
			a0 = d.edge(b + 1)
		case mode == horizontal:
			if a0, err = d.horizontal(max(a0, 0)); err != nil {
				return err
			}
		default:
			a1 := d.edge(b) + offset(mode)
			if a1 < max(a0, 0) || a1 > d.width || a1 == a0 && a0 > 0 {
				return errCode
			}
			d.current = append(d.current, a1)
			a0 = a1
		}
	}
	d.close()
	return nil
}

// offset is how far a vertical mode goes from b1.
func offset(mode int) int {
	if mode > vertical+3 {
		return vertical + 3 - mode
	}
	return mode - vertical
}

func (d *decoder) horizontal(x int) (int, error) {
	tables := [2][]symbol{d.white, d.black}
	for range 2 {
		n, err := d.run(tables[len(d.current)%2])
		if err != nil {
			return 0, err
		}
		if x += n; x > d.width {
			return 0, errCode
		}
		d.current = append(d.current, x)
	}
	return x, nil
}

// edge is a position in the row above, the width past its end.
func (d *decoder) edge(i int) int {
	if i < len(d.above) {
		return d.above[i]
	}
	return d.width
}
