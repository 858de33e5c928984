package tesseract

import (
	"context"
	"unicode/utf8"

	"intray/engines"
)

// A till roll is one column of lines, often pale, with prices far to the right
// of what they belong to. Automatic segmentation takes the prices for a column
// of their own or for no text at all, so a strip is read as one block as well
// and the reading with more sure letters counts.

const (
	// stripRatio is the least height of a strip, in widths; A4 has 1.41, legal 1.65.
	stripRatio = 1.7
	// singleBlock is the page segmentation mode that looks for nothing.
	singleBlock = 6
	// gain is by how much another reading must be better to replace the first.
	gain = 1.03
)

// Tesseract's values of thresholding_method: one threshold for the page, or one
// for each neighbourhood, in two ways.
const (
	oneThreshold = iota
	adaptiveOtsu
	sauvola
)

// how is a way of reading a page.
type how struct {
	mode      int // page segmentation
	threshold int // thresholding_method
}

// betterStrip reads a strip in other ways and answers the best reading. A strip
// that reads well needs one more; one that does not may be pale or shadowed.
func (r *Recognizer) betterStrip(ctx context.Context, page engines.Page, first engines.PageResult) (engines.PageResult, error) {
	best := first
	for _, threshold := range []int{oneThreshold, sauvola, adaptiveOtsu} {
		if threshold != oneThreshold && readsWell(best) {
			break
		}
		other, err := r.read(ctx, page, how{singleBlock, threshold})
		if ctx.Err() != nil {
			return engines.PageResult{}, ctx.Err()
		}
		if err != nil {
			break // what was read is not thrown away
		}
		if sureLetters(other) > gain*sureLetters(best) {
			best = other
		}
	}
	return best, nil
}

func isStrip(p engines.PageResult) bool {
	return p.Width > 0 && float64(p.Height) >= stripRatio*float64(p.Width)
}

// sureLetters weighs the letters of sure words with their confidence.
func sureLetters(p engines.PageResult) (sum float64) {
	for _, b := range p.Blocks {
		for _, l := range b.Lines {
			for _, w := range l.Words {
				if w.Confidence >= sureWord && l.Angle == 0 {
					sum += w.Confidence * float64(utf8.RuneCountInString(w.Text))
				}
			}
		}
	}
	return sum
}
