package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"intray/daemon/config"
	"intray/daemon/originals"
	"intray/daemon/pipeline"
	"intray/daemon/review"
	"intray/daemon/web"
	"intray/ledger"
)

func (a *app) approveCommand() *cobra.Command {
	var confirm bool
	c := &cobra.Command{
		Use: "approve ID", Short: "Release a document in review", Args: cobra.ExactArgs(1),
		Long: "Delivers a document in review to the output folder, as moving its bundle into review/approve does.\n" +
			"Corrections saved in the bundle's fields.txt count.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decide(cmd.Context(), args[0], review.Approve, web.DecisionRequest{Confirm: confirm})
		},
	}
	c.Flags().BoolVar(&confirm, "confirm", false, "release it although a rule of its class does not hold")
	return c
}

func (a *app) rejectCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "reject ID --reason R", Short: "Refuse a document in review", Args: cobra.ExactArgs(1),
		Long: "Puts the original and the reason into the failed folder, as moving its bundle into review/reject does.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decide(cmd.Context(), args[0], review.Reject, web.DecisionRequest{Reason: reason})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever finds it in the failed folder")
	return c
}

func (a *app) againCommand() *cobra.Command {
	var engine string
	c := &cobra.Command{
		Use: "again ID", Short: "Have a document in review read once more", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decide(cmd.Context(), args[0], review.Again, web.DecisionRequest{Engine: engine})
		},
	}
	c.Flags().StringVar(&engine, "engine", "", "begin with this engine of the document's folder")
	return c
}

// decide asks the running daemon, or carries the decision out itself.
func (a *app) decide(ctx context.Context, id, verb string, q web.DecisionRequest) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	var doc web.Summary
	r := request{method: http.MethodPost, path: "/api/v1/documents/" + url.PathEscape(id) + "/" + verb, body: q, into: &doc, writes: true, long: true}
	_, err = ask(ctx, cfg, r, func(l *ledger.Ledger) error {
		p, err := clerkPipeline(cfg, l, newLog(&console{w: a.errs}, slog.LevelWarn))
		if err != nil {
			return err
		}
		next, err := decide(ctx, p, id, verb, "command line", q)
		doc = web.Summarize(next)
		return err
	})
	if err != nil {
		return refused(err)
	}
	fmt.Fprintf(a.out, "%s  %s  %s\n", doc.DocumentID, doc.State, printable(doc.Path))
	return nil
}

// clerkPipeline is as much of the pipeline as decisions need: no workers.
func clerkPipeline(cfg *config.Config, l *ledger.Ledger, log *slog.Logger) (*pipeline.Pipeline, error) {
	owner, err := ownerName(l, cfg.DataDir)
	if err != nil {
		return nil, err
	}
	classes, err := compileClasses(cfg)
	if err != nil {
		return nil, err
	}
	p := &pipeline.Pipeline{Classes: classes, Config: cfg, Ledger: l, Originals: originals.View(filepath.Join(cfg.DataDir, "originals")),
		WorkDir: workDir(cfg), Owner: owner, Log: log}
	p.PrepareDesk()
	return p, nil
}

func workDir(cfg *config.Config) string { return filepath.Join(cfg.DataDir, "work") }

// decide carries a decision out that came by command, with what stands in the
// bundle's fields.txt and what came with it.
func decide(ctx context.Context, p *pipeline.Pipeline, id, verb, actor string, q web.DecisionRequest) (ledger.Document, error) {
	doc, outcome, err := carryOut(ctx, p, id, verb, actor, q, nil)
	if err != nil || len(outcome.Objections) == 0 {
		return doc, err
	}
	var sentences []string
	for _, o := range outcome.Objections {
		sentences = append(sentences, o.Sentence)
	}
	return doc, fmt.Errorf("%w: %s", web.ErrRefused, strings.Join(sentences, " "))
}

// carryOut is decide with the objections apart, which stand in the bundle's
// fields.txt as well. same, if given, refuses when the document or that text is
// another than the person saw.
func carryOut(ctx context.Context, p *pipeline.Pipeline, id, verb, actor string, q web.DecisionRequest,
	same func(ledger.Document, review.Order) error) (ledger.Document, review.Outcome, error) {
	none := review.Outcome{}
	doc, err := p.Ledger.Get(id)
	if err != nil {
		return doc, none, err
	}
	if doc.State != ledger.NeedsHumanReview || len(doc.Outputs) == 0 {
		return doc, none, fmt.Errorf("%w: %s is %s (%s); only what is in review can be decided on", web.ErrRefused, doc.ID, doc.State, doc.State.Meaning())
	}
	bundle := doc.Outputs[0]
	order, text, err := review.OrderFor(doc.ID, doc.AttemptID, bundle, verb, actor)
	if errors.Is(err, review.ErrDecided) {
		return doc, none, fmt.Errorf("%w: %w", web.ErrRefused, err)
	}
	if err != nil {
		return doc, none, err
	}
	if same != nil {
		if err := same(doc, order); err != nil {
			return doc, none, err
		}
	}
	order.Confirm, order.Engine = order.Confirm || q.Confirm, q.Engine
	if q.Reason != "" {
		order.Reason = q.Reason
	}
	for _, name := range slices.Sorted(maps.Keys(q.Fields)) { // they count more than the file
		order.Edits = slices.DeleteFunc(order.Edits, func(e review.Edit) bool { return e.Name == name })
		order.Edits = append(order.Edits, review.Edit{Name: name, Value: q.Fields[name]})
	}
	outcome, err := review.CarryOut(ctx, p, order, text)
	if errors.Is(err, review.ErrDecided) || errors.Is(err, pipeline.ErrMayNotRead) || errors.Is(err, pipeline.ErrNoFolder) {
		return doc, none, fmt.Errorf("%w: %w", web.ErrRefused, err)
	}
	if err != nil || len(outcome.Objections) == 0 {
		return outcome.Document, outcome, err
	}
	return doc, outcome, review.Objected(bundle, text, outcome)
}
