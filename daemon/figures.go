package daemon

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"intray/daemon/config"
	"intray/daemon/document"
	"intray/daemon/metrics"
)

// stuck is after how long a provider's job is called so, as the README says.
const stuck = time.Hour

// figures has the metrics know what is in hand at the start, and read what stands
// in the ledger and the house when somebody asks.
func (h *house) figures() error {
	owed, err := h.ledger.Owed()
	if err != nil {
		return err
	}
	for _, doc := range owed {
		attempts, err := h.ledger.Attempts(doc.ID)
		if err != nil {
			return err
		}
		if n := len(attempts); n > 0 && attempts[n-1].Ended.IsZero() {
			h.metrics.Resume(attempts[n-1])
		}
	}
	return h.metrics.Watch(&metrics.Standing{Ledger: h.ledger, Engines: h.engineFigures, Stuck: stuck, Clock: time.Now, Fields: fieldNames(h.cfg),
		Outdated: func() bool { return h.outdated() != "" },
		Away:     h.awayFolders,
		Held:     h.heldFigures,
		Waiting:  func() (map[string]int, bool) { return h.hotFiles(), h.room.Paused() != "" }})
}

// fieldNames are those that mean the same whatever engine found them, and those that
// the office named itself.
func fieldNames(cfg *config.Config) map[string]bool {
	out := map[string]bool{}
	for name := range document.FieldTypes() {
		out[name] = true
	}
	for _, class := range cfg.Classes {
		for _, f := range class.Fields {
			out[f.Name] = true
		}
	}
	return out
}

// hotFiles are how many files of each folder have not been taken in.
func (h *house) hotFiles() map[string]int {
	out := map[string]int{}
	for _, f := range h.fronts {
		out[f.Name()] = f.Waiting()
	}
	return out
}

// awayFolders are the hot folders that cannot be listed, each with the reason.
func (h *house) awayFolders() map[string]string {
	out := map[string]string{}
	for _, f := range h.fronts {
		if why := f.Away(); why != "" {
			out[f.Name()] = why
		}
	}
	return out
}

// trouble is what keeps files from being taken in and results from being delivered, a
// sentence on each line.
func (h *house) trouble() string {
	var lines []string
	if why := h.room.Paused(); why != "" {
		lines = append(lines, "No files are taken in: "+why)
	}
	return strings.Join(slices.Concat(lines, sayAway(h.awayFolders()), h.heldLines()), "\n")
}

// sayAway says of each hot folder why it cannot be listed.
func sayAway(away map[string]string) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(away)) {
		lines = append(lines, fmt.Sprintf("The hot folder of %s cannot be reached: %s", printable(name), printable(away[name])))
	}
	return lines
}

func (h *house) engineFigures() ([]metrics.Engine, error) {
	cloud, err := cloudStatsOf(h.ledger, slices.Sorted(maps.Keys(h.services)), h.services)
	if err != nil {
		return nil, err
	}
	var out []metrics.Engine
	for _, name := range slices.Sorted(maps.Keys(h.services)) {
		c, s := cloud[name], h.services[name].Settings
		out = append(out, metrics.Engine{Name: name, Paused: c.Paused != "", PagesToday: c.PagesToday, PagesMonth: c.PagesMonth,
			DayLimit: s.MaxPagesPerDay, MonthLimit: s.MaxPagesPerMonth})
	}
	return out, nil
}
