package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"intray/daemon/config"
	"intray/daemon/pages"
	"intray/ledger"
)

// ocrFolder is the name of the folder that ocr's documents belong to.
const ocrFolder = "ocr"

func (a *app) ocrCommand() *cobra.Command {
	var output string
	var languages []string
	c := &cobra.Command{
		Use: "ocr FILE... -o DIR", Short: "Read files once, without a daemon", Args: cobra.MinimumNArgs(1),
		Long: "Reads the files and writes a searchable PDF and a JSON for each into DIR. The files themselves stay\n" +
			"where they are. What needs a look goes to DIR/review, what cannot be read to DIR/failed.\n\n" +
			"Exit codes: 0 done, 3 a file was refused, 4 a file may succeed later, 5 a file needs review.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				return usage(errors.New("name the folder for the results: -o DIR"))
			}
			return a.ocr(cmd.Context(), args, output, languages)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "folder for the results")
	c.Flags().StringSliceVarP(&languages, "language", "l", nil, "languages to read, such as eng,deu")
	return c
}

// ocr runs the same journey as the daemon, over a ledger that lives as long as
// the command.
func (a *app) ocr(ctx context.Context, files []string, output string, languages []string) (err error) {
	cfg, err := a.ocrConfig(output, languages)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "intray-ocr-*")
	if err != nil {
		return fmt.Errorf("make temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	cfg.DataDir = scratch
	out := &console{w: a.errs, terminal: term.IsTerminal(int(os.Stderr.Fd()))}
	h, err := openHouse(cfg, ocrCache(scratch), a.kinds, newLog(out, level("error")))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	ids, err := h.receiveFiles(ctx, files)
	if err != nil {
		return err
	}
	if out.terminal {
		finish := showBar(h, len(ids))
		defer finish()
	}
	h.pipeline.Impatient = true // there is a person at the command line
	if err := h.pipeline.Prepare(); err != nil {
		return err
	}
	if err := h.pipeline.Run(ctx, ctx, true); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errors.New("interrupted; nothing unfinished was written")
	}
	return a.ocrOutcome(h.ledger, ids)
}

// ocrConfig takes engines and limits from a configuration if there is one.
func (a *app) ocrConfig(output string, languages []string) (*config.Config, error) {
	defaults := config.Default()
	cfg := &defaults
	if err := cfg.AddBuiltInClasses(); err != nil {
		return nil, err
	}
	if _, err := config.Find(a.configFile); err == nil || a.configFile != "" {
		if cfg, err = a.load(); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(output)
	if err != nil {
		return nil, usage(err)
	}
	folder := config.FolderDefaults(ocrFolder)
	if len(cfg.Folders) > 0 {
		// How pages are read and written, as in the first folder; what comes in and
		// where it goes is said on the command line.
		first := cfg.Folders[0]
		folder.NeverCloud, folder.EscalateBelow, folder.EscalateOn = first.NeverCloud, first.EscalateBelow, first.EscalateOn
		folder.MaxPagesPerDay, folder.MaxPagesPerMonth = first.MaxPagesPerDay, first.MaxPagesPerMonth
		folder.Engine, folder.Languages, folder.SidecarText = first.Engine, first.Languages, first.SidecarText
		folder.Class, folder.Classes = first.Class, first.Classes
		folder.Text, folder.PDFA, folder.Prepare = first.Text, first.PDFA, first.Prepare
		folder.Rotate, folder.RotateConfidence, folder.Deskew = first.Rotate, first.RotateConfidence, first.Deskew
	}
	if len(languages) > 0 {
		folder.Languages = languages
	}
	folder.Output, folder.Review, folder.Failed = dir, filepath.Join(dir, "review"), filepath.Join(dir, "failed")
	cfg.Folders = []config.Folder{folder}
	// Nobody waits an hour at a command line: what fails once more is over.
	cfg.Retry.Base, cfg.Retry.MaxAttempts = 0, 2
	return cfg, nil
}

// ocrCache is where compiled code and unpacked models outlive the scratch
// folder. Where the user has no such place they go into scratch, which has them
// made anew each time: slower and not wrong.
func ocrCache(scratch string) string {
	if base, err := os.UserCacheDir(); err == nil {
		cache := filepath.Join(base, "intray")
		if os.MkdirAll(cache, 0o700) == nil {
			return cache
		}
	}
	return filepath.Join(scratch, "cache")
}

// receiveFiles stores the files and records them, in order.
func (h *house) receiveFiles(ctx context.Context, files []string) ([]string, error) {
	var ids []string
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			return nil, usage(err)
		}
		if !info.Mode().IsRegular() {
			return nil, usage(fmt.Errorf("%s is not a file", path))
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, usage(err)
		}
		blob, err := h.originals.Put(ctx, f)
		_ = f.Close() // only read from
		if err != nil {
			return nil, fmt.Errorf("store %s: %w", path, err)
		}
		name := filepath.Base(path)
		doc, err := h.ledger.Receive(ledger.Arrival{Folder: ocrFolder, Path: name, Name: name, SHA256: blob.SHA256,
			Size: blob.Size, MIME: pages.Sniff(blob.Head), Actor: "ocr"})
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", path, err)
		}
		if err := h.ledger.SourceCleared(doc.ID); err != nil {
			return nil, fmt.Errorf("record %s: %w", path, err)
		}
		ids = append(ids, doc.ID)
	}
	return ids, nil
}

func showBar(h *house, files int) (finish func()) {
	bar := progressbar.NewOptions(files, progressbar.OptionSetDescription("reading"), progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionShowCount(), progressbar.OptionSetItsString("page"), progressbar.OptionClearOnFinish())
	var mu sync.Mutex
	known := map[string]int{}
	h.pipeline.Progress = func(doc ledger.Document, done, pages int) {
		mu.Lock()
		defer mu.Unlock()
		if _, seen := known[doc.ID]; !seen {
			bar.ChangeMax(bar.GetMax() + pages - 1)
		}
		_ = bar.Add(done - known[doc.ID]) // a bar that cannot be drawn is no reason to stop
		known[doc.ID] = done
	}
	return func() { _ = bar.Finish() }
}

// ocrOutcome prints where everything went; the worst outcome is the exit code.
func (a *app) ocrOutcome(l *ledger.Ledger, ids []string) error {
	code := exitDone
	worse := func(c int) {
		rank := map[int]int{exitDone: 0, exitReview: 1, exitRetryLater: 2, exitRefused: 3}
		if rank[c] > rank[code] {
			code = c
		}
	}
	for _, id := range ids {
		doc, err := l.Get(id)
		if err != nil {
			return fmt.Errorf("look up outcome: %w", err)
		}
		switch doc.State {
		case ledger.Completed, ledger.CompletedWithWarnings:
			fmt.Fprintln(a.out, doc.Outputs[0])
			continue
		case ledger.Duplicate:
			fmt.Fprintf(a.errs, "%s: the same content as another file; read once\n", printable(doc.Name))
			continue
		case ledger.NeedsHumanReview:
			worse(exitReview)
			fmt.Fprintf(a.errs, "%s: needs review: %s See %s\n", printable(doc.Name), doc.Failure.Sentence, doc.Outputs[0])
		case ledger.DeadLetter:
			worse(exitRetryLater)
			fmt.Fprintf(a.errs, "%s: %s\n", printable(doc.Name), doc.Failure.Sentence)
		case ledger.FailedTerminal:
			worse(exitRefused)
			fmt.Fprintf(a.errs, "%s: %s\n", printable(doc.Name), doc.Failure.Sentence)
		default:
			worse(exitRetryLater)
			why := ""
			if doc.Failure != nil {
				why = ": " + doc.Failure.Sentence
			}
			fmt.Fprintf(a.errs, "%s: not finished%s\n", printable(doc.Name), why)
		}
	}
	if code != exitDone {
		return &exitError{code, errors.New("")}
	}
	return nil
}
