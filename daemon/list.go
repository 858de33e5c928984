package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"intray/daemon/config"
	"intray/daemon/web"
	"intray/ledger"
)

func (a *app) listCommand() *cobra.Command {
	var asJSON, unsaid bool
	asked := map[string]*string{}
	c := &cobra.Command{
		Use: "list", Short: "List documents, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			for name, value := range asked {
				if *value != "" {
					query.Set(name, *value)
				}
			}
			if _, err := web.ParseQuery(query); err != nil {
				return usage(err)
			}
			cfg, err := a.load()
			if err != nil {
				return err
			}
			if unsaid {
				return a.listUntold(cmd.Context(), cfg, asJSON)
			}
			return a.list(cmd.Context(), cfg, query, asJSON)
		},
	}
	for name, help := range map[string]string{
		"state": "only documents in this state", "folder": "only documents of this folder",
		"name":  "only files whose name begins with this, sorted by name",
		"since": "only documents received since this day or moment", "until": "only documents received before it",
		"text":  "only documents with these words or this field:value, newest first",
		"limit": "at most this many (default 100)", "cursor": "go on where the last list ended",
	} {
		asked[name] = c.Flags().String(name, "", help)
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&unsaid, "untold", false, "instead of documents, what webhooks, hooks and tables were not told of them")
	return c
}

func (a *app) list(ctx context.Context, cfg *config.Config, query url.Values, asJSON bool) error {
	docs, next, err := listDocuments(ctx, cfg, query)
	if err != nil {
		return err
	}
	if asJSON {
		err = a.printJSON(docs)
	} else {
		err = a.printList(docs)
	}
	if next != "" {
		fmt.Fprintf(a.errs, "There are more: --cursor %s\n", next)
	}
	if err == nil && !asJSON {
		a.hintUntold(ctx, cfg)
	}
	return err
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

func listDocuments(ctx context.Context, cfg *config.Config, query url.Values) (docs []web.Summary, next string, err error) {
	q, err := web.ParseQuery(query)
	if err != nil {
		return nil, "", err
	}
	docs = []web.Summary{}
	answer, err := ask(ctx, cfg, request{path: "/api/v1/documents?" + query.Encode(), into: &docs}, func(l *ledger.Ledger) error {
		if query.Get("text") != "" {
			return &exitError{exitUnreachable, errors.New("words are looked up by the daemon, and none runs")}
		}
		page, err := l.List(q)
		docs, next = web.Summaries(page.Documents), page.Next
		return err
	})
	if errors.Is(err, ledger.ErrCursor) {
		return nil, "", usage(err)
	}
	if answer != nil {
		next = nextCursor(answer.Get("Link"))
	}
	return docs, next, err
}

// nextCursor reads the cursor of a Link header.
func nextCursor(link string) string {
	target, _, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if u, err := url.Parse(target); ok && err == nil {
		return u.Query().Get("cursor")
	}
	return ""
}

func showDocument(ctx context.Context, cfg *config.Config, id string) (web.Detail, error) {
	var detail web.Detail
	_, err := ask(ctx, cfg, request{path: "/api/v1/documents/" + url.PathEscape(id), into: &detail}, func(l *ledger.Ledger) (err error) {
		detail, err = web.Describe(l, id, func(doc ledger.Document) string { return advice(cfg, doc) })
		return err
	})
	return detail, err
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
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", d.DocumentID, d.State, d.ReceivedAt.Local().Format(time.DateTime), d.Folder, brief(printable(d.Path)), printable(why(d)))
	}
	return w.Flush()
}

// longestShown bounds a path in a table, in characters: one long name would push
// the column after it off the screen for all.
const longestShown = 60

// brief keeps the ends of a long path: where it is, and what its name ends in.
func brief(path string) string {
	r := []rune(path)
	if len(r) <= longestShown {
		return path
	}
	const tail = longestShown / 2
	return string(r[:longestShown-tail-1]) + "…" + string(r[len(r)-tail:])
}

func why(d web.Summary) string {
	switch {
	case d.DuplicateOf != "":
		return "same content as " + d.DuplicateOf
	case d.State == string(ledger.Rejected) && d.Reason != "": // what a person said, rather than what was doubted before
		return d.Reason
	case d.Failure != nil && !strings.HasPrefix(d.State, "completed"):
		return d.Failure.Sentence
	}
	return d.Reason
}

func (a *app) printDetail(d web.Detail) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, printable(value))
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
	row("what to do", d.Advice)
	for _, o := range d.Outputs {
		row("delivered", o)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.printParts(d)
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

// printParts tells what a file became, and who is still to be told.
func (a *app) printParts(d web.Detail) {
	if d.Parent != "" {
		fmt.Fprintf(a.out, "part of %s\n", d.Parent)
	}
	if d.Split != nil {
		for _, p := range d.Split.Parts {
			fmt.Fprintf(a.out, "part %s %s: pages %v\n", p.DocumentID, printable(p.Name), p.Pages)
		}
		for _, p := range d.Split.Dropped {
			fmt.Fprintf(a.out, "left out page %d: %s\n", p.Page, printable(p.Why))
		}
	}
	for _, m := range d.Outbox {
		when := "again " + m.NotBefore.Local().Format(time.DateTime)
		if m.Dead {
			when = "given up; intray retry --untold ID tries it again"
		}
		fmt.Fprintf(a.out, "not yet told: %s to %s, %d attempts, %s. %s\n", m.Event, printable(m.To), m.Attempts, when, printable(m.Failure))
	}
}
