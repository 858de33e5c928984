package handover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"intray/daemon/config"
	"intray/ledger"
)

const (
	// pipeGrace bounds the wait for what a killed command started and left behind.
	pipeGrace = 2 * time.Second
	// mostSaid is how much of what a command says is kept, in bytes.
	mostSaid = 2000
)

// command runs the folder's hook: no shell, the document's JSON on standard
// input, success is exit code 0.
func (d *Desk) command(ctx context.Context, f config.Folder, m ledger.Message, data Data) error {
	limit, cancel := context.WithTimeout(ctx, f.HookTimeout.Std())
	defer cancel()
	cmd := exec.CommandContext(limit, f.Hook[0], f.Hook[1:]...)
	endTogether(cmd)
	cmd.WaitDelay = pipeGrace
	cmd.Env = environment(f, m, data)
	cmd.Stdin = bytes.NewReader(data.Document)
	if file := openJSON(data); file != nil {
		defer file.Close()
		cmd.Stdin = file
	}
	said := &tail{}
	cmd.Stdout, cmd.Stderr = io.Discard, said
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case limit.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("the hook of folder %q took longer than %s (hook_timeout)", f.Name, f.HookTimeout)
	case len(said.text) > 0:
		return &complaint{fmt.Errorf("the hook of folder %q: %w", f.Name, err), strings.TrimSpace(string(said.text))}
	}
	return fmt.Errorf("the hook of folder %q: %w", f.Name, err)
}

// complaint is a hook's failure with what the hook said. That may quote the document,
// which the log must not: it is for the ledger alone.
type complaint struct {
	error
	said string
}

func (c *complaint) Error() string { return c.error.Error() + ": " + c.said }

// Unwrap is the failure without the hook's words.
func (c *complaint) Unwrap() error { return c.error }

// sayable is an error as the log may say it.
func sayable(err error) error {
	if c, ok := errors.AsType[*complaint](err); ok {
		return c.error
	}
	return err
}

// environment is what a program needs to run at all, and the document. The
// message's id stays the same however often it is told.
func environment(f config.Folder, m ledger.Message, data Data) []string {
	var out []string
	for _, name := range []string{"PATH", "HOME", "LANG", "TMPDIR", "TEMP", "TMP", "SystemRoot", "SystemDrive", "PATHEXT", "USERPROFILE"} {
		if value, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+value)
		}
	}
	out = append(out, "INTRAY_DOCUMENT_ID="+data.DocumentID, "INTRAY_STATE="+data.State, "INTRAY_FOLDER="+f.Name,
		"INTRAY_PATH="+data.Path, "INTRAY_MESSAGE_ID="+m.ID, "INTRAY_EVENT="+m.Event, "INTRAY_NAME="+data.Name)
	for _, path := range data.Outputs {
		switch filepath.Ext(path) {
		case ".pdf":
			out = append(out, "INTRAY_PDF="+path)
		case ".json":
			out = append(out, "INTRAY_JSON="+path)
		}
	}
	return out
}

// tail keeps the end of what is written.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if n := len(t.text) - mostSaid; n > 0 {
		t.text = t.text[n:]
	}
	return len(p), nil
}
