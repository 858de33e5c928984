package normalize

import (
	"fmt"
	"math"

	"intray/daemon/document"
)

// Codes of warnings about what a page is written in.
const (
	WarnHandwriting = "handwriting"
	WarnScript      = "unsupported_script"
)

// Tesseract tells nothing of handwriting, but shows it: it makes words of what it
// takes for lines, is sure of next to none, and the lines are not as alike as those
// of print. Print that it cannot read, for the scan is bad or it lacks the language,
// stands in lines of one height and one slope. A single note or signature on a
// printed page is not seen so.
const (
	// unsure is the mean confidence of a line's letters below which it says nothing.
	unsure = 0.45
	// leastUnsure is how many such lines there must be, lineLength how long each is
	// in its heights.
	leastUnsure, lineLength = 3, 5
	// uneven is the spread of the lines' heights, as a share of their mean, and
	// unlevel that of their slopes, in height for width, beyond print's.
	uneven, unlevel = 0.1, 0.004
)

// written says what is known of handwriting and of the script.
func written(p *document.Page, r Reading, read []document.Block) []document.Warning {
	for _, b := range read {
		for _, l := range b.Lines {
			if l.Handwritten {
				p.Handwriting = document.HandwritingFound
			}
		}
	}
	switch {
	case p.Handwriting != "":
		return []document.Warning{{Code: WarnHandwriting, Page: r.Number, Message: "Some of the page is handwritten."}}
	case r.Script.Code != "" && !r.Script.Read:
		return []document.Warning{{Code: WarnScript, Page: r.Number, Message: fmt.Sprintf(
			"The page seems to be written in %s script, which none of the languages it was read in has. Add its language to the folder's languages, or have another engine read it.", r.Script.Name)}}
	case !r.Doubtful:
		return nil
	}
	n := scrawled(read)
	if n == 0 {
		return nil
	}
	p.Handwriting = document.HandwritingSuspected
	return []document.Warning{{Code: WarnHandwriting, Page: r.Number, Message: fmt.Sprintf(
		"%d lines of the page look handwritten: hardly a word of them makes sense, and they are uneven as print is not.", n)}}
}

// scrawled is how many lines look handwritten, 0 if that is no sign of it.
func scrawled(blocks []document.Block) int {
	var heights, slopes []float64
	for _, b := range blocks {
		for _, l := range b.Lines {
			width, height := l.Box[2]-l.Box[0], l.Box[3]-l.Box[1]
			if width < height { // it stands on its head or side, as Tesseract may take it
				width, height = height, width
			}
			if height <= 0 || width < lineLength*height || surety(l) >= unsure {
				continue
			}
			heights = append(heights, height)
			if dx := l.Baseline[2] - l.Baseline[0]; dx > 0 {
				slopes = append(slopes, (l.Baseline[3]-l.Baseline[1])/dx)
			}
		}
	}
	mean, spread := spreadOf(heights)
	if len(heights) < leastUnsure {
		return 0
	}
	_, leaning := spreadOf(slopes)
	if spread < uneven*mean && leaning < unlevel {
		return 0
	}
	return len(heights)
}

// surety is the mean confidence of a line's letters.
func surety(l document.Line) float64 {
	sum, letters := 0.0, 0.0
	for _, w := range l.Words {
		n := float64(len([]rune(w.Text)))
		sum, letters = sum+n*w.Confidence, letters+n
	}
	return sum / max(letters, 1)
}

// spreadOf is the mean and the standard deviation; 0 for no values.
func spreadOf(values []float64) (mean, spread float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		spread += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(spread)
}
