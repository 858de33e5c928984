package worker

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"intray/daemon/document"
	"intray/daemon/pages"
	"intray/engines"
)

// RawAnswer is a gzip file with a provider's raw answer about so many pages.
type RawAnswer struct {
	Path  string `json:"path"`
	Pages int    `json:"pages"`
}

// AnswerRequest asks what a provider's raw answers say: one, or those about the
// parts of a document in their order.
type AnswerRequest struct {
	Engine EngineSpec  `json:"engine"`
	Raw    []RawAnswer `json:"raw"`
}

// AnswerAnswer is the answer without its pages. The boxes of fields and tables are
// in the units of their pages; see ReadAnswer.Place. Incomplete says in a sentence
// that the answer is not about the pages that were sent; "" when it is.
type AnswerAnswer struct {
	Result     engines.Result `json:"result"`
	Incomplete string         `json:"incomplete,omitempty"`
}

// answered is the answer that was understood last.
type answered struct {
	request    AnswerRequest
	result     engines.Result
	incomplete string
}

func (a *answered) to(q AnswerRequest) bool {
	return a != nil && a.request.Engine == q.Engine && slices.Equal(a.request.Raw, q.Raw)
}

func (r *Reader) answer(_ context.Context, q AnswerRequest) (AnswerAnswer, error) {
	a, err := r.understood(q)
	if err != nil {
		return AnswerAnswer{}, err
	}
	out := AnswerAnswer{Result: a.result, Incomplete: a.incomplete}
	out.Result.Pages = nil
	return out, nil
}

// understood normalizes raw answers, once for all of their pages.
func (r *Reader) understood(q AnswerRequest) (*answered, error) {
	if r.answered.to(q) {
		return r.answered, nil
	}
	provider, err := r.NewProvider(q.Engine)
	if err != nil {
		return nil, err
	}
	defer provider.Close()
	var parts []engines.Result
	out := &answered{request: q}
	for _, kept := range q.Raw {
		raw, err := unpacked(kept.Path)
		if err != nil {
			return nil, err
		}
		part, err := provider.Normalize(raw)
		if err != nil {
			return nil, err
		}
		if e, ok := engines.AsError(engines.CheckPages(part, kept.Pages)); ok && out.incomplete == "" {
			out.incomplete = e.Sentence
		}
		if len(q.Raw) > 1 { // else the pages behind would move
			part.Pages = part.Pages[:min(len(part.Pages), kept.Pages)]
			for len(part.Pages) < kept.Pages {
				part.Pages = append(part.Pages, engines.AnswerPage{Failed: "The service left this page out of its answer."})
			}
		}
		parts = append(parts, part)
	}
	out.result = engines.Join(parts)
	r.answered = out
	return out, nil
}

func unpacked(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open raw answer: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("unpack raw answer: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(z, engines.DefaultMaxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("unpack raw answer: %w", err)
	}
	if len(raw) > engines.DefaultMaxAnswer {
		return nil, &engines.Error{Kind: engines.Review, Code: engines.CodeTooLarge, Sentence: "The service's answer is too long to be read."}
	}
	return raw, nil
}

// readAnswered takes a page's words from a provider's answer; the picture only
// says how the page lies.
func (r *Reader) readAnswered(q ReadRequest, picture pages.Picture, answer ReadAnswer) (ReadAnswer, error) {
	understood, err := r.understood(AnswerRequest{q.Engine, q.Raw})
	if err != nil {
		return ReadAnswer{}, err
	}
	result := understood.result
	if q.Number > len(result.Pages) {
		return ReadAnswer{}, &engines.Error{Kind: engines.Review, Code: engines.CodePagesMissing, Sentence: "The service left this page out of its answer."}
	}
	page := result.Pages[q.Number-1]
	if page.Failed != "" {
		return ReadAnswer{}, &engines.Error{Kind: engines.Review, Code: engines.CodeHollow, Sentence: page.Failed}
	}
	g := picture.Geometry
	if page.Width <= 0 || page.Height <= 0 {
		page.PageResult = laidOut(page, g)
		answer.Warnings = append(answer.Warnings, document.Warning{Code: "no_places", Page: q.Number,
			Message: "The service does not say where words stand on the page or how sure it is; in the PDF they lie line by line over the page."})
	}
	sx, sy := g.Width/float64(page.Width), g.Height/float64(page.Height)
	answer.Result = inPoints(page, g, sx, sy)
	answer.Place = document.Scale(sx, sy)
	g.ImageToPage = document.Identity()
	if turn := turnOf(page.Angle); turn != 0 && q.Rotate > 0 && picture.Text == nil && !g.Locked {
		turned := document.Turn(g.Width, g.Height, turn)
		g.ImageToPage, g.UserToPage = turned, g.UserToPage.Then(turned)
		g.Rotation = (g.Rotation + turn) % 360
		if turn%180 == 90 {
			g.Width, g.Height = g.Height, g.Width
		}
		answer.Place, answer.Turn = answer.Place.Then(turned), turn
		answer.Orientation = document.Orientation{Angle: turn, Confidence: 1, Applied: true, Reason: "The service says how the text lies."}
	}
	answer.Geometry = g
	answer.Marks = marksOf(page, answer.Place)
	if answer.Reason == "" {
		answer.Reason = "The page is a picture and brings no text along, so it was read."
	}
	if answer.Read = picture.Image != nil; !answer.Read {
		answer.Result = engines.PageResult{} // its own text is kept
	} else if picture.Text == nil {
		thumb := picture.Turned(answer.Turn).Thumb()
		answer.Thumb = &thumb
	}
	return answer, nil
}

// marksOf are the page's marks with their boxes in points.
func marksOf(page engines.AnswerPage, place document.Matrix) (out []document.Mark) {
	for _, m := range page.Marks {
		mark := document.Mark{Kind: document.MarkSelection, State: document.MarkUnselected, Confidence: min(max(m.Confidence, 0), 1)}
		if m.Selected {
			mark.State = document.MarkSelected
		}
		if m.Box.X1 > m.Box.X0 && m.Box.Y1 > m.Box.Y0 {
			mark.Box = place.Box(document.Box{m.Box.X0, m.Box.Y0, m.Box.X1, m.Box.Y1})
		}
		out = append(out, mark)
	}
	return out
}

// turnOf is the clockwise turn, a multiple of 90 degrees, that makes text upright
// which is turned by angle degrees clockwise.
func turnOf(angle float64) int {
	quarters := int(math.Round(angle / 90))
	return ((-quarters%4 + 4) % 4) * 90
}

// inPoints maps a page's lines from the provider's units to points of the page as
// its file has it, and gives lines their slope where only the page says it.
func inPoints(page engines.AnswerPage, g document.Geometry, sx, sy float64) engines.PageResult {
	scaled := func(b engines.Box) engines.Box {
		return engines.Box{X0: b.X0 * sx, Y0: b.Y0 * sy, X1: b.X1 * sx, Y1: b.Y1 * sy}
	}
	turn := turnOf(page.Angle)
	slope := math.Tan((page.Angle + float64(turn)) * math.Pi / 180)
	out := engines.PageResult{Width: int(g.Width), Height: int(g.Height), Languages: page.Languages}
	for _, b := range page.Blocks {
		block := engines.Block{Kind: b.Kind, Box: scaled(b.Box)}
		if !slices.Contains([]string{engines.BlockText, engines.BlockHeading, engines.BlockCaption, engines.BlockTable}, b.Kind) {
			block.Kind = engines.BlockText
		}
		for _, l := range b.Lines {
			line := l
			line.Box, line.Words = scaled(l.Box), nil
			if l.HasBaseline {
				line.Slope, line.Offset = l.Slope*sy/sx, l.Offset*sy
			} else if l.Angle == 0 && turn != 0 {
				line.Angle = float64(turn)
			} else if l.Angle == 0 && math.Abs(slope) > 0.001 {
				line.HasBaseline, line.Slope = true, slope
				line.Offset = -max(0, slope*(line.Box.X1-line.Box.X0))
			}
			for _, w := range l.Words {
				w.Box = scaled(w.Box)
				line.Words = append(line.Words, w)
			}
			block.Lines = append(block.Lines, line)
		}
		out.Blocks = append(out.Blocks, block)
	}
	return out
}

// unsaid is the confidence of words of which a provider does not say how sure it
// is.
const unsaid = 0.9

// laidOut puts text that has no places line by line over the page, in points.
func laidOut(page engines.AnswerPage, g document.Geometry) engines.PageResult {
	out := engines.PageResult{Width: int(g.Width), Height: int(g.Height), Languages: page.Languages}
	texts := lineTexts(page)
	const margin, widest = 36, 14
	height := min(widest, (g.Height-2*margin)/float64(max(1, len(texts))))
	block := engines.Block{Kind: engines.BlockText}
	for i, text := range texts {
		y, room := margin+float64(i)*height, g.Width-2*margin
		letter := min(height/2, room/float64(max(1, len([]rune(text)))))
		line, x := engines.Line{Box: engines.Box{X0: margin, Y0: y, X1: g.Width - margin, Y1: y + 0.8*height}}, float64(margin)
		for word := range strings.FieldsSeq(text) {
			width := letter * float64(len([]rune(word)))
			line.Words = append(line.Words, engines.Word{Text: word, Confidence: unsaid, Box: engines.Box{X0: x, Y0: y, X1: x + width, Y1: y + 0.8*height}})
			x += width + letter
		}
		if len(line.Words) > 0 {
			block.Lines = append(block.Lines, line)
		}
	}
	if len(block.Lines) > 0 {
		out.Blocks = []engines.Block{block}
	}
	return out
}

func lineTexts(page engines.AnswerPage) (out []string) {
	for _, b := range page.Blocks {
		for _, l := range b.Lines {
			var words []string
			for _, w := range l.Words {
				words = append(words, w.Text)
			}
			out = append(out, strings.Join(words, " "))
		}
	}
	if len(out) > 0 {
		return out
	}
	for text := range strings.Lines(page.Text) {
		if text = strings.TrimSpace(text); text != "" {
			out = append(out, text)
		}
	}
	return out
}
