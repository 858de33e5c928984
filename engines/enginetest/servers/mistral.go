package servers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// MistralService is Mistral's OCR, files and batches, made up after its API
// reference.
func MistralService() Service { return mistralService{} }

type mistralService struct{}

func (mistralService) Call(r *http.Request) Call {
	path := r.URL.Path
	switch {
	case r.Method == http.MethodDelete:
		return CallDelete
	case path == "/v1/ocr", path == "/v1/batch/jobs" && r.Method == http.MethodPost:
		return CallSubmit
	case path == "/v1/batch/jobs":
		return CallOther
	case path == "/v1/files":
		return CallUpload
	case strings.HasPrefix(path, "/v1/batch/jobs/"):
		return CallStatus
	case strings.HasPrefix(path, "/v1/files/"):
		return CallFetch
	}
	return CallOther
}

func (mistralService) Credential(r *http.Request) string {
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return key
}

func (mistralService) Refuse(w http.ResponseWriter, f Fault, message string) {
	RefuseJSON(w, f, message)
}

func (s mistralService) Answer(lab *Lab, call Call, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	switch {
	case err != nil:
		RefuseJSON(w, FaultBroken, "the body is not whole")
	case call == CallUpload:
		s.upload(lab, w, r.Header.Get("Content-Type"), body)
	case path == "ocr":
		s.now(lab, w, body)
	case call == CallSubmit:
		s.begin(lab, w, body)
	case path == "batch/jobs":
		s.list(lab, w)
	case call == CallStatus:
		s.report(lab, w, strings.TrimPrefix(path, "batch/jobs/"))
	case call == CallFetch:
		s.output(lab, w, strings.TrimSuffix(strings.TrimPrefix(path, "files/output-"), "/content"))
	case strings.HasPrefix(path, "batch/jobs/") && call == CallDelete:
		id := strings.TrimPrefix(path, "batch/jobs/")
		lab.Forget(id)
		lab.Store("of-"+id, nil)
		writeJSON(w, http.StatusOK, madeUp{"deleted": true})
	case call == CallDelete:
		lab.Store(strings.TrimPrefix(path, "files/"), nil)
		writeJSON(w, http.StatusOK, madeUp{"deleted": true})
	default:
		RefuseJSON(w, FaultExpired, "no such place")
	}
}

func (mistralService) upload(lab *Lab, w http.ResponseWriter, mime string, body []byte) {
	if !strings.HasPrefix(mime, "multipart/form-data") || !bytes.Contains(body, []byte(`name="purpose"`)) {
		writeJSON(w, http.StatusUnprocessableEntity, madeUp{"detail": []madeUp{{"type": "missing", "msg": "Field required"}}})
		return
	}
	id := lab.storeNew(body)
	writeJSON(w, http.StatusOK, madeUp{"id": id, "object": "file", "purpose": "batch"})
}

// sent is the document in a body with a data address.
func sent(body []byte) []byte {
	m := regexp.MustCompile(`"data:[a-z]+/[a-z]+;base64,([A-Za-z0-9+/=]+)"`).FindSubmatch(body)
	if m == nil {
		return nil
	}
	document, err := base64.StdEncoding.DecodeString(string(m[1]))
	if err != nil {
		return nil
	}
	return document
}

func (mistralService) now(lab *Lab, w http.ResponseWriter, body []byte) {
	document := sent(body)
	if document == nil {
		writeJSON(w, http.StatusUnprocessableEntity, madeUp{"detail": []madeUp{{"type": "value_error", "msg": "no document"}}})
		return
	}
	job := lab.Accept(w, "", "", document)
	writeJSON(w, http.StatusOK, lab.madeUpOCR(job))
}

func (mistralService) begin(lab *Lab, w http.ResponseWriter, body []byte) {
	var ask struct {
		InputFiles []string          `json:"input_files"`
		Endpoint   string            `json:"endpoint"`
		Metadata   map[string]string `json:"metadata"`
	}
	if json.Unmarshal(body, &ask) != nil || len(ask.InputFiles) != 1 || ask.Endpoint != "/v1/ocr" {
		writeJSON(w, http.StatusUnprocessableEntity, madeUp{"detail": []madeUp{{"type": "value_error", "msg": "no batch"}}})
		return
	}
	file, ok := lab.Stored(ask.InputFiles[0])
	if !ok {
		RefuseJSON(w, FaultExpired, "no such file")
		return
	}
	job := lab.Accept(w, ask.Metadata["intray_key"], "", sent(file))
	lab.Store("of-"+job.ID, []byte(ask.InputFiles[0]))
	writeJSON(w, http.StatusOK, describe(lab, job, false))
}

// list has the jobs whose key is ours, of which the lab remembers only the first.
func (mistralService) list(lab *Lab, w http.ResponseWriter) {
	all := []madeUp{}
	for key := range lab.AcceptedByKey() {
		if job, ok := lab.ByKey(key); ok {
			all = append(all, describe(lab, job, false))
		}
	}
	writeJSON(w, http.StatusOK, madeUp{"data": all, "object": "list", "total": len(all)})
}

func describe(lab *Lab, job LabJob, done bool) madeUp {
	m := madeUp{"id": job.ID, "object": "batch", "status": "RUNNING", "metadata": madeUp{"intray_key": job.Key}, "errors": []madeUp{},
		"total_requests": 1, "succeeded_requests": 0, "failed_requests": 0, "output_file": nil, "error_file": nil}
	if file, ok := lab.Stored("of-" + job.ID); ok {
		m["input_files"] = []string{string(file)}
	}
	switch {
	case !done:
	case job.Outcome == Fails:
		m["status"], m["errors"] = "FAILED", []madeUp{{"message": "the input could not be read", "count": 1}}
	case job.Outcome == Hollow:
		m["status"] = "SUCCESS"
	default:
		m["status"], m["succeeded_requests"], m["output_file"] = "SUCCESS", 1, "output-"+job.ID
	}
	return m
}

func (mistralService) report(lab *Lab, w http.ResponseWriter, id string) {
	job, done, ok := lab.Look(id)
	if !ok {
		RefuseJSON(w, FaultExpired, "no such job")
		return
	}
	writeJSON(w, http.StatusOK, describe(lab, job, done))
}

func (mistralService) output(lab *Lab, w http.ResponseWriter, id string) {
	job, ok := lab.Job(id)
	if !ok {
		RefuseJSON(w, FaultExpired, "no such file")
		return
	}
	writeJSON(w, http.StatusOK, madeUp{"id": "1", "custom_id": "document", "error": nil,
		"response": madeUp{"status_code": 200, "body": lab.madeUpOCR(job)}})
}

// madeUpOCR are pages that say which they are.
func (l *Lab) madeUpOCR(job LabJob) madeUp {
	pages := PagesOf(job.Document)
	switch job.Outcome {
	case Hollow:
		pages = 0
	case LosesPages:
		pages--
	}
	list := []madeUp{}
	for i := range pages {
		list = append(list, madeUp{"index": i, "markdown": strings.Join(l.lines(fmt.Sprintf("# Page %d read", i+1)), "\n\n"), "images": []madeUp{},
			"dimensions": madeUp{"dpi": 200, "height": 2200, "width": 1700}})
	}
	return madeUp{"pages": list, "model": "mistral-ocr-lab", "usage_info": madeUp{"pages_processed": pages}}
}
