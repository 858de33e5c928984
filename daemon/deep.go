package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"intray/daemon/config"
	"intray/daemon/deliver"
	"intray/daemon/originals"
	"intray/ledger"
)

// deepCheck compares ledger, originals and results. It looks at a copy of the
// ledger, so that it can be asked while the daemon works.
func deepCheck(ctx context.Context, cfg *config.Config) (out []finding, err error) {
	dir, err := os.MkdirTemp("", "intray-doctor-*")
	if err != nil {
		return nil, fmt.Errorf("make room for a copy of the ledger: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	began := time.Now()
	snapshot := filepath.Join(dir, "ledger.db")
	if _, err := backup(ctx, cfg, snapshot); err != nil {
		if damaged, ok := errors.AsType[*exitError](err); ok {
			return nil, damaged
		}
		return []finding{{what: "ledger", problem: err.Error()}}, nil
	}
	l, err := ledger.Open(snapshot, ledger.Options{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("open the copy of the ledger: %w", err)
	}
	defer l.Close()
	d := &deep{store: originals.View(filepath.Join(cfg.DataDir, "originals")), began: began, known: map[string]bool{}}
	if err := d.documents(ctx, l); err != nil {
		return nil, err
	}
	if err := d.orphans(); err != nil {
		return nil, err
	}
	return d.findings(), nil
}

// deep collects what differs.
type deep struct {
	store *originals.Store
	began time.Time
	known map[string]bool // hashes that a document needs; false once found bad

	count                    int
	originals, results       []string
	orphaned, gone, resultsN int
}

func (d *deep) documents(ctx context.Context, l *ledger.Ledger) error {
	q := ledger.Query{Limit: 1000}
	for {
		page, err := l.List(q)
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		for _, doc := range page.Documents {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			d.count++
			d.original(ctx, doc)
			d.result(doc)
		}
		if q.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}

// original reads the document's original, each content once.
func (d *deep) original(ctx context.Context, doc ledger.Document) {
	if doc.State == ledger.Purged || d.known[doc.SHA256] {
		return
	}
	if doc.State == ledger.Duplicate && !d.store.Has(doc.SHA256) {
		return // the first was purged
	}
	d.known[doc.SHA256] = true
	if err := d.store.Verify(ctx, doc.SHA256); err != nil {
		what := "is damaged"
		if errors.Is(err, fs.ErrNotExist) {
			what = "is missing"
		}
		d.originals = append(d.originals, fmt.Sprintf("the original of %s (%s) %s: %v", doc.ID, doc.Path, what, err))
	}
}

// result looks for what was delivered. That the office took it away is not a
// difference; that it became something else is.
func (d *deep) result(doc ledger.Document) {
	for _, path := range doc.Outputs {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			d.gone++
			continue
		case err != nil:
			d.results = append(d.results, fmt.Sprintf("%s of %s cannot be looked at: %v", path, doc.ID, err))
			continue
		}
		d.resultsN++
		if info.Mode().IsRegular() && info.Size() == 0 && filepath.Ext(path) != ".txt" {
			d.results = append(d.results, fmt.Sprintf("%s of %s is empty", path, doc.ID))
		} else if strings.EqualFold(filepath.Ext(path), ".json") && info.Mode().IsRegular() && !deliver.IsOf(path, doc.ID) {
			d.results = append(d.results, fmt.Sprintf("%s is no longer the JSON of %s", path, doc.ID))
		}
	}
}

// orphans are originals that no document refers to. Those stored since the
// check began may belong to documents of after the copy.
func (d *deep) orphans() error {
	err := d.store.Each(func(sum string, info fs.FileInfo) error {
		if !d.known[sum] && info.ModTime().Before(d.began) {
			d.orphaned++
			d.originals = append(d.originals, fmt.Sprintf("%s (%d bytes) belongs to no document; to have it processed, copy it into a hot folder",
				d.store.Path(sum), info.Size()))
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was ever stored
	}
	return err
}

func (d *deep) findings() []finding {
	out := []finding{{what: "ledger", detail: fmt.Sprintf("%d documents, every record, index and history agrees", d.count)}}
	for _, list := range []struct {
		what     string
		problems []string
		detail   string
	}{
		{"originals", d.originals, fmt.Sprintf("%d, each as its hash says", len(d.known))},
		{"results", d.results, fmt.Sprintf("%d in place, %d taken away since", d.resultsN, d.gone)},
	} {
		if len(list.problems) == 0 {
			out = append(out, finding{what: list.what, detail: list.detail})
		}
		for _, p := range list.problems {
			out = append(out, finding{what: list.what, problem: p})
		}
	}
	return out
}
