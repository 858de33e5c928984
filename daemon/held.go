package daemon

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"intray/ledger"
)

// held is what documents of one folder wait for that a person has to mend, such as a
// share that is away. What waits for a cloud engine is told with the engine.
type held struct {
	Folder string `json:"folder"`
	// Code is that of the failure, Why its sentence.
	Code string `json:"code"`
	Why  string `json:"why"`
	// Documents were counted; with More there may be others.
	Documents int  `json:"documents"`
	More      bool `json:"more"`
}

const (
	// heldLooks in a row are no accident any more: they take a quarter of a minute.
	heldLooks = 3
	// mostHeld bounds the count, which is made for each look at a page.
	mostHeld = 500
)

func heldIn(l *ledger.Ledger) ([]held, error) {
	docs, more, err := l.Held(heldLooks, mostHeld)
	if err != nil {
		return nil, err
	}
	type cause struct{ folder, code string }
	found := map[cause]held{}
	for _, d := range docs {
		if d.Failure == nil || d.Failure.Stage == "submit" || d.Failure.Stage == "fetch" {
			continue
		}
		c := cause{d.Folder, d.Failure.Code}
		found[c] = held{d.Folder, d.Failure.Code, d.Failure.Sentence, found[c].Documents + 1, more}
	}
	out := slices.AppendSeq([]held{}, maps.Values(found))
	slices.SortFunc(out, func(a, b held) int { return cmp.Or(cmp.Compare(a.Folder, b.Folder), cmp.Compare(a.Code, b.Code)) })
	return out, nil
}

func (h held) String() string {
	n := fmt.Sprint(h.Documents, " documents")
	switch {
	case h.More:
		n += " or more"
	case h.Documents == 1:
		n = "1 document"
	}
	return fmt.Sprintf("In the folder %s, for %s this has to be mended: %s", printable(h.Folder), n, printable(h.Why))
}

// heldLines are sentences for people.
func (h *house) heldLines() (lines []string) {
	all, err := heldIn(h.ledger)
	if err != nil {
		return []string{"What documents wait for cannot be read from the ledger: " + err.Error()}
	}
	for _, one := range all {
		lines = append(lines, one.String())
	}
	return lines
}

// heldFigures counts them for the metrics.
func (h *house) heldFigures() (map[[2]string]int, error) {
	all, err := heldIn(h.ledger)
	out := map[[2]string]int{}
	for _, one := range all {
		out[[2]string{one.Folder, one.Code}] = one.Documents
	}
	return out, err
}
