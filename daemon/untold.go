package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"intray/daemon/config"
	"intray/daemon/web"
	"intray/ledger"
)

// untold lists what others are still to be told of documents, or could not be.
func untold(ctx context.Context, cfg *config.Config) (messages []web.Untold, err error) {
	_, err = ask(ctx, cfg, request{path: "/api/v1/outbox", into: &messages}, func(l *ledger.Ledger) error {
		messages, err = web.Outbox(l)
		return err
	})
	return messages, err
}

func givenUp(messages []web.Untold) (n int) {
	for _, m := range messages {
		if m.Dead {
			n++
		}
	}
	return n
}

func (a *app) listUntold(ctx context.Context, cfg *config.Config, asJSON bool) error {
	messages, err := untold(ctx, cfg)
	switch {
	case err != nil:
		return err
	case asJSON:
		return a.printJSON(messages)
	case len(messages) == 0:
		fmt.Fprintln(a.out, "Everybody was told everything.")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DOCUMENT\tFILE\tEVENT\tTO\tSINCE\tTRIES\tNEXT TRY\tWHY")
	for _, m := range messages {
		next := m.NotBefore.Local().Format(time.DateTime)
		if m.Dead {
			next = "given up"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", m.DocumentID, printable(m.Path), m.Event, printable(m.To), m.Since.Local().Format(time.DateTime),
			m.Attempts, next, printable(m.Failure))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if n := givenUp(messages); n > 0 {
		fmt.Fprintf(a.errs, "Given up: %d. `intray retry --untold` tells them again, with ID those of one document.\n", n)
	}
	return nil
}

// hintUntold says beside a list of documents that some are known here alone. The
// list is good without it.
func (a *app) hintUntold(ctx context.Context, cfg *config.Config) {
	messages, err := untold(ctx, cfg)
	if n := givenUp(messages); err == nil && n > 0 {
		fmt.Fprintf(a.errs, "Others could not be told of documents. Messages given up: %d. `intray list --untold` names them.\n", n)
	}
}

func (a *app) retryUntold(ctx context.Context, cfg *config.Config, ids []string) error {
	var told web.Told
	r := request{method: http.MethodPost, path: "/api/v1/outbox/retry", body: web.TellRequest{IDs: ids}, into: &told, writes: true}
	_, err := ask(ctx, cfg, r, func(l *ledger.Ledger) (err error) {
		told.Messages, err = tellAgain(l, ids)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "Messages told again now: %d\n", told.Messages)
	return nil
}

// tellAgain makes the messages of these documents due, or those of all.
func tellAgain(l *ledger.Ledger, ids []string) (n int, err error) {
	if len(ids) == 0 {
		return l.RetryMessages("")
	}
	for _, id := range ids {
		doc, err := l.Get(id)
		if err != nil {
			return n, err
		}
		more, err := l.RetryMessages(doc.ID)
		n += more
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// checkTold finds what was given up; where there is no ledger yet nothing was.
func checkTold(ctx context.Context, cfg *config.Config) []finding {
	messages, err := untold(ctx, cfg)
	if code, ok := errors.AsType[*exitError](err); ok && code.code == exitUnreachable {
		return nil
	}
	if err != nil {
		return []finding{{what: "hand-over", problem: fmt.Sprintf("what others were told is not known: %v", err)}}
	}
	if n := givenUp(messages); n > 0 {
		return []finding{{what: "hand-over", problem: fmt.Sprintf("messages about documents given up: %d; see why with `intray list --untold`, then `intray retry --untold`", n)}}
	}
	return []finding{{what: "hand-over", detail: fmt.Sprintf("messages given up: none, waiting: %d", len(messages))}}
}
