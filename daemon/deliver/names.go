package deliver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"intray/daemon/document"
	"intray/daemon/durable"
)

// maxNames bounds the search for a free name.
const maxNames = 10_000

// variant is the n-th name for a stem: 0 is the stem itself, 1 adds the first
// eight characters of the original's SHA-256, further ones a number. Those have at
// most so many bytes.
func variant(stem, sum string, n, most int) string {
	mark := "-" + sum[:min(8, len(sum))]
	switch n {
	case 0:
		return stem
	case 1:
	default:
		mark += fmt.Sprintf("-%d", n)
	}
	return cut(stem, most-len(mark)) + mark
}

// reserve finds a name under which nothing stands yet and no other delivery in
// hand is about to put something. Bundle folders always carry the hash.
func (d *Desk) reserve(r Request, suffixes []string) (string, error) {
	first, most := 0, LongestName
	for _, s := range suffixes {
		most = min(most, LongestName-len(s))
	}
	if r.Folder || len(r.Stem) > most {
		first = 1
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reserved == nil {
		d.reserved = map[string]string{}
	}
	for n := first; n < maxNames; n++ {
		stem := variant(r.Stem, r.SHA256, n, most)
		key := filepath.Join(r.Dir, stem)
		if holder, busy := d.reserved[key]; busy && holder != r.DocumentID {
			continue
		}
		switch ok, err := free(r.Dir, stem, suffixes); {
		case err != nil:
			return "", fmt.Errorf("find a name: %w", err)
		case ok:
			d.reserved[key] = r.DocumentID
			return stem, nil
		}
	}
	return "", fmt.Errorf("no name is free for %s in %s", r.Stem, r.Dir)
}

func free(dir, stem string, suffixes []string) (bool, error) {
	for _, s := range suffixes {
		if _, err := os.Lstat(filepath.Join(dir, stem+s)); !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return true, nil
}

// taken is true when nothing of the plan is published yet and one of its names
// is no longer free.
func (d *Desk) taken(p Plan) bool {
	for _, i := range p.Items {
		if _, err := os.Lstat(p.temp(i)); err != nil {
			return false
		}
	}
	for _, i := range p.Items {
		if there, err := os.Lstat(filepath.Join(p.Dir, i.Final)); err == nil && !p.isOurs(i, there) {
			return true
		}
	}
	return false
}

// isOurs is true for a file under a final name that is the temporary one itself:
// where a rename is made of a link and a removal, a crash can part them.
func (p Plan) isOurs(i Item, there fs.FileInfo) bool {
	temp, err := os.Lstat(p.temp(i))
	return err == nil && !temp.IsDir() && os.SameFile(temp, there)
}

// rename gives the whole plan another name, inside the JSON too.
func (d *Desk) rename(p Plan) (Plan, error) {
	suffixes, base := make([]string, len(p.Items)), p.Stem
	for i, item := range p.Items {
		suffixes[i] = item.Suffix
	}
	out := p
	out.Items = append([]Item(nil), p.Items...)
	var err error
	out.Stem, err = d.reserve(Request{DocumentID: p.Items[0].Temp, Dir: p.Dir, Stem: base, SHA256: p.SHA256}, suffixes)
	if err != nil {
		return out, err
	}
	for i := range out.Items {
		item := &out.Items[i]
		item.Final = out.Stem + item.Suffix
		if item.Suffix == ".json" {
			if err := renameInside(p.temp(*item), out.Stem); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// IsOf is true for a delivered JSON that tells the document's id: a file of that
// name may be somebody else's by now.
func IsOf(path, documentID string) bool {
	var head struct {
		DocumentID string `json:"document_id"`
	}
	data, err := os.ReadFile(path)
	return err == nil && json.Unmarshal(data, &head) == nil && head.DocumentID == documentID
}

// Regular is true for a file. Others can write where results lie: a link may lead
// anywhere, and opening a pipe would wait without end.
func Regular(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

// renameInside changes the names in a staged JSON.
func renameInside(path, to string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read staged JSON: %w", err)
	}
	doc, err := document.Decode(data)
	if err != nil {
		return fmt.Errorf("read staged JSON: %w", err)
	}
	for _, name := range []*string{&doc.Files.PDF, &doc.Files.Text} {
		if *name != "" { // whatever it is: a crash may have come after an earlier renaming
			*name = to + filepath.Ext(*name)
		}
	}
	if data, err = document.Encode(doc); err != nil {
		return fmt.Errorf("encode document: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read staged JSON: %w", err)
	}
	return durable.WriteFile(path, data, info.Mode().Perm())
}
