package watcher

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// scanner looks at the folder and feeds the tracker. It belongs to Run's
// goroutine.
type scanner struct {
	o       Options
	tracker *tracker
	watch   *fsnotify.Watcher // nil when notifications cannot be had
	told    map[string]bool   // what was said once and is still so
	missing bool
}

// idleTimer is the timer's period when no file is waiting; sweeps wake the loop.
const idleTimer = time.Hour

func (s *scanner) listen(notify func() (*fsnotify.Watcher, error)) (<-chan fsnotify.Event, <-chan error) {
	w, err := notify()
	if err != nil {
		s.o.Log.Warn("There are no notifications; the folder is looked at on a timer.", "every", s.o.Sweep, "error", err)
		return nil, nil
	}
	s.watch = w
	return w.Events, w.Errors
}

func (s *scanner) deaf() {
	if s.watch != nil {
		_ = s.watch.Close() // nothing is lost with it
	}
}

func (s *scanner) timer() *time.Timer {
	at, ok := s.tracker.next()
	if !ok {
		return time.NewTimer(idleTimer)
	}
	return time.NewTimer(time.Until(at))
}

// due looks at each file that should have settled once more and reports those
// that did not change.
func (s *scanner) due() []File {
	var out []File
	for _, rel := range s.tracker.due(time.Now()) {
		path := s.path(rel)
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() {
			s.tracker.forget(rel)
			continue
		}
		m := markOf(info)
		if !s.tracker.files[rel].mark.equal(m) {
			s.observe(rel, m)
			continue
		}
		s.tracker.report(rel)
		out = append(out, File{Path: path, Rel: rel, Size: m.size, ModTime: m.mod, Inode: m.inode})
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Rel, b.Rel) })
	return out
}

func (s *scanner) event(e fsnotify.Event) {
	info, err := os.Lstat(e.Name)
	switch {
	case err != nil:
		s.gone(e.Name)
	case info.IsDir():
		if e.Has(fsnotify.Create) {
			s.walk(e.Name, nil) // its files may be there already
		}
	default:
		s.look(e.Name, info)
	}
}

// fail is for notifications that were lost: the whole folder is looked at.
func (s *scanner) fail(err error) {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		s.o.Log.Warn("Notifications failed; the whole folder is looked at.", "error", err)
	}
	s.sweep()
}

// gone forgets a path and, if it was a folder, what was in it.
func (s *scanner) gone(path string) {
	rel, ok := s.rel(path)
	if !ok {
		return
	}
	s.tracker.forget(rel)
	delete(s.told, rel)
	for known := range s.tracker.files {
		if strings.HasPrefix(known, rel+"/") {
			s.tracker.forget(known)
		}
	}
}

// sweep looks at everything there is and forgets what there is no more.
func (s *scanner) sweep() {
	if _, err := os.Stat(s.o.Folder); err != nil {
		if !s.missing {
			s.missing = true
			s.o.Log.Error("The hot folder cannot be reached; it is watched again when it is back.", "path", s.o.Folder, "error", err)
		}
		return
	}
	if s.missing {
		s.missing = false
		s.o.Log.Info("The hot folder is back.", "path", s.o.Folder)
	}
	seen := map[string]bool{}
	if !s.walk(s.o.Folder, seen) {
		return // what could not be listed may still be there
	}
	for rel := range s.tracker.files {
		if !seen[rel] {
			s.tracker.forget(rel)
		}
	}
	for rel := range s.told {
		if !seen[rel] {
			delete(s.told, rel)
		}
	}
}

// walk looks at a folder and all below it. complete is false when some of it
// could not be listed.
func (s *scanner) walk(root string, seen map[string]bool) (complete bool) {
	complete = true
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, ok := s.rel(path)
		if seen != nil && ok {
			seen[rel] = true
		}
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				complete = false
				s.once(rel, "A folder cannot be listed.", "error", err)
			}
			return nil
		}
		if d.IsDir() {
			return s.enter(path, rel)
		}
		info, err := d.Info()
		if err == nil {
			s.look(path, info)
		}
		return nil // a file that vanished meanwhile
	})
	return complete
}

func (s *scanner) enter(path, rel string) error {
	if rel != "." {
		if s.o.Ignore(rel) || slices.Contains(s.o.Skip, path) {
			return fs.SkipDir
		}
		if looksLikeDocument(rel) {
			s.once(rel, "This is a folder in spite of its name; it is left alone, files in it are taken.")
		}
	}
	if s.watch != nil {
		if err := s.watch.Add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.once(rel, "A folder cannot be watched; it is looked at on a timer.", "error", err)
		}
	}
	return nil
}

func (s *scanner) look(path string, info fs.FileInfo) {
	rel, ok := s.rel(path)
	if !ok || s.o.Ignore(rel) {
		return
	}
	for _, skip := range s.o.Skip {
		if strings.HasPrefix(path, skip+string(filepath.Separator)) {
			return
		}
	}
	if !info.Mode().IsRegular() {
		s.tracker.forget(rel)
		s.once(rel, "This is not an ordinary file; it is left alone.", "type", info.Mode().Type().String())
		return
	}
	s.observe(rel, markOf(info))
}

func (s *scanner) observe(rel string, m mark) {
	if s.tracker.observe(rel, m, time.Now()) {
		s.o.Log.Warn("A file keeps changing; it is taken when it rests.", "file", rel, "for", s.o.SettleMax)
	}
}

// once says something about a path the first time it is so.
func (s *scanner) once(rel, text string, args ...any) {
	if s.told[rel] {
		return
	}
	s.told[rel] = true
	s.o.Log.Warn(text, append([]any{"file", rel}, args...)...)
}

func (s *scanner) path(rel string) string {
	return filepath.Join(s.o.Folder, filepath.FromSlash(rel))
}

func (s *scanner) rel(path string) (string, bool) {
	rel, err := filepath.Rel(s.o.Folder, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

func markOf(info fs.FileInfo) mark {
	return mark{size: info.Size(), mod: info.ModTime(), inode: Inode(info)}
}

func looksLikeDocument(rel string) bool {
	return slices.Contains([]string{".pdf", ".tif", ".tiff", ".jpg", ".jpeg", ".png"}, strings.ToLower(filepath.Ext(rel)))
}
