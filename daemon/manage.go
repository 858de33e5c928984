package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"intray/daemon/config"
	"intray/daemon/durable"
	"intray/daemon/originals"
	"intray/daemon/pipeline"
	"intray/daemon/retention"
	"intray/daemon/web"
	"intray/ledger"
)

// errChoose is for an engine that is chosen where nobody knows which may be.
var errChoose = &exitError{exitUnreachable, errors.New("an engine is chosen while the daemon runs")}

func (a *app) retryCommand() *cobra.Command {
	var unsaid bool
	var engine string
	c := &cobra.Command{
		Use: "retry ID...", Short: "Try failed or waiting documents again",
		Long: "Gives failed documents their tries back and tries waiting ones at once. With --untold it is not documents\n" +
			"that are tried again but telling others of them: of those named, or of all.",
		Args: func(cmd *cobra.Command, ids []string) error {
			if unsaid {
				return nil
			}
			return cobra.MinimumNArgs(1)(cmd, ids)
		},
		RunE: func(cmd *cobra.Command, ids []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			if unsaid {
				return a.retryUntold(cmd.Context(), cfg, ids)
			}
			log := newLog(&console{w: a.errs}, slog.LevelWarn)
			var errs []error
			for _, id := range ids {
				var doc web.Summary
				r := request{method: http.MethodPost, path: "/api/v1/documents/" + url.PathEscape(id) + "/retry", body: web.RetryRequest{Engine: engine}, into: &doc, writes: true}
				_, err := ask(cmd.Context(), cfg, r, func(l *ledger.Ledger) error {
					if engine != "" {
						return errChoose
					}
					store := originals.View(filepath.Join(cfg.DataDir, "originals"))
					next, err := retryDocument(l, store, log, id, "command line", "")
					doc = web.Summarize(next)
					return err
				})
				if err != nil {
					errs = append(errs, refused(err))
					continue
				}
				fmt.Fprintf(a.out, "%s  %s  %s\n", doc.DocumentID, doc.State, printable(doc.Path))
			}
			return errors.Join(errs...)
		},
	}
	c.Flags().StringVar(&engine, "engine", "", "begin with this engine of the document's folder")
	c.Flags().BoolVar(&unsaid, "untold", false, "tell webhooks, hooks and tables again what they could not be told")
	return c
}

// retryDocument is pipeline.Retry with the refusals that people see.
func retryDocument(l *ledger.Ledger, store *originals.Store, log *slog.Logger, id, actor, engine string) (ledger.Document, error) {
	doc, err := pipeline.Retry(l, store, log, id, actor, engine)
	if errors.Is(err, pipeline.ErrNothingToRetry) || errors.Is(err, pipeline.ErrMayNotRead) {
		err = fmt.Errorf("%w: %w", web.ErrRefused, err)
	}
	return doc, err
}

// refused gives what a document's state does not allow its exit code.
func refused(err error) error {
	if errors.Is(err, web.ErrRefused) || errors.Is(err, ledger.ErrConflict) {
		return &exitError{exitRefused, err}
	}
	return err
}

func (a *app) purgeCommand() *cobra.Command {
	var dry, asJSON bool
	c := &cobra.Command{
		Use: "purge [ID...]", Short: "Remove what was kept long enough, or the documents named",
		Long: "Removes originals, raw answers and text whose folder's keep_originals, keep_raw or keep_text is over,\n" +
			"or the documents named, whatever their folder says. A record of each stays: hash, ids, when and why.\n" +
			"Look first with --dry-run.",
		RunE: func(cmd *cobra.Command, ids []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			removed := []retention.Removal{}
			r := request{method: http.MethodPost, path: "/api/v1/purge", body: web.PurgeRequest{IDs: ids, DryRun: dry}, into: &removed, writes: true, long: true}
			_, err = ask(cmd.Context(), cfg, r, func(l *ledger.Ledger) error {
				store, err := originals.Open(filepath.Join(cfg.DataDir, "originals"))
				if err != nil {
					return err
				}
				p := &retention.Purger{Config: cfg, Ledger: l, Originals: store, Results: resultsOf(cfg), Log: newLog(&console{w: a.errs}, slog.LevelWarn)}
				removed, err = purge(cmd.Context(), p, ids, "command line", dry)
				if dry {
					return err
				}
				return errors.Join(err, forgetWords(cmd.Context(), cfg, l, p.Log))
			})
			if err != nil {
				return refused(err)
			}
			if asJSON {
				return a.printJSON(removed)
			}
			return a.printRemovals(removed, dry)
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "only say what would be removed")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// purge purges the documents named, or all that are due.
func purge(ctx context.Context, p *retention.Purger, ids []string, actor string, dry bool) ([]retention.Removal, error) {
	if len(ids) == 0 {
		return p.Due(ctx, time.Now(), dry)
	}
	removed := []retention.Removal{}
	for _, id := range ids {
		r, err := p.One(id, actor, dry)
		if errors.Is(err, retention.ErrNotEnded) {
			err = fmt.Errorf("%w: %w", web.ErrRefused, err)
		}
		if err != nil {
			return removed, err
		}
		removed = append(removed, r...)
	}
	return removed, nil
}

func (a *app) printRemovals(removed []retention.Removal, dry bool) error {
	if len(removed) == 0 {
		fmt.Fprintln(a.out, "Nothing is due.")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DOCUMENT\tWHAT\tFOLDER\tFILE\tBYTES\tWHY")
	total := int64(0)
	for _, r := range removed {
		total += r.Bytes
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", r.DocumentID, r.What, r.Folder, printable(r.Name), r.Bytes, r.Why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	verb := "Removed"
	if dry {
		verb = "Would remove"
	}
	_, err := fmt.Fprintf(a.out, "%s %d, %d bytes of originals.\n", verb, len(removed), total)
	return err
}

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use: "backup F", Short: "Copy the ledger, also while the daemon runs", Args: cobra.ExactArgs(1),
		Long: "Writes a whole copy of the ledger to F, which must not exist. The originals are ordinary files in data_dir\n" +
			"that never change: back them up with any tool, after the ledger. To restore, stop the daemon, copy F over\n" +
			"data_dir/ledger.db and run `intray doctor --deep`.\n" +
			"Documents that were on their way at the backup are delivered once more after a restore.",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			size, err := backup(cmd.Context(), cfg, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s  %d bytes\n", args[0], size)
			return nil
		},
	}
}

// backup copies the ledger to path: checked, whole, or not at all. size is that
// of the copy when it was made.
func backup(ctx context.Context, cfg *config.Config, path string) (size int64, err error) {
	if _, err := os.Lstat(path); err == nil {
		return 0, usage(fmt.Errorf("%s exists already; a backup replaces nothing", path))
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".intray-backup-*.part")
	if err != nil {
		return 0, fmt.Errorf("make backup: %w", err)
	}
	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(temp.Name()))) }()
	r := request{path: "/api/v1/backup", save: func(answer *http.Response) error {
		if size, err = io.Copy(temp, answer.Body); err != nil {
			return err
		}
		if answer.Trailer.Get(web.SizeTrailer) != strconv.FormatInt(size, 10) {
			return errors.New("the daemon broke the backup off; its log says why")
		}
		return nil
	}}
	_, err = ask(ctx, cfg, r, func(l *ledger.Ledger) error {
		size, err = l.Backup(temp)
		return err
	})
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return size, fmt.Errorf("make backup: %w", err)
	}
	if err := verifyLedger(temp.Name()); err != nil {
		return size, fmt.Errorf("the backup does not hold together and is not kept: %w", err)
	}
	if err := durable.RenameNoReplace(temp.Name(), path); err != nil {
		return size, fmt.Errorf("make backup: %w", err)
	}
	return size, durable.SyncDir(filepath.Dir(path))
}

// verifyLedger checks a copy and makes it fit to be restored.
func verifyLedger(path string) error {
	l, err := ledger.Open(path, ledger.Options{})
	if err != nil {
		return err
	}
	return errors.Join(l.Check(), l.ForgetPlans(), l.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// stats is what `stats` and the API say of the tray as a whole.
type stats struct {
	Running   bool                 `json:"running"`
	Documents map[ledger.State]int `json:"documents"`
	// Intake is nil when no daemon runs.
	Intake *intakeStats `json:"intake"`
	Ledger ledgerStats  `json:"ledger"`
	// Quality is what people's decisions in review say about the reading.
	Quality quality `json:"quality"`
	// Cloud is how the cloud engines are, by name.
	Cloud map[string]cloudStats `json:"cloud"`
	// Comparisons are what second engines say of the first, by pair.
	Comparisons []comparison `json:"comparisons"`
	// Outbox is what others are told.
	Outbox outboxStats `json:"outbox"`
	// Held is what documents wait for that a person has to mend.
	Held []held `json:"held"`
	// Configuration is how the daemon stands to its file; nil when none runs.
	Configuration *condition `json:"configuration"`
}

// outboxStats counts messages that are to be told, and those given up.
type outboxStats struct {
	Waiting int `json:"waiting"`
	Dead    int `json:"dead"`
}

type intakeStats struct {
	// Paused says why no files are taken; "" while they are.
	Paused string `json:"paused"`
	// Waiting counts files that wait in their hot folders, by folder.
	Waiting map[string]int `json:"waiting"`
	// Away are the hot folders that cannot be listed, each with the reason.
	Away map[string]string `json:"away"`
}

type ledgerStats struct {
	Bytes     int64 `json:"bytes"`
	FreeBytes int64 `json:"free_bytes"`
}

func statsOf(l *ledger.Ledger, cloud []string, live map[string]*pipeline.Service) (stats, error) {
	s := stats{Documents: map[ledger.State]int{}}
	counts, err := l.Counts()
	if err != nil {
		return s, err
	}
	for _, state := range ledger.States() {
		s.Documents[state] = counts[state]
	}
	tallies, err := l.Tallies()
	if err != nil {
		return s, err
	}
	if s.Held, err = heldIn(l); err != nil {
		return s, err
	}
	s.Quality, s.Comparisons = qualityOf(tallies), comparisonsOf(tallies)
	if s.Cloud, err = cloudStatsOf(l, cloud, live); err != nil {
		return s, err
	}
	if s.Outbox.Waiting, s.Outbox.Dead, err = l.CountMessages(); err != nil {
		return s, err
	}
	s.Ledger.Bytes, s.Ledger.FreeBytes, err = l.Space()
	return s, err
}

func (a *app) statsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "stats", Short: "Count documents by state, and say how good the reading is", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			var s stats
			_, err = ask(cmd.Context(), cfg, request{path: "/api/v1/stats", into: &s}, func(l *ledger.Ledger) (err error) {
				s, err = statsOf(l, a.cloudNames(cfg), nil)
				return err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(s)
			}
			return a.printStats(s)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) printStats(s stats) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, state := range ledger.States() {
		if n := s.Documents[state]; n > 0 {
			fmt.Fprintf(w, "%s\t%d\t%s\n", state, n, state.Meaning())
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := s.Quality.print(a.out); err != nil {
		return err
	}
	printComparisons(a.out, s.Comparisons)
	if n := s.Outbox; n.Waiting+n.Dead > 0 {
		fmt.Fprintf(a.out, "Messages about documents: waiting to be told %d, given up %d. `intray list --untold` names them.\n", n.Waiting, n.Dead)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Cloud)) {
		c := s.Cloud[name]
		fmt.Fprintf(a.out, "Engine %s: %d documents wait for its answer; pages sent today %d, this month %d. %s\n", name, c.Waiting, c.PagesToday, c.PagesMonth, c.Paused)
	}
	if s.Intake != nil {
		for _, line := range sayAway(s.Intake.Away) {
			fmt.Fprintln(a.out, line)
		}
	}
	for _, one := range s.Held {
		fmt.Fprintln(a.out, one)
	}
	switch {
	case s.Intake == nil:
		fmt.Fprintln(a.out, "No daemon runs.")
	case s.Intake.Paused != "":
		fmt.Fprintln(a.out, "No files are taken in:", s.Intake.Paused)
	default:
		for folder, n := range s.Intake.Waiting {
			if n > 0 {
				fmt.Fprintf(a.out, "%d files wait in the hot folder of %s; the log says why.\n", n, folder)
			}
		}
	}
	return nil
}
