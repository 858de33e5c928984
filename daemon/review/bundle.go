package review

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"intray/daemon/document"
	"intray/daemon/durable"
	"intray/daemon/fault"
)

// Manifest is what was delivered in a bundle, by name: sizes in bytes, and
// SHA-256.
type Manifest struct {
	Files map[string]int64  `json:"files"`
	Sums  map[string]string `json:"sums"`
}

// ManifestOf lists a bundle as it is about to be delivered.
func ManifestOf(dir string) (Manifest, error) {
	m := Manifest{Files: map[string]int64{}, Sums: map[string]string{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return m, fmt.Errorf("list bundle: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return m, fmt.Errorf("list bundle: %w", err)
		}
		m.Files[e.Name()] = info.Size()
		if m.Sums[e.Name()], err = durable.SHA256(filepath.Join(dir, e.Name())); err != nil {
			return m, fmt.Errorf("list bundle: %w", err)
		}
	}
	return m, nil
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// bundle is something that lies in a folder for decisions.
type bundle struct {
	path, verb string
	folder     bool
	// loose is true for a fields.txt that was moved alone.
	loose       bool
	id, attempt string // "" when they are not told
	text        []byte // of fields.txt; nil if there is none
	textPath    string
	// others are texts that tell a document's id beside fields.txt: what a person
	// saved under another name.
	others   []string
	headName string   // of the JSON that told the ids
	names    []string // of regular files: nothing else is opened
	sizes    map[string]int64
	// marks change when a file in it does.
	marks string
	since time.Time
}

func (b *bundle) of(attempt string) bool { return b.attempt == "" || b.attempt == attempt }

// readBundle reads what tells whose it is. Links are not followed.
func readBundle(path, verb string) (*bundle, error) {
	b := &bundle{path: path, verb: verb, sizes: map[string]int64{}}
	info, err := os.Lstat(path)
	if err != nil {
		return b, err
	}
	if info.Mode().IsRegular() {
		return b, b.readLoose(info)
	}
	if !info.IsDir() {
		return b, nil
	}
	b.folder = true
	entries, err := os.ReadDir(path)
	if err != nil {
		return b, err
	}
	var marks strings.Builder
	for _, e := range entries {
		if ofSystem(e.Name()) || e.Name() == NoteFile {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return b, err
		}
		if info.Mode().IsRegular() {
			b.names = append(b.names, e.Name())
			b.sizes[e.Name()] = info.Size()
		}
		fmt.Fprintf(&marks, "%s %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
	}
	b.marks = marks.String()
	return b, b.identify()
}

// identify finds the document's id: in its JSON, whatever that is called by now,
// or else in fields.txt.
func (b *bundle) identify() error {
	for _, name := range b.names {
		path := filepath.Join(b.path, name)
		if strings.EqualFold(name, FieldsFile) {
			text, err := readSmall(path)
			if err != nil {
				return err
			}
			b.text, b.textPath = text, path
		} else if strings.EqualFold(filepath.Ext(name), ".txt") {
			text, err := readSmall(path)
			if err != nil {
				return err
			}
			if ParseFields(text).DocumentID != "" {
				b.others = append(b.others, name)
			}
		}
		if b.attempt == "" && strings.EqualFold(filepath.Ext(name), ".json") {
			if err := b.readHead(path); err != nil {
				return err
			}
			if b.attempt != "" {
				b.headName = name
			}
		}
	}
	if b.id == "" {
		b.id = ParseFields(b.text).DocumentID
	}
	return nil
}

func (b *bundle) readLoose(info fs.FileInfo) error {
	b.marks = fmt.Sprint(info.Size(), info.ModTime().UnixNano())
	if !strings.EqualFold(filepath.Ext(b.path), ".txt") {
		return nil
	}
	text, err := readSmall(b.path)
	if err != nil {
		return err
	}
	if b.id = ParseFields(text).DocumentID; b.id != "" {
		b.loose, b.text, b.textPath = true, text, b.path
	}
	return nil
}

// readSmall reads a file up to the size of what fields.txt may be, and a byte
// more.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, largest+1))
}

// headSize bounds in bytes how much of a JSON is read for the ids: they stand at
// its beginning.
const headSize = 64 << 10

// readHead reads the ids from a document's JSON. The file may be large and may
// be half there: its beginning is enough.
func (b *bundle) readHead(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(io.LimitReader(f, headSize))
	var schema, id, attempt string
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil
	}
	for schema == "" || id == "" || attempt == "" {
		key, err := d.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil
		}
		switch key {
		case "schema":
			err = json.Unmarshal(value, &schema)
		case "document_id":
			err = json.Unmarshal(value, &id)
		case "attempt_id":
			err = json.Unmarshal(value, &attempt)
		}
		if err != nil {
			return nil
		}
	}
	if schema == document.Schema {
		b.id, b.attempt = id, attempt
	}
	return nil
}

// complete is true when all that was delivered is there again, in full.
// fields.txt may have changed.
func (b *bundle) complete(m Manifest) bool {
	for name, size := range m.Files {
		if have, ok := b.sizes[name]; !ok || name != FieldsFile && have != size {
			return false
		}
	}
	return true
}

// by is who decided, as far as the files tell: the owner of a text that was
// edited.
func (b *bundle) by(m Manifest) string {
	if b.text != nil && sumOf(b.text) != m.Sums[FieldsFile] {
		if owner := ownerOf(b.textPath); owner != "" {
			return owner
		}
	}
	return "review folder"
}

// goBack answers in the text and puts the bundle back to where it was delivered,
// or beside that if somebody else has the name by now.
func (b *bundle) goBack(home string, text Text, outcome Outcome, manifest Manifest) error {
	if b.loose {
		return b.textBack(home, text, outcome, manifest.Sums[FieldsFile])
	}
	path := b.textPath
	if path == "" {
		path = filepath.Join(b.path, FieldsFile)
	}
	if err := text.answer(path, outcome); err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(b.path, NoteFile)) // it may be there
	fault.Point("review.annotated")
	if err := takeAway(home, b, manifest, []string{text.sum}); err != nil {
		return err
	}
	return renameBeside(b.path, home)
}

// textBack is goBack for a text that came alone: it goes into the bundle, or
// beside it when the bundle is gone. A text there that a person wrote into keeps
// its place, and this one gets another.
func (b *bundle) textBack(home string, text Text, outcome Outcome, asDelivered string) error {
	if err := text.answer(b.path, outcome); err != nil {
		return err
	}
	fault.Point("review.annotated")
	to := filepath.Join(home, FieldsFile)
	if _, err := os.Stat(home); errors.Is(err, fs.ErrNotExist) {
		to = home + "-" + FieldsFile
	} else if err != nil {
		return fmt.Errorf("give text back: %w", err)
	}
	sum, err := durable.SHA256(to)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("give text back: %w", err)
	}
	if err == nil && (sum == asDelivered || sum == text.sum) {
		if err := os.Remove(to); err != nil {
			return fmt.Errorf("give text back: %w", err)
		}
	}
	return renameBeside(b.path, to)
}

// renameBeside moves a file or folder to a name, or to one beside it that is free.
func renameBeside(from, to string) error {
	ending := filepath.Ext(to)
	if ending != ".txt" {
		ending = "" // a folder's name may have a point
	}
	stem := strings.TrimSuffix(to, ending)
	for n := 1; n < 1000; n++ {
		if n > 1 {
			to = fmt.Sprintf("%s-%d%s", stem, n, ending)
		}
		err := durable.RenameNoReplace(from, to)
		if err == nil {
			return errors.Join(durable.SyncDir(filepath.Dir(to)), durable.SyncDir(filepath.Dir(from)))
		}
		if !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("give back: %w", err)
		}
	}
	return fmt.Errorf("give back: no name is free for %s", to)
}

// ofSystem is true for files that operating systems and editors leave in folders.
func ofSystem(name string) bool {
	switch strings.ToLower(name) {
	case "thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store", ".directory", ".localized", "icon\r":
		return true
	}
	return strings.HasPrefix(name, "~$") || strings.HasPrefix(name, "._") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") ||
		strings.HasPrefix(strings.ToLower(name), ".~lock")
}

// OrderFor is a decision that came by command, on the bundle where it was
// delivered: what a clerk wrote into its fields.txt counts. text is that, for
// Objected.
func OrderFor(documentID, attempt, bundlePath, verb, by string) (o Order, text Text, err error) {
	o = Order{DocumentID: documentID, AttemptID: attempt, Verb: verb, By: by, Bundles: []string{bundlePath}}
	b, err := readBundle(bundlePath, verb)
	if errors.Is(err, fs.ErrNotExist) {
		for _, v := range Verbs() {
			moved := filepath.Join(filepath.Dir(bundlePath), v, filepath.Base(bundlePath))
			_, err := os.Lstat(moved)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return o, text, fmt.Errorf("look for bundle: %w", err)
			}
			if err == nil {
				return o, text, fmt.Errorf("%w by command: its bundle lies in %s already", ErrDecided, filepath.Dir(moved))
			}
		}
		return o, text, nil
	}
	if err != nil || b.id != documentID || !b.of(attempt) {
		return o, text, err
	}
	return o, b.says(&o), nil
}

// says puts into an order what the clerk wrote.
func (b *bundle) says(o *Order) Text {
	text := ParseFields(b.text)
	for _, name := range b.others {
		text.Objections = append(text.Objections, Objection{Sentence: fmt.Sprintf(
			"%q in this folder holds values, too, and nothing in it was used. Put those that count into %s, delete the other file, and move the folder once more.", name, FieldsFile)})
	}
	o.Edits, o.Confirm, o.Reason = text.Edits, text.Confirm, text.Reason
	if b.text != nil {
		o.Texts = []string{sumOf(b.text)}
	}
	return text
}

// CarryOut has an order carried out, unless it is to approve with a text that
// cannot be understood.
func CarryOut(ctx context.Context, d Decider, o Order, text Text) (Outcome, error) {
	if o.Verb == Approve && len(text.Objections) > 0 {
		return Outcome{Objections: text.Objections}, nil
	}
	return d.Decide(ctx, o)
}

// Objected writes objections into the fields.txt of a bundle that stays where
// it is.
func Objected(bundlePath string, text Text, outcome Outcome) error {
	if text.lines == nil && !text.tooLarge {
		return nil // there is none
	}
	return text.answer(filepath.Join(bundlePath, FieldsFile), outcome)
}
