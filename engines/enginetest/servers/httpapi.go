package servers

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"path"
	"strings"
)

// MindeeService is a server like Mindee's second interface: multipart in, a job
// with addresses, a result with fields. It is made up after the documentation, but for
// one thing: what is given as webhook_ids is the address to call, not the name of one.
type MindeeService struct{}

// Call tells requests apart by path and method.
func (MindeeService) Call(r *http.Request) Call {
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/enqueue"):
		return CallSubmit
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v2/jobs/"):
		return CallStatus
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v2/inferences/"):
		return CallFetch
	}
	return CallOther
}

// Credential is the key, without a scheme word.
func (MindeeService) Credential(r *http.Request) string { return r.Header.Get("Authorization") }

// Answer does what the service does.
func (s MindeeService) Answer(lab *Lab, call Call, w http.ResponseWriter, r *http.Request) {
	id := path.Base(r.URL.Path)
	switch call {
	case CallSubmit:
		file, _, err := r.FormFile("file")
		if err != nil || r.FormValue("model_id") == "" {
			writeJSON(w, 422, map[string]any{"status": 422, "title": "Unprocessable", "code": "422-001", "detail": "model_id or file is missing"})
			return
		}
		r.Body = file
		job := lab.Accept(w, r.FormValue("alias"), r.FormValue("webhook_ids"), readAll(r))
		writeJSON(w, http.StatusAccepted, map[string]any{"job": map[string]any{"id": job.ID, "status": "Processing", "polling_url": lab.Address(r) + "/v2/jobs/" + job.ID}})
	case CallStatus:
		job, done, ok := lab.Look(id)
		answer := map[string]any{"id": id, "status": "Processing", "error": nil}
		switch {
		case !ok:
			s.Refuse(w, FaultExpired, "no such job")
			return
		case done && job.Outcome == Fails:
			answer["status"], answer["error"] = "Failed", map[string]any{"status": 422, "detail": "The file is damaged.", "code": "422-002"}
		case done:
			answer["status"], answer["result_url"] = "Processed", lab.Address(r)+"/v2/inferences/"+id
		}
		writeJSON(w, http.StatusOK, map[string]any{"job": answer})
	case CallFetch:
		job, ok := lab.Job(id)
		if !ok {
			s.Refuse(w, FaultExpired, "no such inference")
			return
		}
		writeJSON(w, http.StatusOK, lab.mindeeResult(job))
	default:
		s.Refuse(w, FaultExpired, "no such thing")
	}
}

func (l *Lab) mindeeResult(job LabJob) map[string]any {
	if job.Outcome == Hollow {
		return map[string]any{"inference": map[string]any{"id": job.ID}}
	}
	square := func(x, y float64) [][]float64 {
		return [][]float64{{x, y}, {x + 0.1, y}, {x + 0.1, y + 0.02}, {x, y + 0.02}}
	}
	var pages []any
	for range PagesOf(job.Document) {
		words := []any{}
		for n, text := range l.lines("Invoice " + job.number()) {
			for i, word := range strings.Fields(text) {
				words = append(words, map[string]any{"content": word, "polygon": square(0.1+0.15*float64(i), 0.1+0.03*float64(n))})
			}
		}
		pages = append(pages, map[string]any{"content": strings.Join(l.lines("Invoice "+job.number()), "\n"), "words": words})
	}
	line := func(text string, amount float64) map[string]any {
		return map[string]any{"fields": map[string]any{"description": map[string]any{"value": text}, "total_price": map[string]any{"value": amount, "confidence": 0.5}}}
	}
	return map[string]any{"inference": map[string]any{"id": job.ID, "job": map[string]any{"id": job.ID}, "model": map[string]any{"id": "m"},
		"file": map[string]any{"page_count": len(pages)},
		"result": map[string]any{"pages": pages, "fields": map[string]any{
			"invoice_number": map[string]any{"value": job.number(), "confidence": "High", "locations": []any{map[string]any{"page": 0, "polygon": square(0.25, 0.1)}}},
			"date":           map[string]any{"value": "2026-01-31", "confidence": 0.75},
			"total_amount":   map[string]any{"value": 119.5, "confidence": "Low"},
			"supplier_name":  map[string]any{"value": nil},
			"line_items":     map[string]any{"items": []any{line("Paper", 100), line("Ink", 19.5)}}}}}}
}

// Refuse answers with problem details.
func (MindeeService) Refuse(w http.ResponseWriter, f Fault, message string) {
	RefuseJSON(w, f, message)
}

// PlainService is a made-up server as many have it: JSON in with an idempotency
// key, the result in the answer about the job, DELETE, and Standard Webhooks.
type PlainService struct{}

// Call tells requests apart by method.
func (PlainService) Call(r *http.Request) Call {
	return map[string]Call{http.MethodPost: CallSubmit, http.MethodGet: CallStatus, http.MethodDelete: CallDelete}[r.Method]
}

// Credential is a bearer token.
func (PlainService) Credential(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// Answer does what the service does.
func (s PlainService) Answer(lab *Lab, call Call, w http.ResponseWriter, r *http.Request) {
	id := path.Base(r.URL.Path)
	switch call {
	case CallSubmit:
		var in struct{ Document, Callback string }
		if err := json.Unmarshal(readAll(r), &in); err != nil {
			writeJSON(w, 400, map[string]any{"message": "no JSON"})
			return
		}
		document, err := base64.StdEncoding.DecodeString(in.Document)
		if err != nil || len(document) == 0 {
			writeJSON(w, 422, map[string]any{"message": "no document"})
			return
		}
		key := r.Header.Get("Idempotency-Key")
		job, known := lab.ByKey(key)
		if !known {
			job = lab.Accept(w, key, in.Callback, document)
		}
		writeJSON(w, http.StatusCreated, map[string]any{"id": job.ID, "state": "queued"})
	case CallDelete:
		if !lab.Forget(id) {
			s.Refuse(w, FaultExpired, "no such job")
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		lab.plainStatus(s, w, id)
	}
}

func (l *Lab) plainStatus(s PlainService, w http.ResponseWriter, id string) {
	job, done, ok := l.Look(id)
	switch {
	case !ok:
		s.Refuse(w, FaultExpired, "no such job")
	case !done:
		w.Header().Set("Retry-After", "2")
		writeJSON(w, http.StatusOK, map[string]any{"id": id, "state": "working"})
	case job.Outcome == Fails:
		writeJSON(w, http.StatusOK, map[string]any{"id": id, "state": "error", "reason": "The file is damaged."})
	case job.Outcome == Hollow:
		writeJSON(w, http.StatusOK, map[string]any{"id": id, "state": "done"})
	default:
		page := "\f" + strings.Join(l.lines("Invoice "+job.number()), "\n")
		pages := strings.Repeat(page, PagesOf(job.Document))[1:]
		writeJSON(w, http.StatusOK, map[string]any{"id": id, "state": "done", "text": pages, "fields": map[string]any{"number": job.number(), "total": "119.50", "currency": "EUR"}})
	}
}

// Refuse answers with a message.
func (PlainService) Refuse(w http.ResponseWriter, f Fault, message string) { RefuseJSON(w, f, message) }
