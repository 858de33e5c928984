package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"intray/daemon/config"
	"intray/daemon/document"
	"intray/daemon/extract"
	"intray/daemon/fault"
	"intray/daemon/originals"
	"intray/daemon/pages"
	"intray/daemon/worker"
	"intray/engines"
	"intray/ledger"
)

// A share of documents is read by a second engine after delivery, to compare the
// two. It is never delivered and changes nothing of the document; it is tried once:
// whatever goes wrong, also a kill while it is being sent, ends the comparison and is
// counted. So a kill can cost a comparison, but never a page that is paid twice.

// Groups and things that are counted of comparisons. Names are FIRST/SECOND, those
// of fields FIRST/SECOND/FIELD. Words are those of both engines together; confidences
// are the sums of the documents' means, in hundredths.
const (
	GroupCompare      = "compare"
	GroupCompareField = "compare_field"

	CompareDocuments        = "documents"
	CompareWords            = "words"
	CompareWordsAgreed      = "words_agreed"
	CompareConfidenceFirst  = "confidence_first"
	CompareConfidenceSecond = "confidence_second"
	CompareDropped          = "dropped" // not sent: not allowed, too long, over budget
	CompareFailed           = "failed"
	CompareLost             = "lost" // a kill came while it was sent

	FieldAgreed     = "agreed"
	FieldDiffers    = "differs"
	FieldOnlyFirst  = "only_first"
	FieldOnlySecond = "only_second"
)

const baselineName = "compared.raw.gz"

// toCompare is the engine that the document is compared with, once what was read is
// kept for that; "" for none. What goes wrong here must not harm the document.
func (a *attempt) toCompare(doc document.Document) string {
	name := a.folder.Compare.Engine
	switch {
	case name == "" || name == a.engine.Name || a.Impatient || len(a.doc.Pieces) > 0 || a.doc.AnsweredBy(name):
		return ""
	case !inShare(a.doc.ID, a.folder.Compare.Share) || !a.mayCompare(a.folder, name, doc.Class.Name):
		return ""
	case a.Services[name] != nil && a.mayBePrivate(doc) != "":
		return ""
	}
	data, err := a.whole(doc)
	if err == nil {
		err = a.Results.Put(a.doc.ID, baselineName, data)
	}
	if err != nil {
		a.Log.Warn("A document is not compared: what was read could not be kept for it.", "document", a.doc.ID, "error", err)
		return ""
	}
	return name
}

// inShare decides by the document's id: the same one is always in it or never.
func inShare(id string, share float64) bool {
	sum := sha256.Sum256([]byte("intray compare " + id))
	return float64(binary.BigEndian.Uint64(sum[:8]))/math.MaxUint64 < share
}

// mayCompare is false for what must not leave this machine.
func (p *Pipeline) mayCompare(f config.Folder, engine, class string) bool {
	_, known := p.Engines[engine]
	stays := f.NeverCloud || p.private(f.Class) || p.private(class)
	return known && (p.Services[engine] == nil || !stays)
}

const (
	compareEvery   = 2 * time.Second // how often open comparisons are looked for
	comparesAtOnce = 50
)

// Compare carries out open comparisons, one at a time, until ctx is done.
func (p *Pipeline) Compare(ctx context.Context) {
	tick := time.NewTicker(compareEvery)
	defer tick.Stop()
	for {
		for after := ""; ctx.Err() == nil; {
			docs, err := p.Ledger.Comparisons(after, comparesAtOnce)
			if err != nil {
				p.Log.Error("Open comparisons could not be looked up.", "error", err)
			}
			if len(docs) == 0 {
				break
			}
			for _, doc := range docs {
				if ctx.Err() == nil && !doc.Comparison.NotBefore.After(time.Now()) {
					p.compare(ctx, doc)
				}
			}
			after = docs[len(docs)-1].ID
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// comparing is one comparison in hand.
type comparing struct {
	*attempt
	first document.Document
	c     ledger.Comparison
}

// compare takes one a step further.
func (p *Pipeline) compare(ctx context.Context, doc ledger.Document) {
	c := *doc.Comparison
	folder, err := p.folder(doc.Folder)
	s := p.Services[c.Engine]
	copied := doc
	copied.Answers, copied.Submission = nil, nil // they are the first engine's
	x := &comparing{attempt: &attempt{Pipeline: p, doc: copied, id: doc.AttemptID, folder: folder, engine: p.Engines[c.Engine], service: s,
		dir: filepath.Join(p.WorkDir, "compare-"+doc.ID)}, c: c}
	defer os.RemoveAll(x.dir)
	if err == nil {
		x.first, err = readKept(p.Results.Path(doc.ID, baselineName))
	}
	switch {
	case err != nil || doc.State == ledger.Purged || !p.Originals.Has(doc.SHA256) || !p.mayCompare(folder, c.Engine, x.first.Class.Name):
		x.end(ctx, CompareDropped, err)
	case s != nil && c.Job != "":
		x.ask(ctx)
	case s != nil && c.Sent:
		x.end(ctx, CompareLost, nil)
	case s != nil:
		x.send(ctx)
	default:
		x.read(ctx)
	}
}

// end closes a comparison that brought nothing.
func (x *comparing) end(ctx context.Context, what string, why error) {
	if ctx.Err() != nil {
		return
	}
	if why != nil {
		x.Log.Warn("A comparison of two engines brought nothing.", "document", x.doc.ID, "engine", x.c.Engine, "what", what, "error", why)
	}
	x.close(ctx, map[ledger.Tally]int{{Group: GroupCompare, Name: x.pair(), What: what}: 1})
}

// close closes it and has the provider delete what it has.
func (x *comparing) close(ctx context.Context, counts map[ledger.Tally]int) {
	job := engines.Job{ID: x.c.Job, URL: x.c.URL}
	var left *ledger.Leftover
	if x.service != nil {
		left = x.owed(job)
	}
	if err := x.Ledger.Compared(x.doc.ID, left, counts); err != nil {
		x.Log.Error("A comparison could not be counted.", "document", x.doc.ID, "error", err)
		return
	}
	fault.Point("compare.counted")
	// Retention knows nothing of them, and nobody reads them again.
	if err := errors.Join(x.Results.RemoveOne(x.doc.ID, baselineName), x.Results.RemoveOne(x.doc.ID, originals.Name(x.c.Engine, x.c.Job))); err != nil {
		x.Log.Error("What was kept for a comparison could not be removed.", "document", x.doc.ID, "error", err)
	}
	if left != nil {
		x.forgetJob(ctx, job)
	}
}

func (x *comparing) pair() string { return x.first.Engine.Name + "/" + x.c.Engine }

// later looks again after a pause.
func (x *comparing) later(pause time.Duration) {
	x.c.NotBefore = time.Now().Add(pause)
	if err := x.Ledger.CompareLater(x.doc.ID, x.c); err != nil {
		x.Log.Error("A comparison could not be put off.", "document", x.doc.ID, "error", err)
	}
}

// comparePause is for services that rest.
const comparePause = time.Minute

// send sends the document once.
func (x *comparing) send(ctx context.Context) {
	send, part, err := x.toSend(ctx)
	if err != nil || part != (ledger.Range{}) { // one in parts is not worth it
		x.end(ctx, CompareDropped, err)
		return
	}
	if err := x.service.wait(ctx); err != nil {
		if ctx.Err() == nil {
			x.later(comparePause)
		}
		return
	}
	if err := x.Ledger.Compare(x.doc.ID, send.Pages, x.allowances(x.service)...); err != nil {
		x.service.leave(context.Canceled, time.Now()) // no call was made
		x.end(ctx, CompareDropped, err)
		return
	}
	fault.Point("compare.begun")
	send.CallbackURL = "" // nobody waits for it
	var job engines.Job
	err = x.service.call(ctx, func(ctx context.Context) (err error) {
		job, err = x.service.Provider.Submit(ctx, send, ledger.NewID())
		return err
	})
	if err != nil {
		x.end(context.WithoutCancel(ctx), CompareFailed, err)
		return
	}
	fault.Point("compare.taken")
	x.c.Sent, x.c.Job, x.c.URL, x.c.Since = true, job.ID, job.URL, time.Now()
	x.later(x.service.firstAsk(job))
	fault.Point("compare.sent")
	if engines.InMemory(job) {
		x.ask(ctx)
	}
}

// ask asks about the job and, when it is done, compares.
func (x *comparing) ask(ctx context.Context) {
	job := engines.Job{ID: x.c.Job, URL: x.c.URL}
	if time.Since(x.c.Since) > x.service.Settings.JobDeadline.Std() {
		x.end(ctx, CompareFailed, errors.New("it took too long"))
		return
	}
	if err := x.service.waitFor(ctx, job); err != nil {
		if ctx.Err() == nil {
			x.later(comparePause)
		}
		return
	}
	var status engines.JobStatus
	err := x.service.call(ctx, func(ctx context.Context) (err error) {
		status, err = x.service.Provider.Status(ctx, job)
		return err
	})
	if e, ok := engines.AsError(err); err != nil {
		if ok && (e.Code == engines.CodeExpired || e.Kind == engines.Terminal && !enginesFault(e)) {
			x.end(ctx, CompareFailed, err)
		} else if ctx.Err() == nil {
			x.later(max(comparePause, e.RetryAfter))
		}
		return
	}
	switch status.State {
	case engines.JobSucceeded:
		x.fetchIt(ctx, job)
	case engines.JobFailed:
		x.end(ctx, CompareFailed, status.Err)
	default:
		x.later(x.service.pace(1, status.RetryAfter))
	}
}

func (x *comparing) fetchIt(ctx context.Context, job engines.Job) {
	err := x.service.waitFor(ctx, job)
	var raw []byte
	if err == nil {
		err = x.service.call(ctx, func(ctx context.Context) (err error) {
			raw, err = x.service.Provider.Fetch(ctx, job)
			return err
		})
	}
	name := originals.Name(x.c.Engine, job.ID)
	if err == nil {
		err = x.Results.Put(x.doc.ID, name, raw)
	}
	if err == nil {
		x.raw = []worker.RawAnswer{{Path: x.Results.Path(x.doc.ID, name), Pages: x.doc.Pages}}
		err = x.call(ctx, worker.Answer, x.Config.PageTimeout.Std(), worker.AnswerRequest{Engine: x.engine, Raw: x.raw}, &x.answer)
	}
	if err != nil {
		x.end(ctx, CompareFailed, err)
		return
	}
	fault.Point("compare.fetched")
	x.read(ctx)
}

// read reads the pages, here or from the answer, and counts how far they agree.
func (x *comparing) read(ctx context.Context) {
	second, err := x.reading(ctx)
	if err != nil {
		x.end(ctx, CompareFailed, err)
		return
	}
	if ctx.Err() == nil {
		x.close(ctx, agreement(x.pair(), x.first, second))
	}
}

func (x *comparing) reading(ctx context.Context) (second document.Document, err error) {
	var info pages.Info
	if err := os.MkdirAll(x.dir, 0o700); err != nil {
		return second, fmt.Errorf("make work folder: %w", err)
	}
	if err := x.call(ctx, worker.Inspect, x.Config.PageTimeout.Std(), x.source(), &info); err != nil {
		return second, err
	}
	read, err := x.readPages(ctx, info.Pages)
	if err != nil {
		return second, err
	}
	second = x.document(info, read)
	if x.folder.Class == extract.Auto && x.first.Class.Name != "" {
		x.folder.Class = x.first.Class.Name // fields can be compared only within one
	}
	if err := x.extract(ctx, info, &second); err != nil {
		return second, err
	}
	data, err := x.whole(second)
	if err != nil {
		return second, err
	}
	return document.Decode(data)
}

// agreement counts how far two readings agree: words as bags, whatever their order,
// and fields by their values.
func agreement(pair string, first, second document.Document) map[ledger.Tally]int {
	out := map[ledger.Tally]int{}
	count := func(what string, n int) { out[ledger.Tally{Group: GroupCompare, Name: pair, What: what}] += n }
	words, n := map[string]int{}, 0
	each := func(d document.Document, see func(string)) {
		for _, p := range d.Pages {
			for _, b := range p.Blocks {
				for _, l := range b.Lines {
					for _, w := range l.Words {
						n++
						see(w.Text)
					}
				}
			}
		}
	}
	each(first, func(w string) { words[w]++ })
	agreed := 0
	each(second, func(w string) {
		if words[w] > 0 {
			words[w]--
			agreed += 2
		}
	})
	count(CompareDocuments, 1)
	count(CompareWords, n)
	count(CompareWordsAgreed, agreed)
	count(CompareConfidenceFirst, hundredths(first))
	count(CompareConfidenceSecond, hundredths(second))
	names := map[string]bool{}
	for _, d := range []document.Document{first, second} {
		for _, f := range d.Fields {
			names[f.Name] = true
		}
	}
	for name := range names {
		a, b := strings.TrimSpace(first.Value(name)), strings.TrimSpace(second.Value(name))
		what := FieldDiffers
		switch {
		case a == "" && b == "":
			continue
		case a == b:
			what = FieldAgreed
		case b == "":
			what = FieldOnlyFirst
		case a == "":
			what = FieldOnlySecond
		}
		out[ledger.Tally{Group: GroupCompareField, Name: pair + "/" + name, What: what}]++
	}
	return out
}

// hundredths is the mean confidence of the pages that were read, in hundredths.
func hundredths(d document.Document) int {
	sum, n := 0.0, 0
	for _, p := range d.Pages {
		if p.Decision == document.DecisionOCR {
			sum += p.Confidence
			n++
		}
	}
	return int(math.Round(100 * sum / float64(max(n, 1))))
}
