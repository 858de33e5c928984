package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"intray/daemon/document"
	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/engines"
)

// VerifyRequest asks whether pages From to To, from 1, of the searchable PDF at
// Out show what the original shows and give back the words that were read.
type VerifyRequest struct {
	Source Source `json:"source"`
	Out    string `json:"out"`
	// Pages is the folder of the PageFiles; Unread are pages without one.
	Pages  string `json:"page_files"`
	Unread []int  `json:"unread"`
	From   int    `json:"from"`
	To     int    `json:"to"`
}

// The tolerances of the publish gate. Shares are of the page's ink, as
// pages.Thumb.Difference measures it; they are some five times what the pages
// of a large corpus show, and a fifth of what a line among fifty is.
const (
	// Drawn twice by one reader, an untouched page is the same.
	sameReader = 0.001
	// A page made from a picture is drawn by other code than that which decoded
	// the picture, with other colours and another filter.
	otherReader = 0.005
	// A straightened page is compared with a straightened thumb of 18 dpi, and
	// corners may lie off the page.
	straightened = 0.01
	// leastExtracted is the share of letters written into the text layer that
	// must come out again.
	leastExtracted = 0.95
)

// Codes of what the publish gate stops.
const (
	CodeLostInk     = "page_lost_ink"
	CodePageChanged = "page_changed"
	CodeLostText    = "text_not_extractable"
)

// verify answers with an error of kind review for the first page that must not
// be published.
func (r *Reader) verify(ctx context.Context, q VerifyRequest) (struct{}, error) {
	none := struct{}{}
	opened, err := r.openOutput(ctx, q.Out)
	if err != nil {
		return none, err
	}
	defer opened.Close()
	out, ok := opened.(pages.Drawn)
	if !ok {
		return none, fmt.Errorf("%s is no PDF", q.Out)
	}
	for number := q.From; number <= q.To; number++ {
		if isUnread(q.Unread, number) {
			continue
		}
		kept, err := readPageFile(q.Pages, number)
		if err == nil {
			err = r.verifyPage(ctx, q, out, number, kept)
		}
		if err != nil {
			return none, err
		}
	}
	return none, nil
}

func (r *Reader) verifyPage(ctx context.Context, q VerifyRequest, out pages.Drawn, number int, kept pageFile) error {
	err := r.looksTheSame(ctx, q.Source, out, number, kept)
	if err != nil {
		return err
	}
	text, err := out.PlainText(ctx, number)
	if err != nil {
		return err
	}
	own := ""
	switch { // the page's own words must not stand in for those that were read
	case kept.Layer.Kept > 0 && kept.Layer.Treat == pdf.TreatRedo: // the original has an old layer as well
		own = printed(kept.Layer.Page.Blocks[:kept.Layer.Kept])
	case kept.Layer.Kept > 0:
		drawn, err := r.drawn(ctx, q.Source)
		if err != nil {
			return err
		}
		if own, err = drawn.PlainText(ctx, number); err != nil {
			return err
		}
	}
	if share := extracted(kept.Layer, text, own); share < leastExtracted {
		return &engines.Error{Kind: engines.Review, Code: CodeLostText, Sentence: fmt.Sprintf(
			"Only %.0f %% of the text written on page %d of the searchable PDF can be read from it; it is not delivered.", 100*share, number)}
	}
	return nil
}

// looksTheSame compares the page with the original's; one that seems to differ is
// looked at again more closely.
func (r *Reader) looksTheSame(ctx context.Context, s Source, out pages.Drawn, number int, kept pageFile) (err error) {
	for _, dpi := range []float64{pages.LookDPI, pages.FineDPI} {
		if err = r.compare(ctx, s, out, number, kept, dpi); err == nil {
			return nil
		}
		if e, ok := engines.AsError(err); !ok || e.Kind != engines.Review {
			return err
		}
	}
	return err
}

// compare looks whether the page shows what it showed when it was read. Where it
// does not and the original can be drawn, that decides: a picture's stream says
// nothing of a clipping path over it or a stamp beside it.
func (r *Reader) compare(ctx context.Context, s Source, out pages.Drawn, number int, kept pageFile, dpi float64) error {
	after, err := out.Thumb(ctx, number, dpi)
	if err != nil {
		return err
	}
	l := kept.Layer
	against := func(before pages.Thumb, tolerance, greys float64) error {
		if l.Page.Skew != 0 {
			tolerance, greys = straightened, pages.Redrawn
		}
		return judgePage(number, before.Straightened(l.Page.Skew), after, tolerance, greys)
	}
	if kept.Thumb != nil {
		if err = against(*kept.Thumb, otherReader, pages.Redrawn); err == nil {
			return nil
		}
	}
	drawn, openErr := r.drawn(ctx, s)
	if openErr != nil {
		return errors.Join(err, openErr)
	}
	if drawn == nil {
		return err
	}
	before, drawErr := drawn.Thumb(ctx, number, dpi)
	if drawErr != nil {
		return drawErr
	}
	before = before.Turned(l.Turn)
	if l.Treat == pdf.TreatForce {
		return against(before, otherReader, pages.Redrawn)
	}
	return against(before, sameReader, pages.Exact)
}

// drawn is the original where it can be drawn, else nil.
func (r *Reader) drawn(ctx context.Context, s Source) (pages.Drawn, error) {
	d, err := r.open(ctx, s)
	if err != nil {
		return nil, err
	}
	drawn, _ := d.(pages.Drawn)
	return drawn, nil
}

// judgePage compares a page as it was with the page as it is.
func judgePage(number int, before, after pages.Thumb, tolerance, greys float64) error {
	lost, gained := before.Difference(after, greys)
	switch {
	case lost > tolerance:
		return &engines.Error{Kind: engines.Review, Code: CodeLostInk, Sentence: fmt.Sprintf(
			"Page %d of the searchable PDF lacks %.1f %% of what the original shows; it is not delivered.", number, 100*lost)}
	case gained > tolerance:
		return &engines.Error{Kind: engines.Review, Code: CodePageChanged, Sentence: fmt.Sprintf(
			"Page %d of the searchable PDF shows %.1f %% that the original does not; it is not delivered.", number, 100*gained)}
	}
	if n := before.Missing(after); n > 0 {
		return &engines.Error{Kind: engines.Review, Code: CodeLostInk, Sentence: fmt.Sprintf(
			"Page %d of the searchable PDF lacks something that the original shows, in %d places; it is not delivered.", number, n)}
	}
	if n := after.Missing(before); n > 0 {
		return &engines.Error{Kind: engines.Review, Code: CodePageChanged, Sentence: fmt.Sprintf(
			"Page %d of the searchable PDF shows something that the original does not, in %d places; it is not delivered.", number, n)}
	}
	return nil
}

// printed is the text of blocks, a word after another.
func printed(blocks []document.Block) string {
	var b strings.Builder
	for _, block := range blocks {
		for _, line := range block.Lines {
			for _, w := range line.Words {
				b.WriteString(w.Text + " ")
			}
		}
	}
	return b.String()
}

// extracted is the share of the layer's letters that the page's text has beyond
// own, the text it had before, each as often as it was written.
func extracted(l pdf.Layer, text, own string) float64 {
	if l.Page.Decision != document.DecisionOCR {
		return 1
	}
	have := map[rune]int{}
	count(text, func(c rune) { have[c]++ })
	count(own, func(c rune) { have[c]-- })
	wrote, found := 0, 0
	for _, b := range l.Page.Blocks[min(l.Kept, len(l.Page.Blocks)):] {
		for _, line := range b.Lines {
			for _, w := range line.Words {
				count(w.Text, func(c rune) {
					wrote++
					if have[c] > 0 {
						have[c]--
						found++
					}
				})
			}
		}
	}
	if wrote == 0 {
		return 1
	}
	return float64(found) / float64(wrote)
}

// count calls each for the letters and digits of a text, in the form that
// readers agree on (Unicode NFKC, small letters).
func count(text string, each func(rune)) {
	for _, c := range strings.ToLower(norm.NFKC.String(text)) {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			each(c)
		}
	}
}

// pageFile is what a worker reads of a PageFile.
type pageFile struct {
	Layer pdf.Layer    `json:"layer"`
	Thumb *pages.Thumb `json:"thumb"`
}

func readPageFile(dir string, number int) (p pageFile, err error) {
	data, err := os.ReadFile(PageFile(dir, number))
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		return p, fmt.Errorf("read page result: %w", err)
	}
	return p, nil
}
