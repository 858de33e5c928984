package intake

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"intray/daemon/durable"
	"intray/watcher"
)

// A claim is a file renamed, where it stands, to a name of ours: of several
// Intrays that watch one folder, the file system lets only one rename it. From
// then on nobody who opens the old name can change what was stored, and the
// name is free for the scanner's next file. The claim ends, moments later,
// with the file's removal, or the file gets its name back.
//
//	.intray-claim-OWNER-NONCE~NAME
type claimed struct {
	path, rel string // where the file is now
	home      string // its path inside the folder before; "" if nothing was renamed
}

const (
	claimPrefix = ".intray-claim-"
	// takenPrefix begins the name of the empty file that tells a claim's owner
	// that it was taken over: .intray-taken-OWNER-NONCE
	takenPrefix = ".intray-taken-"
	// oldMark is when a mark is removed whose owner never came back.
	oldMark = 90 * 24 * time.Hour
	// longestName is what most file systems allow, in bytes.
	longestName = 255
)

// OwnerLength is the length of an owner's name in a claim.
const OwnerLength = 8

// claimName makes the name of a claim; a name too long to be kept whole loses
// characters before its extension.
func claimName(owner, name string) string {
	prefix := claimPrefix + owner + "-" + rand.Text()[:8] + "~"
	room := longestName - len(prefix)
	if len(name) <= room {
		return prefix + name
	}
	ext := path.Ext(name)
	if len(ext) > 16 {
		ext = ""
	}
	stem := name[:room-len(ext)]
	for !utf8.ValidString(stem) && utf8.ValidString(name) {
		stem = stem[:len(stem)-1]
	}
	return prefix + stem + ext
}

// parseClaim reads what claimName wrote.
func parseClaim(base string) (owner, name string, ok bool) {
	rest, ok := strings.CutPrefix(base, claimPrefix)
	if !ok {
		return "", "", false
	}
	head, name, ok := strings.Cut(rest, "~")
	// A name that is not taken was never claimed: what looks like it is no claim,
	// and ".." would lead out of the folder.
	if !ok || watcher.DefaultIgnore(name) || len(head) <= OwnerLength || head[OwnerLength] != '-' {
		return "", "", false
	}
	return head[:OwnerLength], name, true
}

// claim renames the file to a name of ours, unless its folder keeps its files
// or allows no renaming: then the record alone says that it was taken.
func (in *Intake) claim(folder Folder, f watcher.File) (claimed, error) {
	plain := claimed{path: f.Path, rel: ""}
	if folder.After == Keep {
		return plain, nil
	}
	rel := path.Join(path.Dir(f.Rel), claimName(in.Owner, path.Base(f.Rel)))
	c := in.hand(folder, rel, f.Rel)
	switch err := os.Rename(f.Path, c.path); {
	case errors.Is(err, fs.ErrNotExist):
		in.unhand(c)
		return plain, ErrGone
	case err != nil:
		in.unhand(c)
		if readOnly(err) {
			return plain, nil
		}
		return plain, &Again{After: soon, Reason: "the file cannot be claimed", Cause: err}
	}
	info, err := os.Lstat(c.path)
	if err == nil && sameMark(mark(f), info) {
		return c, nil
	}
	// Somebody put another file under the name in the last moment.
	again := &Again{Reason: "the file changed while it was taken", Cause: err}
	return plain, errors.Join(again, in.giveBack(folder, c))
}

// hand notes that a claim is being worked on, so that Aside leaves it alone.
// home is the file's own path inside the folder.
func (in *Intake) hand(folder Folder, rel, home string) claimed {
	c := claimed{path: filepath.Join(folder.Path, filepath.FromSlash(rel)), rel: rel, home: home}
	if rel == home {
		c.rel = ""
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.claims == nil {
		in.claims = map[string]bool{}
	}
	in.claims[c.path] = true
	return c
}

func (in *Intake) unhand(c claimed) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.claims, c.path)
}

func (in *Intake) inHand(path string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.claims[path]
}

// giveBack gives a claimed file its name again, or one beside it if that is
// taken by now. One that is gone is no error.
func (in *Intake) giveBack(folder Folder, c claimed) error {
	if c.rel == "" {
		return nil
	}
	defer in.unhand(c)
	home := filepath.Join(folder.Path, filepath.FromSlash(c.home))
	ext := filepath.Ext(home)
	stem, err := strings.TrimSuffix(home, ext), error(nil)
	for n := 1; n < 1000; n++ {
		err = durable.RenameNoReplace(c.path, home)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
		home = fmt.Sprintf("%s (%d)%s", stem, n+1, ext)
	}
	in.Log.Error("A file in the hot folder has a hidden name and cannot get its own back; rename it by hand.",
		"file", c.path, "name", home, "error", err)
	return nil
}

// mark is the path of the file that says that the claim was taken over; "" for
// what is no claim.
func (c claimed) mark() string {
	dir, base := filepath.Split(c.path)
	head, _, ok := strings.Cut(strings.TrimPrefix(base, claimPrefix), "~")
	if !ok || c.rel == "" {
		return ""
	}
	return filepath.Join(dir, takenPrefix+head)
}

func (c claimed) takenOver() bool {
	mark := c.mark()
	if mark == "" {
		return false
	}
	_, err := os.Lstat(mark)
	return err == nil
}

// asideMark removes marks that nobody needs any more.
func (in *Intake) asideMark(folder Folder, rel string, now time.Time) {
	head, ok := strings.CutPrefix(path.Base(rel), takenPrefix)
	where := filepath.Join(folder.Path, filepath.FromSlash(rel))
	info, err := os.Lstat(where)
	if !ok || err != nil || !strings.HasPrefix(head, in.Owner+"-") && now.Sub(info.ModTime()) < oldMark {
		return
	}
	docs, err := in.Ledger.Uncleared(folder.Name)
	for _, doc := range docs {
		if strings.Contains(string(doc.Claim), head) {
			return // to be dealt with
		}
	}
	if err == nil {
		_ = os.Remove(where) // the next sweep sees it again
	}
}

// leaveMark tells a claim's owner, should it come back, that the file is its
// own no more. It comes before the file gets its name back.
func leaveMark(folder Folder, rel string) error {
	c := claimed{path: filepath.Join(folder.Path, filepath.FromSlash(rel)), rel: rel}
	f, err := os.OpenFile(c.mark(), os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	return f.Close()
}

// sightings remembers since when claims of others have been seen.
type sightings map[string]time.Time

// note keeps a sighting, and drops old ones when there are many: most claims
// are seen once and end.
func (s sightings) note(rel string, now time.Time, expiry time.Duration) {
	if len(s) >= 1000 {
		for old, since := range s {
			if now.Sub(since) > 2*expiry {
				delete(s, old)
			}
		}
	}
	s[rel] = now
}

// aside deals with a claim found in the folder: one of ours that a crash left
// is finished or given back at once, another's when it has shown no end for
// as long as the folder allows. No clock but ours is asked.
func (in *Intake) aside(folder Folder, rel string, seen sightings, now time.Time) (again bool) {
	in.asideMark(folder, rel, now)
	owner, name, ok := parseClaim(path.Base(rel))
	where := filepath.Join(folder.Path, filepath.FromSlash(rel))
	if !ok || in.inHand(where) {
		return ok
	}
	if owner != in.Owner {
		if since, known := seen[rel]; !known {
			seen.note(rel, now, folder.ClaimExpiry)
			return true
		} else if now.Sub(since) < folder.ClaimExpiry {
			return true
		}
		if err := leaveMark(folder, rel); err != nil {
			in.Log.Error("Another Intray claimed a file and did not finish; it cannot be taken over.", "folder", folder.Name, "file", name, "error", err)
			seen.note(rel, now, folder.ClaimExpiry) // and tried again when as much time has passed
			return true
		}
		in.Log.Warn("Another Intray claimed a file and did not finish; it is taken over.", "folder", folder.Name, "file", name)
	}
	c := in.hand(folder, rel, path.Join(path.Dir(rel), name))
	if doc, found := in.recorded(folder, c); found && owner == in.Owner {
		if err := in.clear(folder, c, doc); err != nil {
			in.Log.Warn("A file that was taken in cannot be cleared from its hot folder yet.", "document", doc.ID, "file", doc.Path, "error", err)
		}
		return false
	}
	_ = in.giveBack(folder, c) // says itself what went wrong
	return false
}
