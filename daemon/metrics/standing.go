package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"intray/ledger"
)

// Engine is how a cloud engine stands at the moment.
type Engine struct {
	Name   string
	Paused bool
	// PagesToday and PagesMonth were booked, DayLimit and MonthLimit may be; a limit
	// of 0 is none.
	PagesToday, PagesMonth, DayLimit, MonthLimit int
}

// Standing reads the figures of the moment from the ledger and the house when
// Prometheus asks.
type Standing struct {
	Ledger  *ledger.Ledger
	Engines func() ([]Engine, error)
	// Waiting is how many files of each folder have not settled or not been taken;
	// Paused says that none are taken.
	Waiting func() (byFolder map[string]int, paused bool)
	// Away are the hot folders that cannot be listed, each with the reason.
	Away func() map[string]string
	// Held counts documents that wait for something a person has to mend, by folder and
	// code of the failure.
	Held func() (map[[2]string]int, error)
	// Outdated says that the configuration file as it is now is not in force.
	Outdated func() bool
	// Fields are the names of fields that become labels; all others are "other".
	// Providers have names of their own, as many as they like.
	Fields map[string]bool
	// Stuck is after how long a provider's job is called stuck.
	Stuck time.Duration
	Clock func() time.Time
}

var _ prometheus.Collector = (*Standing)(nil)

// desc describes a figure of the moment.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("intray_"+name, help, labels, nil)
}

// Describe says nothing: which labels there are follows from the ledger
// (an "unchecked" collector in Prometheus' words).
func (s *Standing) Describe(chan<- *prometheus.Desc) {}

// Collect reads and sends; what cannot be read is sent as an error in its place.
func (s *Standing) Collect(out chan<- prometheus.Metric) {
	for _, part := range []func(gauges) error{s.documents, s.counted, s.waiting, s.configuration, s.outbox, s.engines, s.jobs} {
		if err := part(gauges{out}); err != nil {
			out <- prometheus.NewInvalidMetric(desc("unreadable", "A figure could not be read."), err)
		}
	}
}

type gauges struct{ out chan<- prometheus.Metric }

func (g gauges) gauge(d *prometheus.Desc, v float64, labels ...string) {
	g.out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (g gauges) counter(d *prometheus.Desc, v float64, labels ...string) {
	g.out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func (s *Standing) documents(g gauges) error {
	counts, err := s.Ledger.FolderCounts()
	d := desc("documents", "Documents in the ledger, by folder and state.", "folder", "state")
	for folder, states := range counts {
		for state, n := range states {
			g.gauge(d, float64(n), folder, string(state))
		}
	}
	return err
}

// counted are the ledger's tallies, which outlive restarts. Sellers stay in the
// report: they are people's names, and many.
func (s *Standing) counted(g gauges) error {
	tallies, err := s.Ledger.Tallies()
	total := desc("counted_total", "What the ledger counted since it was made: group class, language, field (CLASS/FIELD, or CLASS/other), confidence (tenths), webhook (engine) and others; what happened to it.", "group", "name", "what")
	sums := map[ledger.Tally]int{}
	for t, n := range tallies {
		switch t.Group {
		case "seller":
			continue
		case "field", "compare_field":
			t.Name = s.label(t.Name)
		}
		sums[t] += n
	}
	for t, n := range sums {
		g.counter(total, float64(n), t.Group, t.Name, t.What)
	}
	return err
}

// label is CLASS/FIELD, or PAIR/FIELD, with a field that is known.
func (s *Standing) label(name string) string {
	at := strings.LastIndex(name, "/") + 1
	if s.Fields[name[at:]] {
		return name
	}
	return name[:at] + "other"
}

func (s *Standing) waiting(g gauges) error {
	byFolder, paused := s.Waiting()
	files := desc("hot_folder_waiting", "Files in the hot folder that have not been taken yet.", "folder")
	away, reasons := desc("hot_folder_away", "1 while the hot folder cannot be listed.", "folder"), s.Away()
	for folder, n := range byFolder {
		g.gauge(files, float64(n), folder)
		g.gauge(away, one(reasons[folder] != ""), folder)
	}
	g.gauge(desc("intake_paused", "1 while no files are taken, because the disk is nearly full."), one(paused))
	held, err := s.Held()
	if err != nil {
		return err
	}
	heldBack := desc("documents_held", "Documents that wait for something around them to be mended, such as a share that is away; counted to 500.", "folder", "code")
	for cause, n := range held {
		g.gauge(heldBack, float64(n), cause[0], cause[1])
	}
	due, err := s.Ledger.Due(s.Clock(), 1)
	age := 0.0
	if len(due) > 0 {
		age = s.Clock().Sub(due[0].UpdatedAt).Seconds()
	}
	g.gauge(desc("longest_due_seconds", "How long the document that is due for longest has been where it is."), age)
	return err
}

func (s *Standing) configuration(g gauges) error {
	g.gauge(desc("configuration_outdated", "1 while the configuration file was changed and is not in force, because it has errors."), one(s.Outdated()))
	return nil
}

func (s *Standing) outbox(g gauges) error {
	waiting, dead, err := s.Ledger.CountMessages()
	if err != nil {
		return err
	}
	d := desc("outbox", "Messages to webhooks, hooks and tables that are still to be told, or were given up.", "state")
	g.gauge(d, float64(waiting), "waiting")
	g.gauge(d, float64(dead), "dead")
	return nil
}

func (s *Standing) engines(g gauges) error {
	engines, err := s.Engines()
	paused := desc("engine_paused", "1 while no calls are made to a cloud engine.", "engine")
	spent := desc("engine_pages_spent", "Pages booked at a cloud engine in this day and this month.", "engine", "period")
	limit := desc("engine_pages_limit", "Pages that may be booked at a cloud engine in a day and a month; absent where there is no limit.", "engine", "period")
	for _, e := range engines {
		g.gauge(paused, one(e.Paused), e.Name)
		g.gauge(spent, float64(e.PagesToday), e.Name, "day")
		g.gauge(spent, float64(e.PagesMonth), e.Name, "month")
		if e.DayLimit > 0 {
			g.gauge(limit, float64(e.DayLimit), e.Name, "day")
		}
		if e.MonthLimit > 0 {
			g.gauge(limit, float64(e.MonthLimit), e.Name, "month")
		}
	}
	return err
}

// jobs are what providers owe.
func (s *Standing) jobs(g gauges) error {
	owed, err := s.Ledger.Owed()
	now, all, stuck := s.Clock(), map[string]int{}, map[string]int{}
	for _, doc := range owed {
		all[doc.Engine]++
		if now.Sub(doc.UpdatedAt) > s.Stuck {
			stuck[doc.Engine]++
		}
	}
	waiting := desc("engine_jobs", "Jobs that a cloud engine has taken and not answered.", "engine")
	old := desc("engine_jobs_stuck", "Those of them that have waited for longer than an hour.", "engine")
	for name, n := range all {
		g.gauge(waiting, float64(n), name)
		g.gauge(old, float64(stuck[name]), name)
	}
	return err
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
