package site

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"intray/daemon/web/access"
)

// TestRefusedUpload: who hands files in is told why one was not taken, the script
// as well as the person without, and that those before it were.
func TestRefusedUpload(t *testing.T) {
	_, s := desk(t)
	taken := 0
	s.Upload = func(_ context.Context, _, name string, content io.Reader, _ string) (string, error) {
		if name == "wrong.pdf" {
			return "", fmt.Errorf("%w: The file is empty.", ErrRefused)
		}
		taken++
		_, err := io.Copy(io.Discard, content)
		return "id-" + name, err
	}
	h, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	send := func(accept string, names ...string) *httptest.ResponseRecorder {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for _, name := range names {
			part, err := form.CreateFormFile("file", name)
			if err == nil {
				_, err = io.WriteString(part, "x")
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/upload", &body)
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Caller{Role: access.Reviewer, Name: "anna"})))
		return w
	}
	var said struct{ ID, Error string }
	w := send("application/json", "wrong.pdf")
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != 409 || said.Error != "The file is empty." || said.ID != "" {
		t.Errorf("the script is told %d %s, %v", w.Code, w.Body, err)
	}
	w = send("application/json", "right.pdf")
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != 200 || said.ID != "id-right.pdf" {
		t.Errorf("the script is told %d %s, %v", w.Code, w.Body, err)
	}
	taken = 0
	w = send("text/html", "a.pdf", "b.pdf", "wrong.pdf", "c.pdf")
	page := w.Body.String()
	if w.Code != 409 || taken != 2 || !strings.Contains(page, "The file is empty. This is wrong.pdf; the files before it (2) were taken in.") || strings.Contains(page, "refused:") {
		t.Errorf("a person is told %d, with %d taken in: %s", w.Code, taken, page)
	}
}
