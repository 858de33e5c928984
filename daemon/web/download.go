package web

import (
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"intray/ledger"
)

// FileKind is which file of a document is asked for.
type FileKind string

// The files of a document.
const (
	FileJSON     FileKind = "json"
	FilePDF      FileKind = "pdf"
	FileOriginal FileKind = "original"
)

// file serves a document's file: whole or in ranges, to be saved, or with
// ?inline=1 to be looked at, if it is of a type that runs no script.
func (s *Server) file(what FileKind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		doc, err := s.Ledger.Get(r.PathValue("id"))
		if err != nil {
			s.fail(w, err)
			return
		}
		f, err := s.Actions.File(doc, what)
		if err != nil {
			s.fail(w, err)
			return
		}
		defer f.Close()
		kind, name, changed := describe(doc, what), nameOf(doc, what), time.Time{}
		if what == FileOriginal {
			w.Header().Set("ETag", `"`+doc.SHA256+`"`)
		} else if info, err := f.Stat(); err == nil {
			changed = info.ModTime()
		}
		way := "attachment"
		if r.URL.Query().Get("inline") == "1" && slices.Contains(shown(), kind) {
			way = "inline"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Disposition", disposition(way, name))
		w.Header().Set("Cache-Control", "private, no-cache")
		http.ServeContent(w, r, "", changed, f)
	}
}

// disposition names the file for saving. What a header cannot hold is encoded
// (RFC 6266).
func disposition(way, name string) string {
	if text := mime.FormatMediaType(way, map[string]string{"filename": name}); text != "" {
		return text
	}
	return way
}

func nameOf(doc ledger.Document, what FileKind) string {
	if what == FileOriginal {
		return doc.Name
	}
	return strings.TrimSuffix(doc.Name, path.Ext(doc.Name)) + "." + string(what)
}

// shown are the types that browsers may show: pictures and PDFs.
func shown() []string {
	return []string{"application/pdf", "image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/avif"}
}

// describe is the type as browsers are told: what could run there is only bytes.
func describe(doc ledger.Document, what FileKind) string {
	safe := append(shown(), "image/tiff", "image/heic", "image/jp2")
	switch {
	case what == FileJSON:
		return "application/json"
	case what == FilePDF:
		return "application/pdf"
	case slices.Contains(safe, doc.MIME):
		return doc.MIME
	}
	return "application/octet-stream"
}
