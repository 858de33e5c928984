package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Verdict is how a checkpoint stands.
type Verdict string

// The verdicts. Unknown is for a checkpoint with nothing to go by.
const (
	Good    Verdict = "good"
	Look    Verdict = "look"
	Bad     Verdict = "bad"
	Unknown Verdict = "unknown"
)

// Checkpoint is one of the five questions that an office asks of its OCR: do the
// results keep to their form, what fails, how well is it read, what leaves the
// house, and does the engine fit. Next is what to do; none if nothing is.
type Checkpoint struct {
	Name, Question string
	Verdict        Verdict
	Says           []string
	Next           []string
}

func (c *Checkpoint) says(format string, args ...any) {
	c.Says = append(c.Says, fmt.Sprintf(format, args...))
}

// worse lowers the verdict and says what to do about it.
func (c *Checkpoint) worse(v Verdict, next string, args ...any) {
	if v == Bad || c.Verdict != Bad {
		c.Verdict = v
	}
	c.Next = append(c.Next, fmt.Sprintf(next, args...))
}

// What is a lot: shares of documents, and of values.
const (
	manyFailures = 0.02
	manyRetries  = 0.10
	manyReviews  = 0.30
	fewRight     = 0.90
	enoughSeen   = 10
	fullBudget   = 0.90
)

func judge(r *Report) []Checkpoint {
	return []Checkpoint{schema(r), failures(r), accuracy(r), security(r), fit(r)}
}

func schema(r *Report) Checkpoint {
	c := Checkpoint{Name: "Schema", Question: "Do the results keep to their published form?", Verdict: Good}
	looked := r.Delivered.Valid + r.Delivered.Broken
	if looked == 0 {
		c.Verdict = Unknown
		c.says("No delivered JSON of this period is still in its output folder, so none could be looked at.")
		return c
	}
	c.says("%d of %d delivered JSON files that were looked at keep to the schema intray.document/1; %d more were taken away since.", r.Delivered.Valid, looked, r.Delivered.Gone)
	if r.Delivered.Broken > 0 {
		c.worse(Bad, "Something changed results after their delivery: %s in the output folders no longer of the form it had. `intray doctor --deep` names what differs.", counted(r.Delivered.Broken, "file"))
	}
	return c
}

func failures(r *Report) Checkpoint {
	c := Checkpoint{Name: "Errors", Question: "What fails, and does it come to an end?", Verdict: Good}
	n := r.Total.Documents() - r.Total.Duplicates
	if n == 0 {
		c.Verdict = Unknown
		c.says("No document came in this period.")
		return c
	}
	c.says("%d of %d documents failed (%s); %d still wait.", r.Total.Failed, n, percent(float64(r.Total.Failed)/float64(n)), r.Total.Waiting)
	retries := 0
	for _, cause := range r.Retries {
		retries += cause.Count
	}
	c.says("%d attempts had to be made again.", retries)
	if share := float64(r.Total.Failed) / float64(n); share > manyFailures {
		c.worse(Bad, "Look at the causes below: most often it was %q. `intray list --state failed_terminal` and `--state dead_letter` name the documents.", top(r.Failures))
	} else if r.Total.Failed > 0 {
		c.worse(Look, "Decide on what failed (%s): mend the cause and `intray retry`, or take the original out of the failed folder.", counted(r.Total.Failed, "document"))
	}
	if float64(retries) > manyRetries*float64(n) {
		c.worse(Look, "Many attempts are made again, most often because of %q.", top(r.Retries))
	}
	if r.Untold > 0 {
		c.worse(Look, "%d messages to receivers, hooks or tables were given up: `intray list --untold`, then `intray retry --untold`.", r.Untold)
	}
	return c
}

func top(causes []Cause) string {
	if len(causes) == 0 {
		return "unknown"
	}
	return causes[0].Code
}

func accuracy(r *Report) Checkpoint {
	c := Checkpoint{Name: "Accuracy", Question: "How well is it read, where people looked?", Verdict: Good}
	all := Accuracy{}
	for _, f := range r.Fields {
		all.Seen += f.Seen
		all.Wrong += f.Wrong
	}
	if r.Total.Documents() > 0 {
		share := float64(r.Total.Asked) / float64(max(r.Total.Documents()-r.Total.Duplicates, 1))
		c.says("A person was asked about %d documents (%s).", r.Total.Asked, percent(share))
		if share > manyReviews {
			c.worse(Look, "Nearly every third document goes to a person. See which fields are asked about most, and whether their min_confidence or required is needed.")
		}
	}
	if all.Seen == 0 {
		c.Verdict = Unknown
		c.says("Nobody has looked at a value yet, so nothing is known about how many are right. A sample of released documents tells: set sample in a folder.")
		return c
	}
	c.says("Of %d values that people saw, %s were right.", all.Seen, percent(all.Right()))
	for _, f := range r.Fields {
		if f.Seen >= enoughSeen && f.Right() < fewRight {
			c.worse(Look, "%s is right in %s of %d cases: raise its min_confidence, or look at the sellers below.", f.Name, percent(f.Right()), f.Seen)
		}
	}
	if r.Samples.Seen >= enoughSeen {
		c.says("Of %d documents that were released and looked at all the same, %d were wrong.", r.Samples.Seen, r.Samples.Wrong)
		if r.Samples.Right() < 0.98 {
			c.worse(Bad, "Documents with wrong values are released. Raise min_confidence of the fields that were wrong, and add rules that must hold.")
		}
	}
	return c
}

func security(r *Report) Checkpoint {
	c := Checkpoint{Name: "Security", Question: "What leaves this machine, and who may look?", Verdict: Good}
	sent := 0
	for _, e := range r.Engines {
		if e.Cloud && e.Total > 0 {
			sent += e.Total
			c.says("%d pages were sent to the cloud engine %s.", e.Total, e.Name)
		}
	}
	if sent == 0 {
		c.says("No page left this machine.")
	}
	for _, e := range r.House.Engines {
		if e.Cloud && strings.HasPrefix(e.Endpoint, "http://") {
			c.worse(Bad, "Engine %s is reached without encryption (%s): use https.", e.Name, e.Endpoint)
		}
	}
	for _, f := range r.House.Folders {
		if f.NeverCloud {
			c.says("Documents of folder %s never leave this machine (never_cloud).", f.Name)
		}
	}
	if r.House.Loopback {
		c.says("Pages and API are reached from this machine only.")
	} else {
		c.says("Pages and API are served on %s, with a password and TLS.", r.House.Listen)
	}
	return c
}

func fit(r *Report) Checkpoint {
	c := Checkpoint{Name: "Provider fit", Question: "Does the engine suit these documents?", Verdict: Good}
	seen := false
	for _, e := range r.Engines {
		ended := e.Delivered + e.Review + e.Again + e.Failed
		if ended == 0 {
			continue
		}
		seen = true
		c.says("%s: %d attempts, %s delivered, %s to review, %s again, %s failed; half of them took up to %s, 95 of 100 up to %s.", e.Name, ended,
			percent(of(e.Delivered, ended)), percent(of(e.Review, ended)), percent(of(e.Again, ended)), percent(of(e.Failed, ended)), span(e.Took.Median), span(e.Took.P95))
		if e.Limit > 0 && slices.Max(e.Spent) >= int(math.Ceil(fullBudget*float64(e.Limit))) {
			c.worse(Look, "On some day %s had nearly all of the %d pages it may have: documents wait until midnight then. Raise max_pages_per_day, or send less there.", e.Name, e.Limit)
		}
		if ended >= enoughSeen && of(e.Again+e.Failed, ended) > 0.2 {
			c.worse(Look, "Every fifth attempt at %s comes to nothing: look at its causes, or try another engine on a share of documents.", e.Name)
		}
	}
	if !seen {
		c.Verdict = Unknown
		c.says("No engine read a document in this period.")
	}
	return c
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func of(part, whole int) float64 { return float64(part) / float64(max(whole, 1)) }
