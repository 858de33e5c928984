package site

import (
	"context"
	"net/http"
	"sync"
	"time"

	"intray/ledger"
)

// Engine is one that is configured, and how it is. Numbers that nobody counts
// are 0.
type Engine struct {
	Name, Kind string
	Cloud      bool
	// Paused says why no calls are made, until Until; "" while they are.
	Paused string
	Until  time.Time
	// Waiting is how many documents wait for its answer, Running how many calls or
	// workers are at it, of at most Most.
	Waiting, Running, Most int
	// Pages sent, and how many may be; 0 is without end.
	PagesToday, MostToday, PagesMonth, MostMonth int
	CallsPerSecond                               float64
	Folders                                      []string
}

// Setting is one key of the configuration. Origin is the line of the file it
// stands on, 0 for a default.
type Setting struct {
	Section, Key, Value string
	Line                int
}

// Finding is one thing that doctor looked at; Problem is "" if it is in order.
type Finding struct{ What, Detail, Problem string }

type enginesBody struct {
	Engines []engineRow
}

type engineRow struct {
	Engine
	Failures []ledger.Document
}

const mostFailures = 3

func (s *server) engines(c *call) error {
	if s.Engines == nil {
		return c.show(http.StatusOK, "engines", enginesBody{})
	}
	all, err := s.Engines()
	if err != nil {
		return err
	}
	b := enginesBody{}
	failed := map[string][]ledger.Document{}
	for _, state := range []ledger.State{ledger.FailedRetryable, ledger.DeadLetter, ledger.FailedTerminal} {
		list, err := s.Ledger.List(ledger.Query{State: state, Limit: pageOfDocuments})
		if err != nil {
			return err
		}
		for _, d := range list.Documents {
			if d.Engine != "" && d.Failure != nil && len(failed[d.Engine]) < mostFailures {
				failed[d.Engine] = append(failed[d.Engine], d)
			}
		}
	}
	for _, e := range all {
		b.Engines = append(b.Engines, engineRow{e, failed[e.Name]})
	}
	return c.show(http.StatusOK, "engines", b)
}

type settingsBody struct {
	Sections []section
	Findings []Finding
	Problems int
	At       time.Time
}

type section struct {
	Name     string
	Settings []Setting
}

func (s *server) settings(c *call) error {
	b := settingsBody{}
	if s.Settings != nil {
		for _, one := range s.Settings() {
			if n := len(b.Sections); n == 0 || b.Sections[n-1].Name != one.Section {
				b.Sections = append(b.Sections, section{Name: one.Section})
			}
			last := &b.Sections[len(b.Sections)-1]
			last.Settings = append(last.Settings, one)
		}
	}
	if s.Doctor != nil {
		b.Findings, b.At = s.checks.get(c.r.Context(), s.Doctor)
	}
	for _, f := range b.Findings {
		if f.Problem != "" {
			b.Problems++
		}
	}
	return c.show(http.StatusOK, "settings", b)
}

// checks keeps doctor's findings for a while: it tries folders and engines, and
// a page that is loaded over and over must not.
type checks struct {
	mu       sync.Mutex
	findings []Finding
	at       time.Time
}

const (
	checksAge      = 20 * time.Second
	checksPatience = 20 * time.Second
)

func (k *checks) get(ctx context.Context, look func(context.Context) []Finding) ([]Finding, time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.at) > checksAge {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checksPatience)
		defer cancel()
		k.findings, k.at = look(ctx), time.Now()
	}
	return k.findings, k.at
}
