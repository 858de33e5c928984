package pdfa

import (
	"errors"
	"fmt"
)

// name is a glyph's name.
func (f *cff) name(glyph int, names *glyphNames) string {
	if glyph < 0 || glyph >= len(f.charset) {
		return ""
	}
	id := f.charset[glyph]
	if id < len(names.standard) {
		return names.standard[id]
	}
	if id -= len(names.standard); id < len(f.strings) {
		return string(f.strings[id])
	}
	return ""
}

// width is a glyph's width in thousandths of an em; an error where its outline
// does things that are not followed.
func (f *cff) width(glyph int) (float64, error) {
	if glyph < 0 || glyph >= len(f.charStrings) {
		return 0, fmt.Errorf("there is no glyph %d", glyph)
	}
	p := 0
	if f.choice != nil {
		p = int(f.choice[glyph])
	}
	if p >= len(f.privates) {
		return 0, errCFF
	}
	w := widthFinder{f: f, p: f.privates[p], budget: 1000}
	if err := w.run(f.charStrings[glyph], 0); err != nil {
		return 0, err
	}
	if !w.found {
		return f.privates[p].usual * f.scale, nil
	}
	return (f.privates[p].nominal + w.value) * f.scale, nil
}

// widthFinder runs a Type 2 charstring up to the first operator that clears the
// stack: a number too many before it is the width (Adobe Technical Note 5177).
type widthFinder struct {
	f      *cff
	p      private
	stack  []float64
	budget int
	done   bool
	found  bool
	value  float64
}

func (w *widthFinder) run(code []byte, depth int) error {
	if depth > 10 {
		return errCFF
	}
	for len(code) > 0 && !w.done {
		b := code[0]
		code = code[1:]
		if w.budget--; w.budget < 0 || len(w.stack) > 48 {
			return errCFF
		}
		if b >= 32 || b == 28 {
			v, n := cffInteger(b, code, 255)
			if n < 0 {
				return errCFF
			}
			w.stack, code = append(w.stack, v), code[n:]
			continue
		}
		switch b {
		case 1, 3, 18, 23, 19, 20: // stems and masks take pairs
			w.end(len(w.stack)%2 == 1)
		case 21: // rmoveto
			w.end(len(w.stack) > 2)
		case 4, 22: // vmoveto, hmoveto
			w.end(len(w.stack) > 1)
		case 14: // endchar
			w.end(len(w.stack) == 1 || len(w.stack) == 5)
		case 10, 29: // callsubr, callgsubr
			subrs := w.p.local
			if b == 29 {
				subrs = w.f.global
			}
			if err := w.call(subrs, depth); err != nil {
				return err
			}
		case 11: // return
			return nil
		default:
			return errors.New("its outlines begin in an unusual way")
		}
	}
	return nil
}

func (w *widthFinder) call(subrs [][]byte, depth int) error {
	n := len(w.stack)
	if n == 0 {
		return errCFF
	}
	bias := 32768
	if len(subrs) < 1240 {
		bias = 107
	} else if len(subrs) < 33900 {
		bias = 1131
	}
	i := int(w.stack[n-1]) + bias
	if w.stack = w.stack[:n-1]; i < 0 || i >= len(subrs) {
		return errCFF
	}
	return w.run(subrs[i], depth+1)
}

func (w *widthFinder) end(width bool) {
	w.done = true
	if width {
		w.found, w.value = true, w.stack[0]
	}
}
