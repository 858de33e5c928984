package intake

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"intray/daemon/originals"
	"intray/ledger"
	"intray/watcher"
)

// BenchmarkIntake takes in 10,000 files of 100 KiB that lie in a hot folder,
// and in the same run has cp, sha256sum and sync do the same to the same files.
// "ratio" is our speed as a share of theirs: 1 is as fast.
func BenchmarkIntake(b *testing.B) {
	const files, size = 10_000, 100 << 10
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		hot, copies := filepath.Join(dir, "hot"), filepath.Join(dir, "copies")
		if err := errors.Join(os.Mkdir(hot, 0o755), os.Mkdir(copies, 0o755)); err != nil {
			b.Fatal(err)
		}
		data := make([]byte, size)
		for n := range files {
			_, _ = rand.Read(data) // it never fails
			if err := os.WriteFile(filepath.Join(hot, fmt.Sprintf("scan-%05d.pdf", n)), data, 0o644); err != nil {
				b.Fatal(err)
			}
		}
		flush(b)
		theirs := coreutils(b, hot, copies)
		flush(b)
		began := time.Now()
		b.StartTimer()
		takeAll(b, dir, hot, files)
		b.StopTimer()
		ours := time.Since(began)
		b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
		b.ReportMetric(files/ours.Seconds(), "files/s")
		b.StartTimer()
	}
}

func flush(b *testing.B) {
	b.Helper()
	if err := exec.Command("sync").Run(); err != nil {
		b.Skip("skipped: there is no sync here: ", err)
	}
}

// coreutils is cp, sha256sum and sync of all files, as an administrator would
// type it.
func coreutils(b *testing.B, hot, copies string) time.Duration {
	b.Helper()
	began := time.Now()
	for _, line := range []string{`cp -r "$0/." "$1"`, `find "$1" -type f -print0 | xargs -0 sha256sum >/dev/null`, `sync`} {
		if out, err := exec.Command("sh", "-c", line, hot, copies).CombinedOutput(); err != nil {
			b.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	return time.Since(began)
}

// takeAll watches the folder until all files are recorded and gone. They have
// settled for long: the folder is looked at once, and each file is due at once.
func takeAll(b *testing.B, dir, hot string, files int) {
	b.Helper()
	l, err := ledger.Open(filepath.Join(dir, "ledger.db"), ledger.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	store, err := originals.Open(filepath.Join(dir, "originals"))
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	in := &Intake{Ledger: l, Originals: store, Room: &Room{Dir: dir, Log: log}, Owner: "ourselve", Log: log,
		Sniff: func([]byte) string { return "application/pdf" }}
	folder := Folder{Name: "desk", Path: hot, After: Remove, ClaimExpiry: time.Hour}
	w, err := watcher.New(watcher.Options{Folder: hot, Settle: time.Nanosecond, Takers: 8})
	if err != nil {
		b.Fatal(err)
	}
	ctx, done := context.WithCancel(context.Background())
	defer done()
	var taken atomic.Int64
	err = w.Run(ctx, func(f watcher.File) {
		if _, err := in.Take(ctx, folder, f); err != nil {
			b.Error(err)
		}
		if taken.Add(1) == int64(files) {
			done()
		}
	})
	if !errors.Is(err, context.Canceled) || taken.Load() != int64(files) {
		b.Fatalf("%d taken, %v", taken.Load(), err)
	}
}

// BenchmarkKept starts to watch a folder with 100,000 files that were taken
// before and stayed: how long until all are known again.
func BenchmarkKept(b *testing.B) {
	const files = 100_000
	dir := b.TempDir()
	hot := filepath.Join(dir, "hot")
	if err := os.Mkdir(hot, 0o755); err != nil {
		b.Fatal(err)
	}
	l, err := ledger.Open(filepath.Join(dir, "ledger.db"), ledger.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	const lanes = 256
	errs := make(chan error, lanes)
	for lane := range lanes {
		go func() {
			var all error
			for n := lane; n < files; n += lanes {
				name := fmt.Sprintf("scan-%06d.pdf", n)
				path := filepath.Join(hot, name)
				err := os.WriteFile(path, []byte(name), 0o644)
				info, err2 := os.Lstat(path)
				if all = errors.Join(all, err, err2); all != nil {
					break
				}
				f := watcher.File{Size: info.Size(), ModTime: info.ModTime(), Inode: watcher.Inode(info)}
				all = l.See("desk", name, ledger.Sighting{Source: mark(f), DocumentID: ledger.NewID()})
			}
			errs <- all
		}()
	}
	for range lanes {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
	in := &Intake{Ledger: l, Log: slog.New(slog.DiscardHandler)}
	for b.Loop() {
		front, err := NewFront(in, Folder{Name: "desk", Path: hot, After: Keep}, watcher.Options{})
		if err != nil {
			b.Fatal(err)
		}
		ctx, done := context.WithCancel(context.Background())
		known := 0
		w, err := watcher.New(watcher.Options{Folder: hot, Mode: watcher.Poll, Known: func(f watcher.File) bool {
			if !front.known(f) {
				b.Errorf("%s is not known", f.Rel)
			}
			if known++; known == files {
				done()
			}
			return true
		}})
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Run(ctx, func(f watcher.File) { b.Errorf("%s was reported", f.Rel) }); !errors.Is(err, context.Canceled) {
			b.Fatal(err)
		}
		b.ReportMetric(float64(known), "files")
	}
}
