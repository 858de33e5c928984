package site

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"intray/ledger"
)

// Lists on the first page are short, so that it is as quick with a million
// documents as with ten.
const (
	mostLatest  = 12
	mostWaiting = 8
	// mostToday bounds how far today's arrivals are counted.
	mostToday = 500
)

type todayBody struct {
	Today     int
	MoreToday bool
	Counts    map[ledger.State]int
	InWork    int
	Waiting   int
	Review    int
	Failed    int
	Delivered int
	Folders   []folderRow
	Latest    []ledger.Document
	Reviews   []ledger.Document
	Failures  []ledger.Document
	Paused    string
	Away      map[string]string
	Held      []string
	Outdated  string
	Upload    bool
}

type folderRow struct {
	Name                                         string
	Hot, InWork, Waiting, Review, Failed, Output int
}

func (s *server) today(c *call) error {
	b := todayBody{Upload: s.Upload != nil && len(s.Folders) > 0}
	var err error
	if b.Counts, err = s.Ledger.Counts(); err != nil {
		return err
	}
	row := sumUp(b.Counts)
	b.InWork, b.Waiting, b.Review, b.Failed, b.Delivered = row.InWork, row.Waiting, row.Review, row.Failed, row.Output
	if b.Folders, err = s.folderRows(); err != nil {
		return err
	}
	now := time.Now()
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	for _, list := range []struct {
		into *[]ledger.Document
		q    ledger.Query
	}{
		{&b.Latest, ledger.Query{Since: midnight, Limit: mostToday}},
		{&b.Reviews, ledger.Query{State: ledger.NeedsHumanReview, Limit: mostWaiting}},
		{&b.Failures, ledger.Query{State: ledger.DeadLetter, Limit: mostWaiting}},
	} {
		found, err := s.Ledger.List(list.q)
		if err != nil {
			return err
		}
		*list.into = found.Documents
		if list.into == &b.Latest {
			b.Today, b.MoreToday = len(found.Documents), found.Next != ""
			b.Latest = b.Latest[:min(len(b.Latest), mostLatest)]
		}
	}
	terminal, err := s.Ledger.List(ledger.Query{State: ledger.FailedTerminal, Limit: mostWaiting})
	if err != nil {
		return err
	}
	b.Failures = append(b.Failures, terminal.Documents...)
	slices.SortFunc(b.Failures, func(a, b ledger.Document) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
	b.Failures = b.Failures[:min(len(b.Failures), mostWaiting)]
	if s.Paused != nil {
		b.Paused = s.Paused()
	}
	if s.Away != nil {
		b.Away = s.Away()
	}
	if s.Held != nil {
		b.Held = s.Held()
	}
	if s.Outdated != nil {
		b.Outdated = s.Outdated()
	}
	return c.show(http.StatusOK, "today", b)
}

func sumUp(counts map[ledger.State]int) (r folderRow) {
	for state, n := range counts {
		switch stateColor(state) {
		case "work":
			r.InWork += n
		case "late":
			r.Waiting += n
		case "ask":
			r.Review += n
		case "bad":
			r.Failed += n
		case "done":
			r.Output += n
		}
	}
	return r
}

// folderRows are the configured folders in their order, then those that only
// documents remember.
func (s *server) folderRows() (out []folderRow, err error) {
	counts, err := s.Ledger.FolderCounts()
	if err != nil {
		return nil, err
	}
	hot := map[string]int{}
	if s.Hot != nil {
		hot = s.Hot()
	}
	names := slices.Clone(s.Folders)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		r := sumUp(counts[name])
		r.Name, r.Hot = name, hot[name]
		out = append(out, r)
	}
	return out, nil
}

// uploaded is the answer to a script that uploads, refused that when it may not.
type (
	uploaded struct {
		ID string `json:"id"`
	}
	refused struct {
		Error string `json:"error"`
	}
)

func (c *call) wantsJSON() bool {
	return strings.Contains(c.r.Header.Get("Accept"), "application/json")
}

// upload takes the files of a form in, one after the other, as they arrive.
func (s *server) upload(c *call) error {
	if s.Upload == nil {
		return ErrRefused
	}
	parts, err := c.r.MultipartReader()
	if err != nil {
		return fmt.Errorf("%w: %w", errBadRequest, err)
	}
	folder, last, taken := "", "", 0
	if len(s.Folders) > 0 {
		folder = s.Folders[0]
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errBadRequest, err)
		}
		switch {
		case part.FormName() == "folder":
			name, err := io.ReadAll(io.LimitReader(part, longestName))
			if err != nil || !slices.Contains(s.Folders, string(name)) {
				return errBadRequest
			}
			folder = string(name)
		case part.FormName() == "file" && part.FileName() != "":
			id, err := s.Upload(c.r.Context(), folder, part.FileName(), part, c.who.Name)
			if errors.Is(err, ErrRefused) && taken > 0 { // they must not be handed in once more
				err = fmt.Errorf("%w %s", err, fmt.Sprintf("This is %s; the files before it (%d) were taken in.", visible(part.FileName()), taken))
			}
			if err != nil {
				return err
			}
			last, taken = id, taken+1
		}
	}
	switch {
	case last == "":
		return errBadRequest
	case c.wantsJSON():
		return c.json(http.StatusOK, uploaded{last})
	}
	return c.redirect("/documents/" + last)
}

// longestName bounds a folder's name in a form, longestForm a whole form, in bytes.
const (
	longestName = 1000
	longestForm = 1 << 20
)

func (c *call) json(status int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(data) // the caller has gone: nobody to tell
	return nil
}
