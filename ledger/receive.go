package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Arrival is a file whose original is durable.
type Arrival struct {
	Folder, Path, Name, SHA256 string
	Size                       int64
	MIME                       string
	Source                     SourceMark
	Actor                      string
	// Claim is the path, inside the folder, under which the file waits to be
	// removed; "" when it kept its name. The document is not due before the
	// claim has ended: SourceCleared, Unclaimed, or a Surrender.
	Claim string
	// Again processes content that is known already as if it were new.
	Again bool
	// Keep is for a file that stays in its folder: it is remembered as seen.
	Keep bool
	// Uploaded is for a file that is in no folder: there is nothing to clear.
	Uploaded bool
	// Key makes the same arrival, told again, the same document; "" does not.
	Key string
}

// ErrKeyReused is for an arrival with the key of another one.
var ErrKeyReused = errors.New("the key was used for another file")

// Receive records an arrival. When the same drop was recorded before a crash
// could clear the hot folder, the document of then is returned unchanged. When
// the same content is known already, the new document is a duplicate that
// names the first; content that failed before is given another chance.
func (l *Ledger) Receive(a Arrival) (Document, error) {
	doc, _, err := l.ReceiveOnce(a)
	return doc, err
}

// ReceiveOnce is Receive for an arrival with a key: replayed is true when it was
// recorded before and the document of then is returned as it is now. The error is
// ErrKeyReused when the key came with another file.
func (l *Ledger) ReceiveOnce(a Arrival) (doc Document, replayed bool, err error) {
	// Records are JSON, which holds UTF-8 only; the indexes must agree with them.
	real := a.Path
	a.Path, a.Name = strings.ToValidUTF8(a.Path, "\uFFFD"), strings.ToValidUTF8(a.Name, "\uFFFD")
	var raw []byte
	if real != a.Path {
		raw = []byte(real)
	}
	err = l.update(func(tx *bolt.Tx) error {
		same, found, err := sameDrop(tx, a)
		if err != nil {
			return err
		}
		if found {
			doc = same
			doc.Claim = []byte(a.Claim)
			return l.put(tx, &same, doc)
		}
		if doc, replayed, err = keyed(tx, a); replayed || err != nil {
			return err
		}
		first, known, err := firstWith(tx, a.SHA256, l.clock())
		if err != nil {
			return err
		}
		if doc, err = l.receive(tx, a, raw); err != nil {
			return err
		}
		if a.Keep {
			if err := see(tx, a.Folder, real, Sighting{Source: a.Source, DocumentID: doc.ID}); err != nil {
				return err
			}
		}
		if a.Key != "" {
			k := arrivalKey{DocumentID: doc.ID, Digest: a.digest(), At: doc.ReceivedAt}
			if err := tx.Bucket(bucketKeys).Put([]byte(a.Key), encode(k)); err != nil {
				return err
			}
		}
		if known && !a.Again {
			doc, err = l.apply(tx, doc.ID, Repeat(first.ID))
		}
		return err
	})
	return doc, replayed, err
}

func (l *Ledger) receive(tx *bolt.Tx, a Arrival, raw []byte) (Document, error) {
	now := l.clock()
	doc := Document{ID: l.documentID(now), State: Received, Folder: a.Folder, Path: a.Path, Name: a.Name, SHA256: a.SHA256,
		Size: a.Size, MIME: a.MIME, ReceivedAt: now, UpdatedAt: now, Source: a.Source,
		SourceCleared: a.Keep || a.Uploaded, RawPath: raw, Claim: []byte(a.Claim)}
	if err := l.addEvent(tx, &doc, Event{DocumentID: doc.ID, At: now, To: Received, Move: "receive", Actor: a.Actor}); err != nil {
		return doc, err
	}
	return doc, l.put(tx, nil, doc)
}

// arrivalKey is what a key stands for. Digest tells another file under the same
// key, and nothing about a document that is purged.
type arrivalKey struct {
	DocumentID string    `json:"document_id"`
	Digest     string    `json:"digest"`
	At         time.Time `json:"at"`
}

func (a Arrival) digest() string {
	sum := sha256.Sum256([]byte(a.Folder + "\x00" + a.Name + "\x00" + a.SHA256))
	return hex.EncodeToString(sum[:])
}

// keyed finds the document of an arrival that was told before.
func keyed(tx *bolt.Tx, a Arrival) (Document, bool, error) {
	if a.Key == "" {
		return Document{}, false, nil
	}
	k, err := decode[arrivalKey]("key", tx.Bucket(bucketKeys).Get([]byte(a.Key)))
	if errors.Is(err, ErrNotFound) {
		return Document{}, false, nil
	}
	if err != nil {
		return Document{}, false, err
	}
	if k.Digest != a.digest() {
		return Document{}, false, ErrKeyReused
	}
	doc, err := get(tx, k.DocumentID)
	return doc, err == nil, err
}

// ForgetKeys forgets the keys of arrivals before this moment.
func (l *Ledger) ForgetKeys(before time.Time) error {
	return l.update(func(tx *bolt.Tx) error {
		var old [][]byte
		bucket := tx.Bucket(bucketKeys)
		err := bucket.ForEach(func(k, v []byte) error {
			one, err := decode[arrivalKey]("key", v)
			if err == nil && one.At.Before(before) {
				old = append(old, bytes.Clone(k))
			}
			return err
		})
		for _, k := range old {
			err = errors.Join(err, bucket.Delete(k))
		}
		return err
	})
}

// sameDrop finds the record of this very drop whose source was not cleared.
func sameDrop(tx *bolt.Tx, a Arrival) (Document, bool, error) {
	prefix := []byte(a.Folder + "\x00" + a.Path + "\x00")
	c := tx.Bucket(bucketUncleared).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		doc, err := get(tx, lastID(k))
		if err != nil {
			return Document{}, false, err
		}
		if doc.SHA256 == a.SHA256 && doc.Source.equal(a.Source) {
			return doc, true, nil
		}
	}
	return Document{}, false, nil
}

// atOnce is how soon after a document the same content counts as the same drop,
// even if it has failed already: what fails, fails fast.
const atOnce = 10 * time.Second

// firstWith finds the oldest document of this content that did not fail.
func firstWith(tx *bolt.Tx, sum string, now time.Time) (Document, bool, error) {
	prefix := []byte(sum)
	c := tx.Bucket(bucketBySHA256).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		doc, err := get(tx, lastID(k))
		if err != nil {
			return Document{}, false, err
		}
		state := doc.State
		if state == Purged {
			state = doc.PurgedFrom
		}
		switch state {
		case Duplicate:
		case FailedTerminal, DeadLetter, Rejected:
			if age := now.Sub(doc.ReceivedAt); doc.State != Purged && age >= 0 && age < atOnce {
				return doc, true, nil
			}
		default:
			return doc, true, nil
		}
	}
	return Document{}, false, nil
}

// SourceCleared notes that the hot folder's file is gone. It may be said twice.
func (l *Ledger) SourceCleared(id string) error {
	return l.update(func(tx *bolt.Tx) error {
		old, err := get(tx, id)
		if err != nil || old.SourceCleared {
			return err
		}
		doc := old
		doc.SourceCleared, doc.Claim = true, nil
		return l.put(tx, &old, doc)
	})
}

// Unclaimed notes that the file has its name back and still is to be cleared.
func (l *Ledger) Unclaimed(id string) error {
	return l.update(func(tx *bolt.Tx) error {
		old, err := get(tx, id)
		if err != nil || len(old.Claim) == 0 {
			return err
		}
		doc := old
		doc.Claim = nil
		return l.put(tx, &old, doc)
	})
}

// Sighting is a file that stays in its hot folder: what it looked like when it
// was taken, and as which document.
type Sighting struct {
	Source     SourceMark `json:"source"`
	DocumentID string     `json:"document_id"`
}

func see(tx *bolt.Tx, folder, path string, s Sighting) error {
	return tx.Bucket(bucketSeen).Put(folderKey(folder, path), encode(s))
}

// Seen is true when a file of this size and date was taken under this path and
// stayed. Its inode does not count: some shares number anew at each mount.
func (l *Ledger) Seen(folder, path string, mark SourceMark) (bool, error) {
	var s Sighting
	err := l.view(func(tx *bolt.Tx) (err error) {
		s, err = decode[Sighting]("sighting", tx.Bucket(bucketSeen).Get(folderKey(folder, path)))
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	mark.Inode = s.Source.Inode
	return err == nil && s.Source.equal(mark), err
}

// See remembers a file that stays in its folder as the document's.
func (l *Ledger) See(folder, path string, s Sighting) error {
	return l.update(func(tx *bolt.Tx) error { return see(tx, folder, path, s) })
}

// Uncleared lists the folder's documents whose files may still be in the hot folder.
func (l *Ledger) Uncleared(folder string) ([]Document, error) {
	return l.scan(bucketUncleared, []byte(folder+"\x00"), 0, nil)
}
