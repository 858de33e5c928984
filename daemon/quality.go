package daemon

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"intray/daemon/pipeline"
	"intray/ledger"
)

// quality is what the decisions of people say about the reading. Shares are
// 0..1 and null where nothing was counted yet.
type quality struct {
	// Read counts documents that were read to the end, again ones again.
	Read    int            `json:"read"`
	Reviews reviewQuality  `json:"reviews"`
	Sample  sampleQuality  `json:"sample"`
	Fields  []fieldQuality `json:"fields"`
	// Confidence has ten tenths, from 0.0 up.
	Confidence []confidenceQuality `json:"confidence"`
	ByClass    []groupQuality      `json:"by_class"`
	BySeller   []groupQuality      `json:"by_seller"`
	ByLanguage []groupQuality      `json:"by_language"`
}

// reviewQuality is about documents that a check sent to review. Unnecessary is
// the share of the decided ones that a person released without a change.
type reviewQuality struct {
	Sent        int      `json:"sent"`
	Unchanged   int      `json:"approved_unchanged"`
	Corrected   int      `json:"approved_corrected"`
	Rejected    int      `json:"rejected"`
	Again       int      `json:"again"`
	Unnecessary *float64 `json:"unnecessary_rate"`
}

// sampleQuality is about documents that passed and were looked at anyway.
// FalseAccepts is the share of them that a person corrected or rejected.
type sampleQuality struct {
	Sent         int      `json:"sent"`
	Right        int      `json:"right"`
	Wrong        int      `json:"wrong"`
	FalseAccepts *float64 `json:"false_accept_rate"`
}

// fieldQuality is about one field of a class: in how many documents it was
// looked for and found, and how many values that a person saw were right.
type fieldQuality struct {
	Class        string   `json:"class"`
	Field        string   `json:"field"`
	Expected     int      `json:"expected"`
	Found        int      `json:"found"`
	Completeness *float64 `json:"completeness"`
	Reviewed     int      `json:"reviewed"`
	Corrected    int      `json:"corrected"`
	Accuracy     *float64 `json:"accuracy"`
}

// confidenceQuality is how many fields were read with a confidence from From on,
// and how many of those that a person saw were corrected.
type confidenceQuality struct {
	From      string `json:"from"`
	Found     int    `json:"found"`
	Reviewed  int    `json:"reviewed"`
	Corrected int    `json:"corrected"`
}

// groupQuality is about the documents of one class, seller or language.
type groupQuality struct {
	Name      string   `json:"name"`
	Read      int      `json:"read"`
	Sent      int      `json:"sent_to_review"`
	Corrected int      `json:"corrected"`
	Rejected  int      `json:"rejected"`
	Failures  *float64 `json:"failure_rate"`
}

// qualityOf reckons from what the ledger counted (Tallies).
func qualityOf(counts map[ledger.Tally]int) quality {
	q := quality{Fields: fieldsQuality(counts)}
	total := map[string]int{} // each document has one class
	for t, n := range counts {
		if t.Group == pipeline.GroupClass {
			total[t.What] += n
		}
	}
	q.Read = total[pipeline.DidRead]
	q.Reviews = reviewQuality{Sent: total[pipeline.DidReview], Unchanged: total[pipeline.DidApprove], Corrected: total[pipeline.DidCorrect],
		Rejected: total[pipeline.DidReject], Again: total[pipeline.DidAgain]}
	q.Sample = sampleQuality{Sent: total[pipeline.DidSample], Right: total[pipeline.SampleRight], Wrong: total[pipeline.SampleWrong]}
	q.Reviews.Unnecessary = share(q.Reviews.Unchanged, q.Reviews.Unchanged+q.Reviews.Corrected+q.Reviews.Rejected)
	q.Sample.FalseAccepts = share(q.Sample.Wrong, q.Sample.Right+q.Sample.Wrong)
	for tenth := range 10 {
		name := fmt.Sprintf("0.%d", tenth)
		of := func(what string) int {
			return counts[ledger.Tally{Group: pipeline.GroupConfidence, Name: name, What: what}]
		}
		q.Confidence = append(q.Confidence, confidenceQuality{name, of(pipeline.FieldFound), of(pipeline.FieldReviewed), of(pipeline.DidCorrect)})
	}
	q.ByClass = groupsQuality(counts, pipeline.GroupClass)
	q.BySeller = groupsQuality(counts, pipeline.GroupSeller)
	q.ByLanguage = groupsQuality(counts, pipeline.GroupLanguage)
	return q
}

// names are those of a group, sorted.
func names(counts map[ledger.Tally]int, group string) []string {
	found := map[string]bool{}
	for t := range counts {
		if t.Group == group {
			found[t.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func fieldsQuality(counts map[ledger.Tally]int) []fieldQuality {
	out := []fieldQuality{}
	for _, name := range names(counts, pipeline.GroupField) {
		of := func(what string) int { return counts[ledger.Tally{Group: pipeline.GroupField, Name: name, What: what}] }
		f := fieldQuality{Expected: of(pipeline.FieldExpected), Found: of(pipeline.FieldFound), Reviewed: of(pipeline.FieldReviewed), Corrected: of(pipeline.DidCorrect)}
		f.Class, f.Field, _ = strings.Cut(name, "/")
		f.Completeness, f.Accuracy = share(f.Found, f.Expected), share(f.Reviewed-f.Corrected, f.Reviewed)
		out = append(out, f)
	}
	return out
}

// groupsQuality has those with most failures first.
func groupsQuality(counts map[ledger.Tally]int, group string) []groupQuality {
	out := []groupQuality{}
	for _, name := range names(counts, group) {
		of := func(what string) int { return counts[ledger.Tally{Group: group, Name: name, What: what}] }
		g := groupQuality{Name: name, Read: of(pipeline.DidRead), Sent: of(pipeline.DidReview), Corrected: of(pipeline.DidCorrect) + of(pipeline.SampleWrong), Rejected: of(pipeline.DidReject)}
		g.Failures = share(g.Sent, g.Read)
		out = append(out, g)
	}
	slices.SortStableFunc(out, func(a, b groupQuality) int { return b.Sent - a.Sent })
	return out
}

func share(part, of int) *float64 {
	if of == 0 {
		return nil
	}
	s := float64(part) / float64(of)
	return &s
}

// print is the few lines that a person wants; the rest is in the JSON.
func (q quality) print(w io.Writer) error {
	percent := func(s *float64) string {
		if s == nil {
			return "-"
		}
		return fmt.Sprintf("%.0f %%", 100**s)
	}
	if decided := q.Reviews.Unchanged + q.Reviews.Corrected + q.Reviews.Rejected; q.Reviews.Sent+decided > 0 {
		fmt.Fprintf(w, "Of %d documents read, %d were sent to review; %s of the %d decided ones needed no correction.\n",
			q.Read, q.Reviews.Sent, percent(q.Reviews.Unnecessary), decided)
	}
	if n := q.Sample.Right + q.Sample.Wrong; n > 0 {
		fmt.Fprintf(w, "Of %d documents looked at as a sample, %s were wrong.\n", n, percent(q.Sample.FalseAccepts))
	}
	if len(q.Fields) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CLASS\tFIELD\tFOUND\tRIGHT\tREVIEWED")
	for _, f := range q.Fields {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\n", printable(f.Class), printable(f.Field), percent(f.Completeness), percent(f.Accuracy), f.Reviewed)
	}
	return t.Flush()
}
