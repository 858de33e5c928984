package review

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf16"

	"intray/daemon/durable"
)

// errEdited is for a text that somebody wrote into since it was read: what they
// typed comes first.
var errEdited = errors.New("fields.txt was changed meanwhile")

// answer writes into the text at path what is objected to. Nothing that stands
// there is lost.
func (t Text) answer(path string, outcome Outcome) error {
	if t.tooLarge {
		return putAbove(path, outcome.Objections)
	}
	sum, err := durable.SHA256(path)
	switch {
	case err == nil && sum != t.sum:
		return errEdited
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read text to answer: %w", err)
	}
	return durable.WriteFile(path, t.Annotate(outcome.Objections, outcome.MayConfirm), 0o666)
}

// putAbove is answer for a text that is too large to be held: it keeps every byte
// of it, in whatever way it is written, below the objections.
func putAbove(path string, objections []Objection) (err error) {
	old, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open text to answer: %w", err)
	}
	defer old.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(old, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read text to answer: %w", err)
	}
	mark, encode := encodingOf(head[:n])
	head = head[len(mark):n]
	comment := ""
	for _, o := range objections {
		comment += errorMark + oneLine(o.Sentence) + "\r\n"
	}
	if bytes.HasPrefix(head, encode(comment)) {
		return nil // it was said before
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".intray-fields-*.part")
	if err != nil {
		return fmt.Errorf("make text to answer: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	_, err = io.Copy(temp, io.MultiReader(bytes.NewReader(mark), bytes.NewReader(encode(comment)), bytes.NewReader(head), old))
	if err = errors.Join(err, temp.Chmod(0o666), temp.Sync(), temp.Close()); err != nil {
		return fmt.Errorf("write text to answer: %w", err)
	}
	_ = old.Close() // Windows replaces no open file
	if err = os.Rename(temp.Name(), path); err != nil {
		return fmt.Errorf("put answer in place: %w", err)
	}
	return durable.SyncDir(filepath.Dir(path))
}

// encodingOf is how a text is written: its byte order mark, if any, and how
// letters of ASCII are.
func encodingOf(data []byte) (mark []byte, encode func(string) []byte) {
	little := bytes.HasPrefix(data, []byte("\xFF\xFE"))
	big := bytes.HasPrefix(data, []byte("\xFE\xFF"))
	switch {
	case bytes.HasPrefix(data, []byte("\xEF\xBB\xBF")):
		mark = data[:3]
	case little, big:
		mark = data[:2]
	default:
		little, big = zeros(data)
	}
	if !little && !big {
		return mark, func(s string) []byte { return []byte(s) }
	}
	order := binary.AppendByteOrder(binary.LittleEndian)
	if big {
		order = binary.BigEndian
	}
	return mark, func(s string) (out []byte) {
		for _, unit := range utf16.Encode([]rune(s)) {
			out = order.AppendUint16(out, unit)
		}
		return out
	}
}
