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
		value := ""
		for _, field := range doc.Fields {
			if field.Name == name && value == "" {
				value = field.Value
			}
		}
		out = append(out, value)
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

// appendRow adds a document's line (RFC 4180) unless it is there already. A line
// that a crash left unfinished is taken away first: its document comes again.
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
	if err := file.Truncate(end); err != nil {
		return fmt.Errorf("the table cannot be written: %w", err)
	}
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	w.Comma, w.UseCRLF = []rune(f.CSVSeparator)[0], true
	if end == 0 {
		text.WriteString(byteOrderMark)
		err = w.Write(header(f))
	}
	if err = errors.Join(err, w.Write(row(f, data, doc))); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	w.Flush()
	if _, err := file.WriteAt(text.Bytes(), end); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return file.Sync()
}

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
