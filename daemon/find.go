package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"intray/daemon/config"
	"intray/daemon/deliver"
	"intray/daemon/retention"
	"intray/daemon/search"
	"intray/daemon/web"
	"intray/ledger"
)

// longestJSON bounds the document JSON that is read for the search index, in bytes.
const longestJSON = 64 << 20

func indexPath(cfg *config.Config) string { return filepath.Join(cfg.DataDir, "search.db") }

// openSearch opens the index that belongs to the ledger.
func openSearch(cfg *config.Config, l *ledger.Ledger, log *slog.Logger) (*search.Follower, error) {
	id, err := l.Identity()
	if err != nil {
		return nil, err
	}
	index, fresh, err := search.Open(indexPath(cfg), id)
	if err != nil {
		return nil, err
	}
	return &search.Follower{Ledger: l, Index: index, Fresh: fresh, Log: log, Read: func(doc ledger.Document) *search.Content {
		content, err := contentOf(doc)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			log.Warn("The words of a document cannot be found by search: its JSON cannot be read.", "document", doc.ID, "error", err)
		}
		return content
	}}, nil
}

// forgetWords has the index forget what the ledger has, for a purge while no
// daemon follows the ledger. An index that is to be made anew has nothing to forget.
func forgetWords(ctx context.Context, cfg *config.Config, l *ledger.Ledger, log *slog.Logger) error {
	if _, err := os.Stat(indexPath(cfg)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	f, err := openSearch(cfg, l, log)
	if err != nil {
		return err
	}
	if !f.Fresh {
		err = f.CatchUp(ctx)
	}
	return errors.Join(err, f.Index.Close())
}

// contentOf reads the words and fields of a delivered document, or one in review,
// from the JSON that was written for it. A file that is not this document's any
// more says nothing.
func contentOf(doc ledger.Document) (*search.Content, error) {
	path, err := jsonOf(doc)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open document: %w", err)
	}
	defer f.Close()
	var read struct {
		DocumentID string `json:"document_id"`
		Text       string `json:"text"`
		Fields     []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"fields"`
	}
	if err := json.NewDecoder(io.LimitReader(f, longestJSON)).Decode(&read); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if read.DocumentID != doc.ID {
		return nil, fs.ErrNotExist
	}
	c := &search.Content{Text: read.Text}
	for _, field := range read.Fields {
		if field.Value != "" {
			c.Fields = append(c.Fields, search.Field{Name: field.Name, Value: field.Value})
		}
	}
	return c, nil
}

// jsonOf is the path of a document's JSON: delivered, or in its review bundle.
func jsonOf(doc ledger.Document) (string, error) {
	switch doc.State {
	case ledger.Completed, ledger.CompletedWithWarnings, ledger.NeedsHumanReview:
	default:
		return "", fs.ErrNotExist
	}
	paths, err := resultPaths(doc)
	if err != nil {
		return "", err
	}
	for _, path := range paths {
		if strings.EqualFold(filepath.Ext(path), ".json") && deliver.Regular(path) && (doc.State != ledger.NeedsHumanReview || deliver.IsOf(path, doc.ID)) {
			return path, nil
		}
	}
	return "", fs.ErrNotExist
}

// Search finds documents by what they say; it makes the house a web.Search.
func (h *house) Search(ctx context.Context, text string, q ledger.Query) (ledger.Page, error) {
	page, _, err := h.find(ctx, search.Query{Query: q, Text: text})
	if errors.Is(err, search.ErrQuery) {
		return ledger.Page{}, &web.Said{Kind: web.ErrQuestion, Sentence: err.Error()}
	}
	page.Documents = slices.DeleteFunc(page.Documents, func(doc ledger.Document) bool {
		return !strings.HasPrefix(strings.ToLower(doc.Name), strings.ToLower(q.Name))
	})
	return page, err
}

// find searches the index, and says around which words each document was found.
// What the index has, and the ledger has otherwise by now, is left out.
func (h *house) find(ctx context.Context, q search.Query) (page ledger.Page, excerpts map[string]string, err error) {
	found, err := h.search.Index.Search(ctx, q)
	if err != nil {
		return page, nil, err
	}
	page.Next, excerpts = found.Next, map[string]string{}
	for _, hit := range found.Hits {
		doc, err := h.ledger.Get(hit.ID)
		if errors.Is(err, ledger.ErrNotFound) {
			continue
		}
		if err != nil {
			return page, nil, err
		}
		if doc.State == ledger.Purged || q.State != "" && doc.State != q.State {
			continue
		}
		page.Documents = append(page.Documents, doc)
		if !slices.Contains(doc.Forgotten, retention.WhatText) {
			excerpts[doc.ID] = hit.Excerpt
		}
	}
	return page, excerpts, nil
}
