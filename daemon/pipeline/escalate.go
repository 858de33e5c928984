package pipeline

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"intray/daemon/config"
	"intray/daemon/document"
	"intray/daemon/extract"
	"intray/daemon/normalize"
	"intray/daemon/originals"
	"intray/daemon/pages"
	"intray/daemon/route"
	"intray/engines"
	"intray/ledger"
)

func rounded(b document.Box) document.Box {
	for i := range b {
		b[i] = math.Round(b[i]*100) / 100
	}
	return b
}

// routes describes the engines to route: a recognizer reads whatever the pages
// room opens, and so does a provider of PDFs, which gets a PDF of the pages.
func (p *Pipeline) routes() map[string]route.Engine {
	out := map[string]route.Engine{}
	for name := range p.Engines {
		e := route.Engine{Name: name, Types: pages.Types()}
		if s := p.Services[name]; s != nil {
			e.Cloud = true
			if types := s.Provider.Capabilities().Types; !slices.Contains(types, pages.MIMEPDF) {
				e.Types = types
			}
		}
		out[name] = e
	}
	return out
}

// private is true for classes whose documents never leave this machine.
func (p *Pipeline) private(class string) bool {
	return slices.ContainsFunc(p.Config.Classes, func(c config.Class) bool { return c.Name == class && c.NeverCloud })
}

// order are the engines that may read the folder's documents.
func (p *Pipeline) order(f config.Folder, class string) []string {
	stays := f.NeverCloud || p.private(f.Class) || p.private(class)
	return slices.DeleteFunc(slices.Clone(f.Engine), func(name string) bool { return stays && p.Services[name] != nil })
}

// looksFirst is true for folders whose documents are read here before anything may
// be sent, because only then is known whether it may.
func (p *Pipeline) looksFirst(f config.Folder) bool {
	if f.Class != extract.Auto || f.NeverCloud {
		return false
	}
	return slices.ContainsFunc(p.Config.Classes, func(c config.Class) bool {
		return c.NeverCloud && (len(f.Classes) == 0 || slices.Contains(f.Classes, c.Name))
	})
}

// local is the engine on this machine that tells a document's class.
func (p *Pipeline) local(order []string) string {
	for _, name := range order {
		if p.Services[name] == nil {
			return name
		}
	}
	least := ""
	for name := range p.Engines {
		if p.Services[name] == nil && (least == "" || name < least) {
			least = name
		}
	}
	return least
}

// seenAs is the class that an engine on this machine took the document for, once
// one has read it.
func (p *Pipeline) seenAs(doc ledger.Document) (class string, seen bool) {
	for _, kept := range doc.Answers {
		if readHere(kept) {
			class, seen = kept.Class, true
		}
	}
	return class, seen
}

// readHere is true for what an engine on this machine has answered: only a provider
// has jobs. The configuration may have forgotten the engine meanwhile.
func readHere(kept ledger.Answer) bool { return kept.Job == "" }

// choose is the engine for a document's next attempt: the one it was handed on to,
// else the folder's first that takes its type. Whether it may leave this machine is
// asked each time: what was handed on may have waited for days, and the
// configuration may have changed meanwhile.
func (p *Pipeline) choose(doc ledger.Document, f config.Folder) (string, bool) {
	class, seen := p.seenAs(doc)
	order := p.order(f, class)
	look := p.looksFirst(f) && !seen
	if slices.Contains(order, doc.Route) && (!look || p.Services[doc.Route] == nil || isThere(doc, doc.Route)) {
		return doc.Route, true
	}
	name, known := route.Pick(order, p.routes(), doc.MIME)
	if known && p.Services[name] != nil && look {
		name = p.local(order)
	}
	return name, known && name != ""
}

// nextEngine is the one after the attempt's that takes the document and has not
// answered yet.
func (a *attempt) nextEngine() (string, bool) {
	order := a.order(a.folder, a.class)
	after := order[slices.Index(order, a.engine.Name)+1:]
	after = slices.DeleteFunc(slices.Clone(after), func(name string) bool {
		return a.doc.AnsweredBy(name)
	})
	return route.Pick(after, a.routes(), a.doc.MIME)
}

// onward says which engine should read the document after this one, and why; ""
// for none.
func (a *attempt) onward(doc document.Document) (next, why string) {
	a.class = doc.Class.Name
	next, more := a.nextEngine()
	if !more {
		return "", ""
	}
	if why := a.mayBePrivate(doc); why != "" && a.Services[next] != nil {
		a.distrust = &engines.Error{Kind: engines.Review, Code: codeKeptHere, Sentence: fmt.Sprintf(
			"It may be a document that must not leave this machine (never_cloud), and was not sent to %s: it was not read well enough to tell (%s).", next, why)}
		return "", ""
	}
	if !slices.Contains(a.order(a.folder, ""), a.engine.Name) {
		return next, "read here only to see whether it may leave this machine: it may"
	}
	for _, reason := range []struct {
		word  string
		found func(document.Document) string
	}{{config.EscalateScript, a.foreign}, {config.EscalateHandwriting, a.handwritten}, {config.EscalateFields, a.incomplete}, {config.EscalateConfidence, a.unsure}} {
		if !slices.Contains(a.folder.EscalateOn, reason.word) {
			continue
		}
		if why := reason.found(doc); why != "" {
			return next, why
		}
	}
	return "", ""
}

// codeKeptHere is for what was not sent because it may be of a class that must not be.
const codeKeptHere = "kept_here"

// mayBePrivate says why what was read here does not show that the document may leave
// this machine, where others must not: that it has no class means nothing when its
// pages could not be read, as those of a bad scan. "" when it may.
func (a *attempt) mayBePrivate(doc document.Document) string {
	if a.service != nil || doc.Class.Name != "" || !a.looksFirst(a.folder) {
		return ""
	}
	for _, p := range doc.Pages {
		if p.Decision == document.DecisionFailed {
			return fmt.Sprintf("page %d could not be read", p.Number)
		}
	}
	return cmp.Or(a.foreign(doc), a.handwritten(doc), a.unsure(doc))
}

// foreign says which page is in a script that the engine was not given the language
// of; "" for none.
func (a *attempt) foreign(doc document.Document) string {
	for _, w := range doc.Warnings {
		if w.Code == normalize.WarnScript && w.Page > 0 && w.Page <= len(doc.Pages) {
			return fmt.Sprintf("page %d seems to be in a script (%s) that %s was not told to read", w.Page, doc.Pages[w.Page-1].Script, a.engine.Name)
		}
	}
	return ""
}

// handwritten says which page is handwritten, or looks so.
func (a *attempt) handwritten(doc document.Document) string {
	for _, p := range doc.Pages {
		switch p.Handwriting {
		case document.HandwritingSuspected:
			return fmt.Sprintf("page %d looks handwritten to %s", p.Number, a.engine.Name)
		case document.HandwritingFound:
			return fmt.Sprintf("page %d is handwritten in part, as %s says", p.Number, a.engine.Name)
		}
	}
	return ""
}

// incomplete says which required field was not found.
func (a *attempt) incomplete(doc document.Document) string {
	for _, c := range a.Config.Classes {
		for _, f := range c.Fields {
			if c.Name == doc.Class.Name && f.Required && doc.Value(f.Name) == "" {
				return fmt.Sprintf("%s found no %s", a.engine.Name, f.Name)
			}
		}
	}
	return ""
}

// unsure says which page was read badly, or not at all though it is not blank.
func (a *attempt) unsure(doc document.Document) string {
	for _, w := range doc.Warnings {
		if w.Code == normalize.WarnNoText {
			return fmt.Sprintf("%s found no text on page %d, which is not blank", a.engine.Name, w.Page)
		}
	}
	for _, p := range doc.Pages {
		if p.Decision == document.DecisionOCR && p.Confidence < a.folder.EscalateBelow {
			return fmt.Sprintf("%s read page %d with a confidence of %.2f only (escalate_below is %g)", a.engine.Name, p.Number, p.Confidence, a.folder.EscalateBelow)
		}
	}
	return ""
}

// handOn keeps what this engine found and gives the document to the next.
func (a *attempt) handOn(doc document.Document, next, why string) (ledger.Document, error) {
	if a.service == nil {
		data, err := a.whole(doc)
		if err != nil {
			return a.doc, err
		}
		kept := ledger.Answer{Engine: a.engine.Name, File: originals.Name(a.engine.Name, ""), At: time.Now(), Why: why, Class: doc.Class.Name}
		if err := errors.Join(a.Results.Put(a.doc.ID, kept.File, data), a.Ledger.KeepAnswer(a.doc.ID, a.id, kept, nil)); err != nil {
			return a.doc, err
		}
	}
	a.Log.Info("Is read by another engine, too.", "file", a.doc.Path, "folder", a.doc.Folder, "document", a.doc.ID, "engine", next, "why", why)
	return a.Ledger.Apply(a.doc.ID, ledger.HandOn(a.id, next, why).WithPages(doc.Source.Pages))
}

// whole is the document's JSON with its pages.
func (a *attempt) whole(doc document.Document) ([]byte, error) {
	doc.Pages = slices.Clone(doc.Pages)
	for page, err := range a.pages(slices.Clone(doc.Pages)) {
		if err != nil {
			return nil, err
		}
		doc.Pages[page.Number-1] = page
	}
	return document.Encode(doc)
}

// earlier are the fields that engines on this machine found before, each saying
// which one.
func (a *attempt) earlier() (out []document.Field, err error) {
	for _, kept := range a.doc.Answers {
		if !readHere(kept) || kept.Engine == a.engine.Name {
			continue
		}
		doc, err := readKept(a.Results.Path(a.doc.ID, kept.File))
		if err != nil {
			return nil, err
		}
		for _, f := range doc.Fields {
			f.From = kept.Engine
			out = append(out, f)
		}
	}
	return out, nil
}

// readKept reads a document of our own that was kept.
func readKept(path string) (document.Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return document.Document{}, fmt.Errorf("read an earlier answer: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return document.Document{}, fmt.Errorf("read an earlier answer: %w", err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return document.Document{}, fmt.Errorf("read an earlier answer: %w", err)
	}
	return document.Decode(data)
}
