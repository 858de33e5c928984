package intake

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"

	"intray/daemon/fault"
	"intray/ledger"
)

// Sent is a file that comes from a program and not from a folder. Size is in
// bytes, -1 if it is not known; Key, if not "", makes the same file, sent again
// with the same key, the same document.
type Sent struct {
	Name, Actor, Key string
	Size             int64
	Body             io.Reader
}

// ErrEmpty is for a file of no bytes.
var ErrEmpty = errors.New("the file is empty")

// Upload takes a file as if it had been dropped into the folder; it is durable
// and recorded when Upload returns. Replayed is true if it had been before, by
// its key; the error is ledger.ErrKeyReused when another file had. An *Again error
// means that nothing can be taken now. What the body fails with is not wrapped
// in one.
func (in *Intake) Upload(ctx context.Context, folder Folder, s Sent) (doc ledger.Document, replayed bool, err error) {
	if err := in.Room.check(s.Size); err != nil {
		return doc, false, err
	}
	body := &sender{Reader: s.Body}
	blob, err := in.Originals.Put(ctx, body)
	switch {
	case err != nil && (body.err != nil || ctx.Err() != nil):
		return doc, false, err
	case err != nil:
		return doc, false, &Again{After: soon, Reason: "the file could not be stored", Cause: err}
	case blob.Size == 0:
		return doc, false, errors.Join(ErrEmpty, in.abandon(blob.SHA256))
	}
	fault.Point("intake.uploaded")
	doc, replayed, err = in.Ledger.ReceiveOnce(ledger.Arrival{Folder: folder.Name, Path: path.Base(s.Name), Name: path.Base(s.Name), SHA256: blob.SHA256, Size: blob.Size,
		MIME: in.Sniff(blob.Head), Source: ledger.SourceMark{Size: blob.Size}, Actor: s.Actor, Again: folder.Again, Uploaded: true, Key: s.Key})
	if err != nil {
		if !errors.Is(err, ledger.ErrKeyReused) {
			err = &Again{After: soon, Reason: "the ledger could not record the file", Cause: err}
		}
		return doc, false, errors.Join(err, in.abandon(blob.SHA256))
	}
	if replayed { // what was purged since does not come back
		return doc, true, in.Originals.Abandon(blob.SHA256, func() (bool, error) { return in.needed(blob.SHA256) })
	}
	in.Originals.Release(blob.SHA256)
	fault.Point("intake.recorded")
	in.Log.Info("Taken in.", "folder", folder.Name, "file", s.Name, "document", doc.ID, "bytes", doc.Size, "by", s.Actor)
	return doc, replayed, nil
}

// needed is true when a document that was not purged has this content.
func (in *Intake) needed(sum string) (bool, error) {
	docs, err := in.Ledger.WithSHA256(sum, 0)
	return slices.ContainsFunc(docs, func(d ledger.Document) bool { return d.State != ledger.Purged }), err
}

// sender remembers that it was the body that failed.
type sender struct {
	io.Reader
	err error
}

func (s *sender) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
