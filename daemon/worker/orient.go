package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"intray/daemon/document"
	"intray/daemon/pages"
	"intray/engines"
)

// A page is turned upright by what is read on it: an engine reads lines that
// run sideways or stand on their head and says so. When most letters agree the
// page is read again as it will lie, since engines find columns and baselines
// best on upright pages. Where an engine makes no sense of a page at all, the
// page is tried in its other positions.

const (
	// leastLetters is how many letters a page must have for its direction to say
	// anything.
	leastLetters = 6
	// nonsense is the mean confidence below which a page with at least
	// nonsenseLetters counts as not understood, sense the one a turned page must
	// reach to be believed.
	nonsense, nonsenseLetters = 0.6, 20
	sense                     = 0.75
	// longestTry is how long a reading may take for a page to be tried in its
	// other positions: three more must fit into the page's time.
	longestTry = 20 * time.Second
)

// stopped is err where the work is broken off, which no reading survives.
func stopped(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// legible is what of a result can be believed, by the direction it reads in.
type legible struct {
	letters   float64
	sum       float64 // letters weighted with their confidence
	byDegrees map[int]float64
}

func weigh(r engines.PageResult) legible {
	out := legible{byDegrees: map[int]float64{}}
	for _, b := range r.Blocks {
		for _, l := range b.Lines {
			for _, w := range l.Words {
				n := float64(len([]rune(w.Text)))
				out.letters += n
				out.sum += n * w.Confidence
				out.byDegrees[int(l.Angle)] += n * w.Confidence
			}
		}
	}
	return out
}

func (l legible) confidence() float64 {
	if l.letters == 0 {
		return 0
	}
	return l.sum / l.letters
}

// direction is the clockwise turn that would make most of the text upright, and
// the share of the text, weighted with confidence, that asks for it. Text that
// runs at an angle counter-clockwise is upright after as much clockwise.
func (l legible) direction() (turn int, share float64) {
	for degrees, weight := range l.byDegrees {
		if weight/l.sum > share {
			turn, share = degrees, weight/l.sum
		}
	}
	return turn, share
}

// readUpright reads the picture, turned upright if need be.
func (a *ReadAnswer) readUpright(p pages.Picture, least float64, recognize func(pages.Picture) (engines.PageResult, error)) error {
	began := time.Now()
	first, err := recognize(p)
	if err != nil {
		return err
	}
	took := time.Since(began)
	a.Result = first
	was := weigh(first)
	turn, share := was.direction()
	a.Orientation = document.Orientation{Angle: turn, Confidence: share}
	switch {
	case was.letters >= nonsenseLetters && was.confidence() < nonsense && least > 0 && took > longestTry:
		a.Orientation.Reason = "The page makes little sense and took too long to be tried in other positions."
		return nil
	case was.letters >= nonsenseLetters && was.confidence() < nonsense && least > 0:
		return a.tryTurns(p, was, recognize)
	case was.letters < leastLetters:
		a.Orientation.Reason = "There is too little text to tell which way is up."
		return nil
	case turn == 0:
		a.Orientation.Reason = "The text is upright."
		return nil
	case least == 0:
		a.Orientation.Reason = "The page is not turned, as the folder's rotate = \"off\" asks."
		return nil
	case share < least:
		a.Orientation.Reason = fmt.Sprintf("Only %.0f %% of the text reads that way, less than rotate_confidence.", 100*share)
		return nil
	}
	turned := p.Turned(turn)
	again, err := recognize(turned)
	if err != nil { // what was read is not thrown away
		a.Orientation.Reason = "The turned page could not be read."
		return stopped(err)
	}
	now := weigh(again)
	if upright, _ := now.direction(); upright != 0 || now.confidence() < nonsense || now.sum < 0.8*was.sum {
		a.Orientation.Reason = "The turned page reads worse than the page as it is."
		return nil
	}
	a.take(turned, again, turn, fmt.Sprintf("%.0f %% of the text reads that way.", 100*share))
	return nil
}

// senseless is how many letters are in lines that make no sense: on a page in two
// scripts the others do.
func senseless(r engines.PageResult) (letters int) {
	for _, b := range r.Blocks {
		for _, l := range b.Lines {
			line := weigh(engines.PageResult{Blocks: []engines.Block{{Lines: []engines.Line{l}}}})
			if line.confidence() < nonsense {
				letters += int(line.letters)
			}
		}
	}
	return letters
}

// tellScript asks which script the page is in, where some of it makes no sense and
// the engine can tell. One that cannot be told is no reason to fail.
func (a *ReadAnswer) tellScript(ctx context.Context, engine engines.Recognizer, p pages.Picture, languages []string) error {
	teller, can := engine.(engines.ScriptTeller)
	if !can || senseless(a.Result) < nonsenseLetters {
		return nil
	}
	script, err := teller.Script(ctx, engines.Page{Image: p.Image, DPI: p.DPI, Languages: languages})
	if err == nil {
		a.Script = script
	}
	return stopped(err)
}

// doubtLevel reads the picture as it leans, too, when it makes little sense
// levelled, and takes what makes more: in a photo it may not be text that leans.
func (a *ReadAnswer) doubtLevel(p pages.Picture, q ReadRequest, recognize func(pages.Picture) (engines.PageResult, error)) error {
	levelled := weigh(a.Result)
	if levelled.letters >= leastLetters && levelled.confidence() >= sense {
		return nil
	}
	steps := slices.DeleteFunc(slices.Clone(q.Prepare), func(step string) bool { return step == pages.StepLevel })
	leaning := p.Prepared(steps)
	other := *a
	other.Geometry, other.Turn = leaning.Geometry, 0
	if err := other.readUpright(leaning, q.Rotate, recognize); err != nil {
		return stopped(err)
	}
	if weigh(other.Result).sum > levelled.sum {
		*a = other
	}
	return nil
}

// tryTurns reads a page that made no sense in its other positions and takes the
// first that does.
func (a *ReadAnswer) tryTurns(p pages.Picture, was legible, recognize func(pages.Picture) (engines.PageResult, error)) error {
	for _, turn := range []int{180, 90, 270} {
		turned := p.Turned(turn)
		again, err := recognize(turned)
		if err != nil {
			a.Orientation.Reason = "The page makes little sense and could not be read in other positions."
			return stopped(err)
		}
		now := weigh(again)
		if upright, share := now.direction(); upright == 0 && now.confidence() >= sense && now.sum > 1.2*was.sum {
			a.Orientation = document.Orientation{Angle: turn, Confidence: now.confidence() * share}
			a.take(turned, again, turn, fmt.Sprintf("The page makes sense that way (confidence %.2f instead of %.2f).", now.confidence(), was.confidence()))
			return nil
		}
	}
	a.Orientation.Reason = "The page makes no sense in any position; it stays as it is."
	return nil
}

func (a *ReadAnswer) take(turned pages.Picture, result engines.PageResult, turn int, reason string) {
	a.Geometry, a.Result, a.Turn = turned.Geometry, result, turn
	a.Orientation.Applied, a.Orientation.Reason = true, reason
}
