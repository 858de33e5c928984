package daemon

import (
	"fmt"
	"io"
	"strings"

	"intray/daemon/pipeline"
	"intray/ledger"
)

// comparison is how far two engines agree that read the same documents. Shares and
// confidences are 0..1, and null where nothing was compared yet.
type comparison struct {
	First            string            `json:"first"`
	Second           string            `json:"second"`
	Documents        int               `json:"documents"`
	WordAgreement    *float64          `json:"word_agreement"`
	ConfidenceFirst  *float64          `json:"confidence_first"`
	ConfidenceSecond *float64          `json:"confidence_second"`
	Fields           []fieldComparison `json:"fields"`
	// Dropped were not sent, Failed brought nothing, and Lost were cut off by a kill.
	Dropped int `json:"dropped"`
	Failed  int `json:"failed"`
	Lost    int `json:"lost"`
}

// fieldComparison counts documents in which a field was found by either.
type fieldComparison struct {
	Field      string `json:"field"`
	Agreed     int    `json:"agreed"`
	Differs    int    `json:"differs"`
	OnlyFirst  int    `json:"only_first"`
	OnlySecond int    `json:"only_second"`
}

func comparisonsOf(counts map[ledger.Tally]int) []comparison {
	out := []comparison{}
	for _, pair := range names(counts, pipeline.GroupCompare) {
		of := func(what string) int {
			return counts[ledger.Tally{Group: pipeline.GroupCompare, Name: pair, What: what}]
		}
		c := comparison{Documents: of(pipeline.CompareDocuments), Dropped: of(pipeline.CompareDropped), Failed: of(pipeline.CompareFailed),
			Lost: of(pipeline.CompareLost), Fields: []fieldComparison{}}
		c.First, c.Second, _ = strings.Cut(pair, "/")
		c.WordAgreement = share(of(pipeline.CompareWordsAgreed), of(pipeline.CompareWords))
		c.ConfidenceFirst, c.ConfidenceSecond = share(of(pipeline.CompareConfidenceFirst), 100*c.Documents), share(of(pipeline.CompareConfidenceSecond), 100*c.Documents)
		for _, name := range names(counts, pipeline.GroupCompareField) {
			field, ours := strings.CutPrefix(name, pair+"/")
			if !ours {
				continue
			}
			of := func(what string) int {
				return counts[ledger.Tally{Group: pipeline.GroupCompareField, Name: name, What: what}]
			}
			c.Fields = append(c.Fields, fieldComparison{field, of(pipeline.FieldAgreed), of(pipeline.FieldDiffers), of(pipeline.FieldOnlyFirst), of(pipeline.FieldOnlySecond)})
		}
		out = append(out, c)
	}
	return out
}

func printComparisons(w io.Writer, all []comparison) {
	for _, c := range all {
		if c.Documents > 0 {
			agreed, differ := 0, 0
			for _, f := range c.Fields {
				agreed, differ = agreed+f.Agreed, differ+f.Differs+f.OnlyFirst+f.OnlySecond
			}
			fmt.Fprintf(w, "Compared %s with %s on %d documents: %.0f %% of the words agree, and %d of %d fields.\n",
				c.First, c.Second, c.Documents, 100*value0(c.WordAgreement), agreed, agreed+differ)
		}
		if n := c.Dropped + c.Failed + c.Lost; n > 0 {
			fmt.Fprintf(w, "%d comparisons of %s with %s brought nothing (%d were not sent).\n", n, c.First, c.Second, c.Dropped)
		}
	}
}

func value0(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}
