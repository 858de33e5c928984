package fax

// Encoder writes a picture in Group 4 (ITU-T T.6), the smallest of the codings
// that PDF knows for black and white.
type Encoder struct {
	width          int
	out            []byte
	bits, pending  uint64 // what is not yet a whole byte, and how many bits
	above, current []int

	white, black, modes []code
}

// NewEncoder begins a picture of the given width in pixels.
func NewEncoder(width int) *Encoder {
	return &Encoder{width: width, white: parseCodes(whiteRuns, longRuns), black: parseCodes(blackRuns, longRuns), modes: parseCodes(modes)}
}

// Row adds a packed row of Stride(width) bytes; bits past the width are
// ignored.
func (e *Encoder) Row(packed []byte) {
	e.current = changesOf(e.current, packed, e.width)
	// T.6, 2.2.3: a0 stands before the first pixel, and the row above the first
	// is white. i and b are indexes of the next changes of both rows.
	a0, i, b, black := -1, 0, 0, false
	for a0 < e.width {
		for b > 0 && e.at(e.above, b-1) > a0 {
			b--
		}
		for b < len(e.above) && (e.above[b] <= a0 || (b%2 == 1) != black) {
			b++
		}
		a1, b1, b2 := e.at(e.current, i), e.at(e.above, b), e.at(e.above, b+1)
		switch d := a1 - b1; {
		case b2 < a1:
			e.put(e.modes[pass])
			a0 = b2
		case d >= -3 && d <= 3:
			e.put(e.modes[verticalMode(d)])
			a0, black = a1, !black
			i++
		default:
			a2 := e.at(e.current, i+1)
			e.put(e.modes[horizontal])
			e.run(a1-max(a0, 0), black)
			e.run(a2-a1, !black)
			a0 = a2
			i += 2
		}
	}
	e.above, e.current = e.current, e.above
}

// verticalMode is the inverse of offset.
func verticalMode(d int) int {
	if d < 0 {
		return vertical + 3 - d
	}
	return vertical + d
}

func (e *Encoder) at(changes []int, i int) int {
	if i < len(changes) {
		return changes[i]
	}
	return e.width
}

func (e *Encoder) run(n int, black bool) {
	codes := e.white
	if black {
		codes = e.black
	}
	for ; n >= 2560; n -= 2560 {
		e.put(codes[63+2560/64])
	}
	if n >= 64 {
		e.put(codes[63+n/64])
	}
	e.put(codes[n%64])
}

func (e *Encoder) put(c code) {
	e.bits = e.bits<<c.length | uint64(c.bits)
	e.pending += uint64(c.length)
	for ; e.pending >= 8; e.pending -= 8 {
		e.out = append(e.out, byte(e.bits>>(e.pending-8)))
	}
}

// Close ends the picture and returns it.
func (e *Encoder) Close() []byte {
	for range 2 { // EOFB
		e.put(code{bits: 1, length: eolBits})
	}
	e.put(code{length: 7})
	return e.out
}
