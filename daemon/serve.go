package daemon

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"time"

	"intray/daemon/config"
	"intray/daemon/pipeline"
	"intray/daemon/web"
	"intray/daemon/web/access"
	"intray/daemon/webhooks"
	"intray/ledger"
)

// serve answers on the local page's address until ctx is done.
func (h *house) serve(ctx context.Context, served chan<- error) error {
	if h.cfg.Web.Listen == "" {
		served <- nil
		return nil
	}
	server, err := h.server()
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", h.cfg.Web.Listen)
	if err != nil {
		// Scans must go on even when the port is taken.
		h.log.Error("The local page and API are off: the address cannot be used. It is tried again.", "listen", h.cfg.Web.Listen, "error", err)
	}
	go func() {
		if l == nil {
			if l = listenLater(ctx, h.cfg.Web.Listen); l == nil {
				served <- nil
				return
			}
			h.log.Info("The local page and API are on.", "listen", h.cfg.Web.Listen)
		}
		served <- server.Serve(ctx, l)
	}()
	return nil
}

// listenLater listens as soon as the address can be used; it returns nil when ctx is done.
func listenLater(ctx context.Context, address string) net.Listener {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address); err == nil {
			return l
		}
	}
}

// server is the web side with all that the house lets it do.
func (h *house) server() (*web.Server, error) {
	token, err := web.Token(tokenPath(h.cfg))
	if err != nil {
		return nil, err
	}
	certificate, err := certificateOf(h.cfg.Web)
	if err != nil {
		return nil, err
	}
	pages, err := h.pages()
	if err != nil {
		return nil, err
	}
	var finder web.Search
	if h.search != nil {
		finder = h
	}
	return &web.Server{Site: pages, Ledger: h.ledger, Search: finder, Sessions: h.signedIn, Metrics: h.metrics.Handler(h.log), Address: h.cfg.Web.Listen, Hosts: h.cfg.Web.Hosts, Token: token, Users: usersOf(h.cfg.Web),
		Certificate: certificate, Ready: h.ready.Load, Trouble: h.trouble, Advice: func(doc ledger.Document) string { return advice(h.cfg, doc) }, Folders: uploadFolders(h.cfg), Actions: h.actions(), Events: h.events, Log: h.log}, nil
}

// certificateOf is nil where the page is not served by https.
func certificateOf(w config.Web) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	if w.TLSCert == "" {
		return nil, nil
	}
	certificates, err := webhooks.LoadCertificates(w.TLSCert, w.TLSKey)
	if err != nil {
		return nil, usage(fmt.Errorf("web.tls_cert: %w", err))
	}
	return certificates.Get, nil
}

func usersOf(w config.Web) []web.User {
	var out []web.User
	for _, u := range w.Users {
		role, _ := access.Named(u.Role) // it was checked
		out = append(out, web.User{Name: u.Name, Role: role, Password: u.Password.Reveal})
	}
	return out
}

func uploadFolders(cfg *config.Config) []web.Folder {
	var out []web.Folder
	for _, f := range cfg.Folders {
		out = append(out, web.Folder{Name: f.Name, MaxBytes: int64(cmp.Or(f.MaxFileMB, cfg.Limits.MaxFileMB)) << 20})
	}
	return out
}

// retry has a document tried again, with an engine that its folder lets read it.
func (h *house) retry(id, actor, engine string) (ledger.Document, error) {
	doc, err := h.ledger.Get(id)
	if err == nil {
		err = h.pipeline.MayRead(doc, engine)
	}
	if errors.Is(err, pipeline.ErrMayNotRead) || errors.Is(err, pipeline.ErrNoFolder) {
		return doc, fmt.Errorf("%w: %w", web.ErrRefused, err)
	}
	if err != nil {
		return doc, err
	}
	return retryDocument(h.ledger, h.originals, h.log, id, actor, engine)
}

// actions is what the API can have done.
func (h *house) actions() web.Actions {
	return web.Actions{
		Retry: h.retry,
		Tell:  func(ids []string) (int, error) { return tellAgain(h.ledger, ids) },
		Decide: func(ctx context.Context, id, verb string, q web.DecisionRequest) (ledger.Document, error) {
			return decide(ctx, h.pipeline, id, verb, access.Of(ctx).Name, q)
		},
		Purge: func(ctx context.Context, ids []string, dry bool) (any, error) {
			return purge(ctx, h.purger(), ids, access.Of(ctx).Name, dry)
		},
		Upload: h.upload, File: h.file,
		Backup: h.ledger.Backup,
		Report: func(since, until string) (any, error) {
			q, err := reportPeriod(since, until, time.Now())
			if err != nil {
				return nil, &web.Said{Kind: web.ErrQuestion, Sentence: err.Error()}
			}
			return makeReport(h.cfg, h.ledger, q, h.kinds)
		},
		Stats: func() (any, error) {
			s, err := statsOf(h.ledger, slices.Sorted(maps.Keys(h.services)), h.services)
			c := h.condition()
			s.Configuration = &c
			s.Running, s.Intake = true, &intakeStats{Paused: h.room.Paused(), Waiting: h.hotFiles(), Away: h.awayFolders()}
			return s, err
		},
	}
}

func tokenPath(cfg *config.Config) string { return filepath.Join(cfg.DataDir, "api-token") }
