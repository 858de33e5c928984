package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"intray/daemon/document"
	"intray/daemon/review"
	"intray/daemon/worker"
	"intray/engines"
)

const (
	// mostShown bounds the pages on review.html, mostMarked the doubtful words
	// marked on one.
	mostShown  = 20
	mostMarked = 150
	// doubtful is the confidence below which a word is marked.
	doubtful = 0.70
	// showFolder holds the pictures while the bundle is made.
	showFolder = "show"
)

// pictures has workers draw what review.html shows. A page that cannot be drawn
// is shown without a picture: it is no reason not to ask a person.
func (a *attempt) pictures(ctx context.Context, doc document.Document, havePDF bool) (review.Pictures, error) {
	p := review.Pictures{Cuts: map[string]string{}}
	dir := filepath.Join(a.dir, showFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return p, fmt.Errorf("make folder for pictures: %w", err)
	}
	matter := mattering(doc)
	p.Left = len(doc.Pages) - len(matter)
	for _, number := range matter {
		view := review.View{Page: doc.Pages[number-1]}
		if view.Page.Decision == document.DecisionFailed {
			view.Sentence = fmt.Sprintf("Page %d could not be read. %s", number, view.Page.Reason)
			p.Views = append(p.Views, view)
			continue
		}
		kept, err := a.pageFile(number)
		if err != nil {
			return p, fmt.Errorf("read page result %d: %w", number, err)
		}
		view.Words = doubtfulWords(kept.Layer.Page)
		q := worker.ShowRequest{Source: a.source(), Number: number, Turn: kept.Layer.Turn, Skew: view.Page.Skew,
			Width: view.Page.Width, Height: view.Page.Height, Out: filepath.Join(dir, fmt.Sprintf("page-%d.jpg", number))}
		if havePDF {
			q.PDF = a.pdf()
		}
		for i, f := range doc.Fields {
			if f.Page == number && f.Box[2] > f.Box[0] && f.Box[3] > f.Box[1] && p.Cuts[f.Name] == "" {
				p.Cuts[f.Name] = filepath.Join(dir, fmt.Sprintf("field-%d.jpg", i))
				q.CutOuts = append(q.CutOuts, worker.CutOut{Box: f.Box, Out: p.Cuts[f.Name]})
			}
		}
		if err := a.call(ctx, worker.Show, a.Config.PageTimeout.Std(), q, nil); err == nil {
			view.Picture = q.Out
		} else if ctx.Err() != nil {
			return p, ctx.Err()
		} else {
			view.Sentence = fmt.Sprintf("Page %d cannot be drawn here. %s", number, sentenceOf(err))
		}
		p.Views = append(p.Views, view)
	}
	return p, nil
}

func sentenceOf(err error) string {
	if e, ok := engines.AsError(err); ok {
		return e.Sentence
	}
	return ""
}

// mattering are the numbers of the pages to be shown: those with fields and those
// that failed before those that were read worst, in the document's order.
func mattering(doc document.Document) []int {
	weight := make([]float64, len(doc.Pages))
	numbers := make([]int, len(doc.Pages))
	for i, p := range doc.Pages {
		numbers[i] = i + 1
		weight[i] = 1 - p.WorstConfidence
		switch p.Decision {
		case document.DecisionFailed:
			weight[i] = 2
		case document.DecisionBlank, document.DecisionKept:
			weight[i] = 0
		}
	}
	for _, f := range doc.Fields {
		if f.Page >= 1 && f.Page <= len(weight) {
			weight[f.Page-1] = 3
		}
	}
	slices.SortStableFunc(numbers, func(a, b int) int {
		switch {
		case weight[a-1] > weight[b-1]:
			return -1
		case weight[a-1] < weight[b-1]:
			return 1
		}
		return 0
	})
	numbers = numbers[:min(len(numbers), mostShown)]
	slices.Sort(numbers)
	return numbers
}

// doubtfulWords are the page's worst, in reading order.
func doubtfulWords(page document.Page) []document.Word {
	var out []document.Word
	for _, b := range page.Blocks {
		for _, l := range b.Lines {
			for _, w := range l.Words {
				if w.Confidence < doubtful && page.Decision == document.DecisionOCR && len(out) < mostMarked {
					out = append(out, w)
				}
			}
		}
	}
	return out
}
