package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"intray/daemon/web/access"
	"intray/ledger"
)

// Folder is a hot folder as far as uploads go. MaxBytes bounds a file.
type Folder struct {
	Name     string
	MaxBytes int64
}

// Upload is a file that comes by the API, as if it had been dropped into the
// folder. Size is in bytes, -1 if it was not told; Key is "" or what makes the
// same upload, sent again, the same document.
type Upload struct {
	Folder, Name, Key, Actor string
	Size                     int64
	Body                     io.Reader
}

// Uploaded is what became of it. Replayed is true when it had been taken before,
// by its key.
type Uploaded struct {
	Document ledger.Document
	Replayed bool
}

const (
	longestName = 255 // bytes
	longestKey  = 255 // bytes
	// around is what a form may have beside its file, in bytes.
	around = 64 << 10
)

// errRequest is for an upload that was asked for wrongly.
var errRequest = errors.New("wrong request")

func wrongly(format string, args ...any) error {
	return &Said{errRequest, fmt.Sprintf(format, args...)}
}

// upload takes a file: a body as it is, or a form's only file.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	if !s.ready() {
		w.Header().Set("Retry-After", "5")
		answerError(w, http.StatusServiceUnavailable, "Intray is starting or stopping; send the file again in a moment.")
		return
	}
	taken, err := s.takeUpload(w, r)
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		answerError(w, http.StatusRequestEntityTooLarge, "The file is larger than its folder allows (max_file_mb).")
		return
	case errors.Is(err, errRequest):
		answerError(w, http.StatusBadRequest, err.Error())
		return
	case err != nil:
		s.fail(w, err)
		return
	}
	if taken.Replayed {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	w.Header().Set("Location", "/api/v1/documents/"+taken.Document.ID)
	status := http.StatusCreated
	if taken.Document.DuplicateOf != "" { // known content: nothing is made of it
		status = http.StatusOK
	}
	answer(w, status, Summarize(taken.Document))
}

func (s *Server) takeUpload(w http.ResponseWriter, r *http.Request) (Uploaded, error) {
	q := r.URL.Query()
	u := Upload{Folder: q.Get("folder"), Key: r.Header.Get("Idempotency-Key"), Actor: access.Of(r.Context()).Name, Size: r.ContentLength, Body: r.Body}
	if len(u.Key) > longestKey || strings.ContainsFunc(u.Key, func(c rune) bool { return c < ' ' || c > '~' }) {
		return Uploaded{}, wrongly("The Idempotency-Key must have at most %d plain letters.", longestKey)
	}
	name := q.Get("name")
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := err == nil && strings.HasPrefix(kind, "multipart/")
	if form {
		r.Body = http.MaxBytesReader(w, r.Body, s.largest()+around)
		sent, err := partOf(r, &u)
		if err != nil {
			return Uploaded{}, err
		}
		if name == "" {
			name = sent
		}
	} else if name == "" {
		if _, given, err := mime.ParseMediaType(r.Header.Get("Content-Disposition")); err == nil {
			name = given["filename"]
		}
	}
	if u.Name, err = FileName(name); err != nil {
		return Uploaded{}, err
	}
	folder, err := s.folder(u.Folder)
	if err != nil {
		return Uploaded{}, err
	}
	u.Folder = folder.Name
	if !form && r.ContentLength > folder.MaxBytes {
		return Uploaded{}, &http.MaxBytesError{Limit: folder.MaxBytes}
	}
	body := &counted{Reader: http.MaxBytesReader(w, io.NopCloser(u.Body), folder.MaxBytes)}
	u.Body = body
	taken, err := s.Actions.Upload(r.Context(), u)
	if body.err != nil {
		var tooLong *http.MaxBytesError
		if errors.As(body.err, &tooLong) {
			return Uploaded{}, body.err
		}
		return Uploaded{}, wrongly("The file did not arrive whole; send it again.")
	}
	return taken, err
}

// counted remembers what went wrong with the sender, in difference to what went
// wrong here.
type counted struct {
	io.Reader
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// partOf finds the form's file, and the folder where it is told before it.
func partOf(r *http.Request, u *Upload) (name string, err error) {
	form, err := r.MultipartReader()
	if err != nil {
		return "", wrongly("The form cannot be read.")
	}
	for {
		part, err := form.NextPart()
		if err != nil {
			return "", wrongly(`The form has no file; send it as "file".`)
		}
		switch _, params, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition")); {
		case part.FormName() == "folder" && u.Folder == "":
			text, err := io.ReadAll(io.LimitReader(part, longestName+1))
			if err != nil {
				return "", wrongly("The form cannot be read.")
			}
			u.Folder = string(text)
		case params["filename"] != "":
			u.Body, u.Size = part, -1
			return params["filename"], nil
		}
	}
}

// FileName is a name that stands for nothing but a file: folders that a browser
// or an attacker put before it are dropped. The error is a *Said.
func FileName(given string) (string, error) {
	name := path.Base(strings.ReplaceAll(given, `\`, "/"))
	switch {
	case given == "":
		return "", wrongly("The file has no name; say it with ?name=scan.pdf.")
	case name == "." || name == ".." || name == "/" || strings.TrimSpace(name) == "": // a blank one could not be clicked
		return "", wrongly("%q is no name of a file.", given)
	case len(name) > longestName:
		return "", wrongly("The file's name is longer than %d bytes.", longestName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", wrongly("The file's name has letters that no name can have.")
	}
	return name, nil
}

// folder is the one named, or the only one there is.
func (s *Server) folder(name string) (Folder, error) {
	var names []string
	for _, f := range s.Folders {
		if f.Name == name || name == "" && len(s.Folders) == 1 {
			return f, nil
		}
		names = append(names, f.Name)
	}
	if name == "" {
		return Folder{}, wrongly("Say which folder the file is for, such as ?folder=%s; there are %s.", url.QueryEscape(names[0]), strings.Join(names, ", "))
	}
	return Folder{}, wrongly("There is no folder %q; there are %s.", name, strings.Join(names, ", "))
}

func (s *Server) largest() (most int64) {
	for _, f := range s.Folders {
		most = max(most, f.MaxBytes)
	}
	return most
}
