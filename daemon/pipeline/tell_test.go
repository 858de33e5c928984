package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"intray/daemon/config"
	"intray/ledger"
)

// TestUnwritten names the disk that is full, which need not be that of the results.
func TestUnwritten(t *testing.T) {
	work, review := filepath.FromSlash("/data/work"), filepath.FromSlash("/share/review")
	for name, c := range map[string]struct {
		err        error
		says, hide string
	}{
		"work is full":   {fmt.Errorf("write: %w", &fs.PathError{Op: "write", Path: filepath.Join(work, "x", "about.json"), Err: syscall.ENOSPC}), work + ": the disk is full", review},
		"review is full": {&fs.PathError{Op: "write", Path: filepath.Join(review, "x"), Err: syscall.ENOSPC}, review + ": the disk is full", work},
		"forbidden":      {&fs.PathError{Op: "open", Path: filepath.Join(work, "x"), Err: syscall.EACCES}, review + ".", "full"},
	} {
		if got := unwritten(review, work, c.err); !strings.Contains(got, c.says) || strings.Contains(got, c.hide) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestSayable: names that deliver_as makes are made of field values, which the log
// does not say.
func TestSayable(t *testing.T) {
	out := filepath.FromSlash("/share/out")
	place := filepath.Join(out, "ACME", "R-1.pdf")
	for template, hidden := range map[string]bool{"{seller_name}/{invoice_number}": true, "": false} {
		folder := config.Folder{Name: "desk", Output: out}
		if err := folder.DeliverAs.UnmarshalText([]byte(template)); err != nil {
			t.Fatal(err)
		}
		a := &attempt{Pipeline: &Pipeline{Config: &config.Config{Folders: []config.Folder{folder}}}, folder: folder, doc: ledger.Document{Folder: "desk"}}
		said := []string{a.sayablePath(place)}
		for _, err := range []error{&fs.PathError{Op: "open", Path: place, Err: fs.ErrPermission}, &os.LinkError{Op: "rename", Old: place, New: place, Err: fs.ErrPermission}} {
			said = append(said, a.sayable(fmt.Errorf("publish: %w", err)).Error())
		}
		for _, s := range said {
			if strings.Contains(s, "ACME") == hidden {
				t.Errorf("with %q the log says %q", template, s)
			}
		}
	}
	if a := (&attempt{}); a.sayable(nil) != nil || a.sayable(errors.ErrUnsupported) != errors.ErrUnsupported {
		t.Error("an error without a path is another")
	}
}
