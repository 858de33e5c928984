package site

import (
	"fmt"
	"net/http"
	"strings"

	"intray/ledger"
)

// The diagram is drawn from the ledger's own table: a state or a move that is
// added there is here at once. Only where the boxes stand is decided here.

type statesBody struct {
	Width, Height float64
	Boxes         []stateBox
	Arrows        []arrow
}

type stateBox struct {
	State     ledger.State
	X, Y      float64
	W, H      float64
	Words     []string
	Count     int
	Leaves    []ledger.Transition
	TextX     float64
	CountY    float64
	FirstLine float64
}

// arrow is all moves from one state to another. Back is true for those that
// begin the journey anew.
type arrow struct {
	From, To ledger.State
	Path     string
	Moves    []string
	Back     bool
}

const (
	boxWidth, boxHeight = 132, 66
	columnWidth         = 196
	rowHeight           = 104
	border              = 28
)

// places are columns and rows; a state that has none gets one below the others.
func places() map[ledger.State][2]float64 {
	return map[ledger.State][2]float64{
		ledger.Received: {0, 1.5}, ledger.Duplicate: {1, 3.6}, ledger.Validated: {1, 1.5},
		ledger.Submitting: {2, 0.2}, ledger.SubmittedToProvider: {3, 0.2}, ledger.Processing: {3, 1.5},
		ledger.NeedsHumanReview: {4, 2.3}, ledger.FailedRetryable: {4, 3.6},
		ledger.Completed: {5, 0.2}, ledger.CompletedWithWarnings: {5, 1.2}, ledger.Rejected: {5, 2.3}, ledger.DeadLetter: {5, 3.3}, ledger.FailedTerminal: {5, 4.3},
		ledger.Purged: {6, 2.3},
	}
}

func (s *server) states(c *call) error {
	counts, err := s.Ledger.Counts()
	if err != nil {
		return err
	}
	return c.show(http.StatusOK, "states", diagram(counts, func(st ledger.State) string { return c.text("state." + string(st)) }))
}

func diagram(counts map[ledger.State]int, label func(ledger.State) string) statesBody {
	b := statesBody{}
	at := places()
	boxes := map[ledger.State]stateBox{}
	for i, state := range ledger.States() {
		place, ok := at[state]
		if !ok {
			place = [2]float64{float64(i % 7), 5.4}
		}
		box := stateBox{State: state, W: boxWidth, H: boxHeight, X: border + place[0]*columnWidth, Y: border + place[1]*rowHeight,
			Words: twoLines(label(state)), Count: counts[state]}
		box.TextX, box.CountY = box.X+boxWidth/2, box.Y+boxHeight-12
		box.FirstLine = box.Y + 24
		if len(box.Words) > 1 {
			box.FirstLine = box.Y + 18
		}
		for _, t := range ledger.Transitions() {
			if t.From == state {
				box.Leaves = append(box.Leaves, t)
			}
		}
		boxes[state] = box
		b.Boxes = append(b.Boxes, box)
		b.Width, b.Height = max(b.Width, box.X+boxWidth+border), max(b.Height, box.Y+boxHeight+border)
	}
	lane := b.Height
	b.Height += 54
	for _, t := range ledger.Transitions() {
		found := false
		for i := range b.Arrows {
			if b.Arrows[i].From == t.From && b.Arrows[i].To == t.To {
				b.Arrows[i].Moves = append(b.Arrows[i].Moves, t.Move)
				found = true
			}
		}
		if !found {
			from, to := boxes[t.From], boxes[t.To]
			back := t.To == ledger.Validated && t.From != ledger.Received
			b.Arrows = append(b.Arrows, arrow{From: t.From, To: t.To, Moves: []string{t.Move}, Back: back, Path: pathOf(from, to, back, lane)})
		}
	}
	return b
}

// pathOf is a curve from one box to another; one back to the beginning goes
// round below all boxes.
func pathOf(from, to stateBox, back bool, lane float64) string {
	const gap, bend = 26.0, 14.0
	y1, y2 := from.Y+boxHeight/2, to.Y+boxHeight/2
	switch {
	case back:
		out := from.X + boxWidth
		way := out + gap - 8
		if from.X <= to.X+columnWidth/2 { // below it already
			return fmt.Sprintf("M %.0f %.0f L %.0f %.0f", from.X+boxWidth/2, from.Y, to.X+boxWidth/2, to.Y+boxHeight+4)
		}
		home := to.X + boxWidth + gap
		return fmt.Sprintf("M %.0f %.0f H %.0f Q %.0f %.0f %.0f %.0f V %.0f Q %.0f %.0f %.0f %.0f H %.0f Q %.0f %.0f %.0f %.0f V %.0f Q %.0f %.0f %.0f %.0f H %.0f",
			out, y1+18, way-bend, way, y1+18, way, y1+18+bend, lane-bend, way, lane, way-bend, lane, home+bend, home, lane, home, lane-bend,
			y2+20+bend, home, y2+20, home-bend, y2+20, to.X+boxWidth+4)
	case to.X > from.X:
		x1, x2 := from.X+boxWidth, to.X-5
		reach := (x2 - x1) / 2
		return fmt.Sprintf("M %.0f %.0f C %.0f %.0f %.0f %.0f %.0f %.0f", x1, y1, x1+reach, y1, x2-reach, y2, x2, y2)
	case to.Y > from.Y: // in one column
		return fmt.Sprintf("M %.0f %.0f L %.0f %.0f", from.X+boxWidth/2, from.Y+boxHeight, to.X+boxWidth/2, to.Y-5)
	}
	return fmt.Sprintf("M %.0f %.0f L %.0f %.0f", from.X+boxWidth/2, from.Y, to.X+boxWidth/2, to.Y+boxHeight+5)
}

// twoLines breaks a label near its middle.
func twoLines(s string) []string {
	const widest = 16
	if len([]rune(s)) <= widest {
		return []string{s}
	}
	words := strings.Fields(s)
	for i := len(words) - 1; i > 0; i-- {
		if first := strings.Join(words[:i], " "); len([]rune(first)) <= widest {
			return []string{first, strings.Join(words[i:], " ")}
		}
	}
	return []string{s}
}
