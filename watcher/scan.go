package watcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
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
	notify  func() (*fsnotify.Watcher, error)
	tracker *tracker
	watch   *fsnotify.Watcher // nil when notifications cannot be had
	folders map[string]bool   // those that are there, by their path inside
	told    map[saying]bool   // what was said once and is still so
	missing bool
	why     string // it is missing
	// unseen is true when the last sweep found something that only another sweep
	// can tell of, such as a folder that cannot be watched; root is the hot folder as that sweep found it.
	unseen bool
	root   fs.FileInfo
	astray error // why that one must not be looked into, if so

	events   <-chan fsnotify.Event // nil without notifications
	failures <-chan error
}

// saying is a sentence about a path.
type saying struct{ rel, text string }

// idleTimer is the timer's period when no file is waiting; sweeps wake the loop.
const idleTimer = time.Hour

func newScanner(o Options, notify func() (*fsnotify.Watcher, error)) *scanner {
	return &scanner{o: o, notify: notify, tracker: newTracker(o.Settle, o.SettleMax), folders: map[string]bool{}, told: map[saying]bool{}}
}

// listen asks for notifications.
func (s *scanner) listen() {
	if s.o.Mode == Poll {
		return
	}
	w, err := s.notify()
	if err != nil {
		s.once(".", "There are no notifications; the folder is looked at on a timer.", "every", s.o.Sweep, "error", err)
		return
	}
	s.watch, s.events, s.failures = w, w.Events, w.Errors
}

// tick is the sweep's timer. In mode Events it only looks whether there is
// reason for one.
func (s *scanner) tick(ctx context.Context) {
	if s.watch == nil {
		s.listen() // what was lacking, such as a free handle, may be there by now
	} else if s.o.Mode == Events && !s.missing && !s.unseen && s.root != nil {
		if now, err := os.Stat(s.o.Folder); err == nil && os.SameFile(s.root, now) && s.listable() {
			return
		}
	}
	s.sweep(ctx)
}

// listable is whether the hot folder may be read; notifications come from one that may
// not be any more as if nothing were wrong.
func (s *scanner) listable() bool {
	f, err := os.Open(s.o.Folder)
	if err != nil {
		return false
	}
	_ = f.Close() // nothing was read
	return true
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
		out = append(out, s.file(rel, m))
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Rel, b.Rel) })
	return out
}

// answer does what a request asks for.
func (s *scanner) answer(r request) {
	if !r.taken {
		s.tracker.again(r.rel, r.after, time.Now())
		return
	}
	// Without notifications nobody else would notice a name that is cleared and
	// used again, by a file of the same size and age, before the next sweep.
	if _, err := os.Lstat(s.path(r.rel)); errors.Is(err, fs.ErrNotExist) {
		s.tracker.forget(r.rel)
	}
}

func (s *scanner) event(ctx context.Context, e fsnotify.Event) {
	info, err := os.Lstat(e.Name)
	switch {
	case err != nil && filepath.Clean(e.Name) == s.o.Folder:
		s.sweep(ctx) // says so, and what is back already is watched again
	case err != nil:
		s.gone(e.Name)
	case info.IsDir():
		if e.Has(fsnotify.Create) {
			s.walk(ctx, e.Name) // its files may be there already
		}
	default:
		s.look(e.Name, info)
	}
}

// fail is for notifications that were lost: the whole folder is looked at.
func (s *scanner) fail(ctx context.Context, err error) {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		s.o.Log.Warn("Notifications failed; the whole folder is looked at.", "error", err)
	}
	s.sweep(ctx)
}

// gone forgets a path and, if it was a folder, what was in it. A folder may
// have moved: the old watches below it would report under the old name.
func (s *scanner) gone(path string) {
	rel, ok := s.rel(path)
	if !ok {
		return
	}
	s.tracker.forget(rel)
	if !s.folders[rel] {
		return
	}
	for known := range s.tracker.files {
		if strings.HasPrefix(known, rel+"/") {
			s.tracker.forget(known)
		}
	}
	for known := range s.folders {
		if known == rel || strings.HasPrefix(known, rel+"/") {
			s.leave(known)
		}
	}
}

// sweep looks at everything there is and forgets what there is no more.
func (s *scanner) sweep(ctx context.Context) {
	s.unseen = false
	before := s.root
	s.root, _ = os.Stat(s.o.Folder) // the walk says what is wrong with it
	if s.root != nil {
		// On Windows the identity is looked up by name, when asked first: now, not when it
		// may be another's.
		_ = os.SameFile(s.root, s.root)
		// What is astray may be mended at its other end, while the hot folder stays the same.
		if before == nil || !os.SameFile(before, s.root) || s.astray != nil {
			s.astray = s.leadsAstray()
		}
	}
	found := s.walk(ctx, s.o.Folder)
	if ctx.Err() != nil {
		return
	}
	s.reached(found.blind["."])
	for rel := range s.tracker.files {
		if found.lacks(rel) {
			s.tracker.forget(rel)
		}
	}
	for rel := range s.folders {
		if found.lacks(rel) {
			s.leave(rel)
		}
	}
	for said := range s.told {
		if found.lacks(said.rel) {
			delete(s.told, said)
		}
	}
}

// reached notes whether the hot folder could be listed, and says so when that, or
// the reason, changes.
func (s *scanner) reached(err error) {
	if s.o.Reached != nil {
		s.o.Reached(err)
	}
	switch {
	case err != nil && err.Error() != s.why:
		s.o.Log.Error("The hot folder cannot be reached; it is watched again when it is back.", "path", s.o.Folder, "error", err)
	case err == nil && s.missing:
		s.o.Log.Info("The hot folder is back.", "path", s.o.Folder)
	}
	s.missing, s.why = err != nil, ""
	if err != nil {
		s.why = err.Error()
	}
}

// finding is what a walk saw, by paths inside the folder: what is there, and
// which folders could not be listed. What is in those may still be there.
type finding struct {
	seen  map[string]bool
	blind map[string]error
}

// lacks is true for a path that is certainly not there.
func (f finding) lacks(rel string) bool {
	if f.seen[rel] {
		return false
	}
	for dir := rel; dir != "."; {
		dir = path.Dir(dir)
		if f.blind[dir] != nil {
			return false
		}
	}
	return true
}

// walk looks at a folder and all below it.
func (s *scanner) walk(ctx context.Context, root string) finding {
	found := finding{seen: map[string]bool{}, blind: map[string]error{}}
	skip := s.skipped()
	if root == s.o.Folder {
		root += string(filepath.Separator) // the hot folder itself may be a link to one
	}
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return fs.SkipAll
		}
		path = filepath.Clean(path)
		rel, ok := s.rel(path)
		if !ok {
			return nil
		}
		if rel == "." && err == nil {
			err = s.usable(d)
		}
		found.seen[rel] = true
		switch {
		case err != nil:
			s.blind(found, rel, err)
			return fs.SkipDir
		case d.IsDir():
			return s.enter(path, rel, d, skip)
		default:
			s.entry(path, rel, d)
		}
		return nil
	})
	return found
}

// usable is an error for a hot folder that is none, or that may be listed but not
// entered, as `chmod -R 644` leaves one: no file in it can be looked at.
func (s *scanner) usable(d fs.DirEntry) error {
	if !d.IsDir() { // where the separator at its end is no error
		return errors.New("it is not a folder")
	}
	if s.astray != nil {
		return s.astray
	}
	_, err := os.Stat(s.o.Folder + string(filepath.Separator) + ".")
	return err
}

// leadsAstray is an error where one of the folders to skip, which lie elsewhere, would be
// found in the hot folder or as the hot folder: a link was put in its place.
func (s *scanner) leadsAstray() error {
	hot, err := filepath.EvalSymlinks(s.o.Folder)
	if err != nil {
		return nil // the walk will say so
	}
	for _, dir := range s.o.apart {
		info, err := os.Stat(dir)
		if err != nil {
			continue // there is none
		}
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			continue
		}
		rel, err := filepath.Rel(hot, real)
		if inside := err == nil && filepath.IsLocal(rel); inside || os.SameFile(info, s.root) {
			return fmt.Errorf("%s leads to %s, where nothing is to be taken for a scan", s.o.Folder, dir)
		}
	}
	return nil
}

// blind notes a folder that could not be listed. One that vanished meanwhile
// is no such folder, unless it is the hot folder.
func (s *scanner) blind(found finding, rel string, err error) {
	if rel != "." {
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		s.once(rel, "A folder cannot be listed.", "error", err)
		s.unseen = true
	}
	found.blind[rel] = err
}

// entry looks at something in a folder that is no folder.
func (s *scanner) entry(path, rel string, d fs.DirEntry) {
	info, err := d.Info()
	switch {
	case err == nil:
		s.look(path, info)
	case !errors.Is(err, fs.ErrNotExist) && !s.o.Ignore(rel):
		s.once(rel, "A file cannot be looked at.", "error", err)
		s.unseen = true
	}
}

// enter decides about a folder: fs.SkipDir, or watch it and go on.
func (s *scanner) enter(path, rel string, d fs.DirEntry, skip []fs.FileInfo) error {
	if rel != "." {
		info, err := d.Info()
		same := func(other fs.FileInfo) bool { return os.SameFile(info, other) }
		if err != nil || s.o.Ignore(rel) || slices.Contains(s.o.Skip, path) || slices.ContainsFunc(skip, same) {
			return fs.SkipDir
		}
		if looksLikeDocument(rel) {
			s.once(rel, "This is a folder in spite of its name; it is left alone, files in it are taken.")
		}
		s.folders[rel] = true
	}
	if s.watch != nil {
		if err := s.watch.Add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.unseen = true
			s.once(rel, "A folder cannot be watched; it is looked at on a timer.", "error", err)
		}
	}
	return nil
}

// leave ends what enter began.
func (s *scanner) leave(rel string) {
	delete(s.folders, rel)
	if s.watch != nil {
		_ = s.watch.Remove(s.path(rel)) // the system may have done so already
	}
}

// skipped are the folders to skip that exist. Comparing them as files finds
// them under any spelling: letter case, short names, links.
func (s *scanner) skipped() []fs.FileInfo {
	var out []fs.FileInfo
	for _, skip := range s.o.Skip {
		if info, err := os.Stat(skip); err == nil {
			out = append(out, info)
		}
	}
	return out
}

func (s *scanner) look(path string, info fs.FileInfo) {
	rel, ok := s.rel(path)
	if !ok {
		return
	}
	if s.o.Ignore(rel) {
		if s.o.Aside != nil && info.Mode().IsRegular() && s.o.Aside(rel) {
			s.unseen = true
		}
		return
	}
	if !info.Mode().IsRegular() {
		s.tracker.forget(rel)
		s.once(rel, "This is not an ordinary file; it is left alone.", "type", info.Mode().Type().String())
		return
	}
	s.observe(rel, markOf(info))
}

func (s *scanner) observe(rel string, m mark) {
	if s.o.Known != nil && s.tracker.news(rel, m) && s.o.Known(s.file(rel, m)) {
		s.tracker.know(rel, m, time.Now())
		return
	}
	if s.tracker.observe(rel, m, time.Now()) {
		s.o.Log.Warn("A file keeps changing; it is taken when it rests.", "file", rel, "for", s.o.SettleMax)
	}
}

// once says something about a path the first time it is so.
func (s *scanner) once(rel, text string, args ...any) {
	if s.told[saying{rel, text}] {
		return
	}
	s.told[saying{rel, text}] = true
	s.o.Log.Warn(text, append([]any{"file", rel}, args...)...)
}

func (s *scanner) file(rel string, m mark) File {
	return File{Path: s.path(rel), Rel: rel, Size: m.size, ModTime: m.mod, Inode: m.inode, Changed: m.changed}
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
	return mark{size: info.Size(), mod: info.ModTime(), inode: Inode(info), changed: Changed(info)}
}

func looksLikeDocument(rel string) bool {
	return slices.Contains([]string{".pdf", ".tif", ".tiff", ".jpg", ".jpeg", ".png"}, strings.ToLower(path.Ext(rel)))
}
