package handover

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"intray/daemon/config"
	"intray/daemon/document"
)

// byteOrderMark tells spreadsheets that the table is UTF-8.
const byteOrderMark = "\xEF\xBB\xBF"

// header are the columns every table has; the folder's csv_fields follow. The id
// comes first: it tells which documents are in the table.
func header(f config.Folder) []string {
	return append([]string{"document_id", "finished_at", "folder", "path", "name", "class", "state", "pdf"}, f.CSVFields...)
}

func row(f config.Folder, data Data, doc document.Document) []string {
	pdf := ""
	for _, path := range data.Outputs {
		if filepath.Ext(path) == ".pdf" {
			pdf = path
		}
	}
	out := []string{data.DocumentID, data.FinishedAt.Format(time.RFC3339), data.Folder, data.Path, data.Name, doc.Class.Name, data.State, pdf}
	for _, name := range f.CSVFields {
		out = append(out, doc.Value(name))
	}
	for i, cell := range out {
		out[i] = harmless(cell)
	}
	return out
}

var number = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`)

// harmless keeps a spreadsheet from taking a cell for a formula (OWASP, "CSV
// Injection"), and a record on one line.
func harmless(cell string) string {
	cell = strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == '\t' || r == 0 {
			return ' '
		}
		return r
	}, cell)
	if trimmed := strings.TrimLeft(cell, " "); trimmed != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(trimmed)[0]) && !number.MatchString(cell) {
		return "'" + cell
	}
	return cell
}

// appendRow adds a document's line (RFC 4180) unless it is there already. What a
// crash left of it is taken away first; anything else after the last whole line
// is somebody's and stays.
func appendRow(f config.Folder, data Data, doc document.Document) (err error) {
	if err := os.MkdirAll(filepath.Dir(f.CSV), 0o777); err != nil {
		return fmt.Errorf("make folder of the table: %w", err)
	}
	file, err := os.OpenFile(f.CSV, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("the table cannot be written; is it open in another program? %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	found, end, err := lookUp(file, data.DocumentID)
	if err != nil {
		return fmt.Errorf("read the table: %w", err)
	}
	if found {
		return nil
	}
	text, err := lines(f, data, doc, end == 0)
	if err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	torn, err := ours(file, end, text, data.DocumentID)
	if err != nil {
		return fmt.Errorf("read the table: %w", err)
	}
	if end > 0 || !torn {
		if err := sameColumns(file, f); err != nil {
			return err
		}
	}
	if torn {
		err = file.Truncate(end)
	} else if text, err = lines(f, data, doc, false); err == nil {
		text = append([]byte("\r\n"), text...)
		end, err = file.Seek(0, io.SeekEnd)
	}
	if err != nil {
		return fmt.Errorf("the table cannot be written: %w", err)
	}
	if _, err := file.WriteAt(text, end); err != nil {
		// Half a line would be in the way of the next document's.
		return fmt.Errorf("write the table: %w", errors.Join(err, file.Truncate(end)))
	}
	return file.Sync()
}

// lines is what is to be written: the document's line, in a new table after the
// header.
func lines(f config.Folder, data Data, doc document.Document, first bool) ([]byte, error) {
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	w.Comma, w.UseCRLF = []rune(f.CSVSeparator)[0], true
	if first {
		text.WriteString(byteOrderMark)
		if err := w.Write(header(f)); err != nil {
			return nil, err
		}
	}
	if err := w.Write(row(f, data, doc)); err != nil {
		return nil, err
	}
	w.Flush()
	return text.Bytes(), w.Error()
}

// ours is true when what stands after the last whole line is nothing, or the
// beginning of what is about to be written, or of that document's line as it was.
func ours(file io.ReaderAt, end int64, text []byte, id string) (bool, error) {
	rest := make([]byte, len(text))
	n, err := file.ReadAt(rest, end)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	rest = rest[:n]
	return n < len(text) && bytes.HasPrefix(text, rest) || bytes.HasPrefix(bytes.TrimLeft(rest, "\""), []byte(id)), nil
}

// sameColumns holds the table's first line against the folder's settings: lines
// with other columns would be read under the wrong names. Columns that somebody
// added at the end do no harm.
func sameColumns(file io.ReadSeeker, f config.Folder) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the table: %w", err)
	}
	r := csv.NewReader(io.LimitReader(file, longestHeader))
	r.Comma, r.LazyQuotes = []rune(f.CSVSeparator)[0], true
	have, err := r.Read()
	if err != nil && !errors.Is(err, csv.ErrFieldCount) {
		return fmt.Errorf("read the table's first line: %w", err)
	}
	want := header(f)
	have[0] = strings.TrimPrefix(have[0], byteOrderMark)
	if len(have) < len(want) || !slices.Equal(have[:len(want)], want) {
		return fmt.Errorf("the table %s has other columns than the folder's csv_fields and csv_separator ask for; give the folder another csv, or move the old table away", f.CSV)
	}
	return nil
}

// longestHeader bounds, in bytes, how far a table's first line is read.
const longestHeader = 1 << 20

// lookUp says whether a document has a line, and where the last finished line
// ends.
func lookUp(r io.Reader, id string) (found bool, end int64, err error) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadSlice('\n')
		begin := bytes.TrimLeft(line, "\" \xEF\xBB\xBF")
		whole := err == nil
		for errors.Is(err, bufio.ErrBufferFull) { // a long line; its beginning is enough
			var more []byte
			kept := bytes.Clone(begin[:min(len(begin), len(id))])
			end += int64(len(line))
			more, err = in.ReadSlice('\n')
			line, begin, whole = more, kept, err == nil
		}
		if errors.Is(err, io.EOF) {
			return found, end, nil
		}
		if err != nil || !whole {
			return found, end, err
		}
		end += int64(len(line))
		found = found || bytes.HasPrefix(begin, []byte(id))
	}
}
