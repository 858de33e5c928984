package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/daemon/worker"
	"intray/engines"
	"intray/ledger"
)

// A document that a provider does not take at once is sent in parts, one after the
// other: each is a submission of its own, with a token of its own, and the next is
// sent when the raw answer of the one before is stored. So what holds for one
// submission holds for each, also under a kill, and no part that was answered is
// sent again. It takes as long as all its parts together.

// limits are the most pages and bytes of one submission; 0 is no limit.
func (s *Service) limits() (most int, bytes int64) {
	least := func(a, b int64) int64 {
		if a == 0 || b > 0 && b < a {
			return b
		}
		return a
	}
	caps := s.Provider.Capabilities()
	return int(least(int64(caps.MaxPages), int64(s.Settings.PagesPerJob))), least(caps.MaxBytes, int64(s.Settings.MBPerJob)<<20)
}

// toSend is what the provider gets next: the original, or a PDF of it where it
// takes no such files, or a PDF of the pages of part.
func (a *attempt) toSend(ctx context.Context) (out engines.Document, part ledger.Range, err error) {
	caps := a.service.Provider.Capabilities()
	out = engines.Document{ID: a.doc.ID, MIME: a.doc.MIME, Pages: a.doc.Pages, Languages: a.languages(), CallbackURL: a.service.CallbackURL}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return out, part, fmt.Errorf("make work folder: %w", err)
	}
	if err := a.cut(ctx); err != nil {
		return out, part, err
	}
	path := a.original(a.doc)
	if len(a.doc.Pieces) > 0 {
		out.MIME = pages.MIMEPDF
	}
	pdfs := slices.Contains(caps.Types, pages.MIMEPDF)
	// One whose fate is unknown is sent again under its token, and so as it was.
	if sub := a.doc.Submission; sub != nil && sub.Engine == a.service.Name && sub.Unknown && sub.Range != (ledger.Range{}) {
		out.Pages, out.MIME = sub.Range.Pages(), pages.MIMEPDF
		path, err = a.asPDF(ctx, sub.Range)
		part = sub.Range
	} else if first := a.doc.NextPage(a.service.Name); first > 1 {
		path, part, err = a.nextPart(ctx, first)
	} else {
		if !slices.Contains(caps.Types, out.MIME) {
			if path, err = a.asPDF(ctx, ledger.Range{First: 1, Last: a.doc.Pages}); err != nil {
				return out, part, err
			}
			out.MIME = pages.MIMEPDF
		}
		if err = a.fits(path, out.Pages); err != nil && caps.Split && pdfs && out.Pages > 1 {
			path, part, err = a.nextPart(ctx, 1)
		}
	}
	if err != nil {
		return out, part, err
	}
	if part != (ledger.Range{}) {
		out.Pages, out.MIME = part.Pages(), pages.MIMEPDF
	}
	if out.Content, err = os.ReadFile(path); err != nil {
		return out, part, fmt.Errorf("read what is to be sent: %w", err)
	}
	return out, part, nil
}

// fits says whether a file of n pages may be sent at once.
func (a *attempt) fits(path string, n int) error {
	most, bytes := a.service.limits()
	if most > 0 && n > most {
		return tooMuch("The document has %d pages; %s takes %d.", n, a.service.Name, most)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read original: %w", err)
	}
	if bytes > 0 && info.Size() > bytes {
		return tooMuch("The file has %d kB; %s takes %d kB.", (info.Size()+1023)>>10, a.service.Name, bytes>>10)
	}
	return nil
}

func tooMuch(format string, args ...any) *engines.Error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge, Sentence: fmt.Sprintf(format, args...)}
}

// nextPart cuts as many pages as the provider takes, from a page on.
func (a *attempt) nextPart(ctx context.Context, first int) (path string, part ledger.Range, err error) {
	most, bytes := a.service.limits()
	n := a.doc.Pages - first + 1
	if most > 0 {
		n = min(n, most)
	}
	for {
		part = ledger.Range{First: first, Last: first + n - 1}
		if path, err = a.asPDF(ctx, part); err != nil {
			return path, part, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return path, part, fmt.Errorf("read what is to be sent: %w", err)
		}
		if bytes == 0 || info.Size() <= bytes {
			return path, part, nil
		}
		if n == 1 {
			return path, part, tooMuch("Page %d alone has %d kB; %s takes %d kB.", first, (info.Size()+1023)>>10, a.service.Name, bytes>>10)
		}
		// Pages are not of one size: a guess by their average, and fewer each time.
		n = max(1, min(n-1, int(int64(n)*bytes/info.Size())))
	}
}

// asPDF has a worker put pages into a PDF: no byte of the original is decoded here.
func (a *attempt) asPDF(ctx context.Context, r ledger.Range) (string, error) {
	q := worker.CutRequest{Out: filepath.Join(a.dir, "send.pdf"), Options: pdf.Options{Producer: a.Producer, PDFA: pdf.PDFAAuto}}
	piece := worker.Piece{Source: a.source()}
	for number := r.First; number <= r.Last; number++ {
		piece.Pages = append(piece.Pages, number)
	}
	q.Pieces = []worker.Piece{piece}
	var answer worker.CutAnswer
	err := a.call(ctx, worker.Cut, a.Config.PageTimeout.Std()*time.Duration(1+a.doc.Pages/10), q, &answer)
	if err == nil && answer.Pages != r.Pages() {
		err = fmt.Errorf("%d pages were cut instead of %d", answer.Pages, r.Pages())
	}
	return q.Out, err
}

// nextSubmission ends the attempt in favour of the next part of its document.
func (a *attempt) nextSubmission() (ledger.Document, error) {
	next := a.doc.NextPage(a.service.Name)
	why := fmt.Sprintf("%s has answered about %d of %d pages; the next follow", a.service.Name, next-1, a.doc.Pages)
	return a.Ledger.Apply(a.doc.ID, ledger.HandOn(a.id, a.service.Name, why).WithoutJob())
}
