package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"intray/daemon/config"
	"intray/daemon/web"
	"intray/ledger"
)

func (a *app) listCommand() *cobra.Command {
	var state string
	var asJSON bool
	var limit int
	c := &cobra.Command{
		Use: "list", Short: "List documents, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state != "" && ledger.State(state).Meaning() == "" {
				return usage(fmt.Errorf("there is no state %q; `intray states` shows them", state))
			}
			if limit < 1 || limit > web.MaxList {
				return usage(fmt.Errorf("--limit must be from 1 to %d", web.MaxList))
			}
			cfg, err := a.load()
			if err != nil {
				return err
			}
			docs, err := listDocuments(cmd.Context(), cfg, state, limit)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(docs)
			}
			return a.printList(docs)
		},
	}
	c.Flags().StringVar(&state, "state", "", "only documents in this state")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().IntVar(&limit, "limit", 100, "at most this many")
	return c
}

func (a *app) showCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "show ID", Short: "Show one document and its history", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			detail, err := showDocument(cmd.Context(), cfg, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(detail)
			}
			return a.printDetail(detail)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func listDocuments(ctx context.Context, cfg *config.Config, state string, limit int) ([]web.Summary, error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if state != "" {
		query.Set("state", state)
	}
	docs := []web.Summary{}
	err := ask(ctx, cfg, "/api/v1/documents?"+query.Encode(), &docs, func(l *ledger.Ledger) error {
		records, err := l.List(ledger.Query{State: ledger.State(state), Limit: limit})
		for _, d := range records {
			docs = append(docs, web.Summarize(d))
		}
		return err
	})
	return docs, err
}

func showDocument(ctx context.Context, cfg *config.Config, id string) (web.Detail, error) {
	var detail web.Detail
	err := ask(ctx, cfg, "/api/v1/documents/"+url.PathEscape(id), &detail, func(l *ledger.Ledger) (err error) {
		detail, err = web.Describe(l, id)
		return err
	})
	return detail, err
}

// ask asks the running daemon, which owns the ledger, and reads the ledger
// itself when no daemon runs.
func ask(ctx context.Context, cfg *config.Config, path string, into any, direct func(*ledger.Ledger) error) error {
	err := askDaemon(ctx, cfg, path, into)
	if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, errNoDaemon) {
		return err
	}
	file := filepath.Join(cfg.DataDir, "ledger.db")
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return &exitError{exitUnreachable, fmt.Errorf("no daemon runs and there is no ledger in %s yet", cfg.DataDir)}
	}
	l, err := ledger.Open(file, ledger.Options{ReadOnly: true})
	if errors.Is(err, ledger.ErrLocked) {
		return &exitError{exitUnreachable, fmt.Errorf("a daemon holds the ledger but does not answer on %q (web.listen)", cfg.Web.Listen)}
	}
	if err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	defer l.Close()
	return direct(l)
}

var errNoDaemon = errors.New("no daemon")

func askDaemon(ctx context.Context, cfg *config.Config, path string, into any) error {
	token, err := os.ReadFile(tokenPath(cfg))
	if cfg.Web.Listen == "" || errors.Is(err, os.ErrNotExist) {
		return errNoDaemon
	}
	if err != nil {
		return fmt.Errorf("read API token (only the service's user may): %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cfg.Web.Listen+path, nil)
	if err != nil {
		return fmt.Errorf("ask daemon: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return &exitError{exitUnreachable, fmt.Errorf("ask daemon: %w", err)}
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
			return fmt.Errorf("read daemon's answer: %w", err)
		}
		return nil
	case http.StatusNotFound:
		return ledger.ErrNotFound
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
	return &exitError{exitUnreachable, fmt.Errorf("the daemon on %s answered %s: %s", cfg.Web.Listen, answer.Status, strings.TrimSpace(string(text)))}
}

func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (a *app) printList(docs []web.Summary) error {
	if len(docs) == 0 {
		fmt.Fprintln(a.out, "No documents.")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DOCUMENT\tSTATE\tRECEIVED\tFOLDER\tFILE\tWHY")
	for _, d := range docs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", d.DocumentID, d.State, d.ReceivedAt.Local().Format(time.DateTime), d.Folder, d.Path, why(d))
	}
	return w.Flush()
}

func why(d web.Summary) string {
	switch {
	case d.DuplicateOf != "":
		return "same content as " + d.DuplicateOf
	case d.Failure != nil && !strings.HasPrefix(d.State, "completed"):
		return d.Failure.Sentence
	}
	return d.Reason
}

func (a *app) printDetail(d web.Detail) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	row("document", d.DocumentID)
	row("state", d.State+" - "+ledger.State(d.State).Meaning())
	row("why", why(d.Summary))
	row("file", d.Path)
	row("folder", d.Folder)
	row("type", d.MIME)
	row("size", fmt.Sprintf("%d bytes", d.Size))
	row("sha256", d.SHA256)
	row("received", d.ReceivedAt.Local().Format(time.DateTime))
	row("engine", d.Engine)
	if d.NotBefore != nil && d.State == string(ledger.FailedRetryable) {
		row("next try", d.NotBefore.Local().Format(time.DateTime))
	}
	for _, o := range d.Outputs {
		row("delivered", o)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.out, "\nhistory")
	for _, e := range d.Events {
		line := fmt.Sprintf("  %s  %s", e.At.Local().Format("2006-01-02 15:04:05.000"), e.To)
		if e.Why != "" {
			line += "  " + e.Why
		}
		fmt.Fprintln(a.out, line)
	}
	return nil
}
