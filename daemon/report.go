package daemon

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"intray/daemon/config"
	"intray/daemon/document/schema"
	"intray/daemon/durable"
	"intray/daemon/pipeline"
	"intray/daemon/report"
	"intray/ledger"
)

func (a *app) reportCommand() *cobra.Command {
	var since, until, out string
	c := &cobra.Command{
		Use: "report", Short: "Show what a period brought: volume, waits, failures, accuracy, spend", Args: cobra.NoArgs,
		Long: "Writes a page with everything in it (.html), or Markdown (.md), about the documents received in a period:\n" +
			"the last 30 days unless told otherwise. Without -o it prints Markdown.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := reportPeriod(since, until, time.Now())
			if err != nil {
				return usage(err)
			}
			write := (*report.Report).WriteMarkdown
			switch strings.ToLower(filepath.Ext(out)) {
			case ".html", ".htm":
				write = (*report.Report).WriteHTML
			case ".md", "":
			default:
				return usage(fmt.Errorf("%s is neither .html nor .md", out))
			}
			cfg, err := a.load()
			if err != nil {
				return err
			}
			r, err := a.askReport(cmd.Context(), cfg, q)
			if err != nil {
				return err
			}
			if out == "" {
				return write(r, a.out)
			}
			var page bytes.Buffer
			if err := write(r, &page); err != nil {
				return err
			}
			if err := durable.WriteFile(out, page.Bytes(), 0o600); err != nil {
				return fmt.Errorf("write report: %w", err)
			}
			fmt.Fprintln(a.out, out)
			return nil
		},
	}
	c.Flags().StringVar(&since, "since", "", "the first day, such as 2026-11-01")
	c.Flags().StringVar(&until, "until", "", "the first day after it (default: tomorrow)")
	c.Flags().StringVarP(&out, "output", "o", "", "the file to write: .html or .md")
	return c
}

// usualPeriod is how many days a report is about when nobody says.
const usualPeriod = 30

// reportPeriod reads days, in the local zone.
func reportPeriod(since, until string, now time.Time) (report.Request, error) {
	tomorrow := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location())
	q := report.Request{Until: tomorrow}
	for text, into := range map[*string]*time.Time{&since: &q.Since, &until: &q.Until} {
		if *text == "" {
			continue
		}
		t, err := time.ParseInLocation(time.DateOnly, *text, now.Location())
		if err != nil {
			return q, fmt.Errorf("%q is no day; write it like 2026-11-24", *text)
		}
		*into = t
	}
	if q.Since.IsZero() {
		q.Since = q.Until.AddDate(0, 0, -usualPeriod)
	}
	return q, q.Check()
}

func (a *app) askReport(ctx context.Context, cfg *config.Config, q report.Request) (*report.Report, error) {
	var r *report.Report
	query := url.Values{"since": {q.Since.Format(time.DateOnly)}, "until": {q.Until.Format(time.DateOnly)}}
	_, err := ask(ctx, cfg, request{path: "/api/v1/report?" + query.Encode(), into: &r, long: true}, func(l *ledger.Ledger) (err error) {
		r, err = makeReport(cfg, l, q, a.kinds)
		return err
	})
	return r, err
}

// makeReport is a report of what the ledger and the configuration say.
func makeReport(cfg *config.Config, l *ledger.Ledger, q report.Request, known kinds) (*report.Report, error) {
	sound, err := soundness()
	if err != nil {
		return nil, err
	}
	counts, err := l.Tallies()
	if err != nil {
		return nil, err
	}
	return report.Make(report.Source{Ledger: l, House: reportHouse(cfg, known), Sound: sound, Quality: reportQuality(counts), Now: time.Now()}, q)
}

// reportQuality is quality as the report shows it: only what a person saw.
func reportQuality(counts map[ledger.Tally]int) (out report.Quality) {
	q := qualityOf(counts)
	for _, f := range q.Fields {
		if f.Reviewed > 0 {
			out.Fields = append(out.Fields, report.Accuracy{Name: f.Class + " · " + f.Field, Seen: f.Reviewed, Wrong: f.Corrected})
		}
	}
	for _, g := range q.BySeller {
		of := func(what string) int {
			return counts[ledger.Tally{Group: pipeline.GroupSeller, Name: g.Name, What: what}]
		}
		wrong := g.Corrected + g.Rejected
		if seen := of(pipeline.DidApprove) + of(pipeline.SampleRight) + wrong; seen > 0 {
			out.Sellers = append(out.Sellers, report.Accuracy{Name: g.Name, Seen: seen, Wrong: wrong})
		}
	}
	for _, c := range q.Confidence {
		out.Scale = append(out.Scale, report.Tenth{From: c.From, Found: c.Found, Seen: c.Reviewed, Wrong: c.Corrected})
	}
	out.Samples = report.Accuracy{Seen: q.Sample.Right + q.Sample.Wrong, Wrong: q.Sample.Wrong}
	return out
}

func reportHouse(cfg *config.Config, known kinds) report.House {
	host, _, err := net.SplitHostPort(cfg.Web.Listen)
	ip := net.ParseIP(host)
	out := report.House{Version: version(), Listen: cfg.Web.Listen, Loopback: cfg.Web.Listen == "" || err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())}
	for _, f := range cfg.Folders {
		out.Folders = append(out.Folders, report.Folder{Name: f.Name, Engines: f.Engine, NeverCloud: f.NeverCloud})
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Engines)) {
		e := cfg.Engines[name]
		factory, ok := known.of(e.Kind)
		endpoint, _ := e.Own["endpoint"].(string)
		out.Engines = append(out.Engines, report.Engine{Name: name, Kind: e.Kind, Endpoint: endpoint,
			Cloud: ok && factory.NewProvider != nil, DayLimit: e.Cloud.MaxPagesPerDay})
	}
	return out
}

// soundness looks at delivered JSON: is it there, and does it keep to the schema?
func soundness() (func(ledger.Document) (there, valid bool), error) {
	checker, err := schema.New()
	if err != nil {
		return nil, err
	}
	return func(doc ledger.Document) (there, valid bool) {
		path, err := jsonOf(doc)
		if err != nil {
			return false, false
		}
		info, err := os.Stat(path)
		if err != nil || info.Size() > longestJSON {
			return false, false
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return false, false
		}
		return true, checker.Check(data) == nil
	}, nil
}
