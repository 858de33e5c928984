package servers

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// DocumentAIService is Google Document AI, Cloud Storage and the token endpoint at
// one address, made up after their API references. The credential is the service
// account's name, which is the token as well; assertions are not checked further.
func DocumentAIService() Service { return documentAIService{} }

type documentAIService struct{}

func (documentAIService) Call(r *http.Request) Call {
	path := r.URL.Path
	switch {
	case path == "/token":
		return CallToken
	case strings.HasSuffix(path, ":process"), strings.HasSuffix(path, ":batchProcess"):
		return CallSubmit
	case strings.HasPrefix(path, "/upload/storage/"):
		return CallUpload
	case strings.Contains(path, "/operations/"):
		return CallStatus
	case strings.HasPrefix(path, "/storage/") && r.Method == http.MethodDelete:
		return CallDelete
	case strings.HasPrefix(path, "/storage/"):
		return CallFetch
	}
	return CallOther
}

func (documentAIService) Credential(r *http.Request) string {
	if r.URL.Path != "/token" {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		return token
	}
	parts := strings.Split(r.FormValue("assertion"), ".")
	if len(parts) != 3 || r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		return ""
	}
	var claims struct {
		Issuer string `json:"iss"`
		Scope  string `json:"scope"`
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.Scope == "" {
		return ""
	}
	return claims.Issuer
}

func (documentAIService) Refuse(w http.ResponseWriter, f Fault, message string) {
	code, status := http.StatusInternalServerError, "INTERNAL"
	switch f {
	case FaultRate, FaultQuota:
		code, status = http.StatusTooManyRequests, "RESOURCE_EXHAUSTED"
	case FaultAuth:
		code, status = http.StatusUnauthorized, "UNAUTHENTICATED"
	case FaultBusy:
		code, status = http.StatusServiceUnavailable, "UNAVAILABLE"
	case FaultExpired:
		code, status = http.StatusNotFound, "NOT_FOUND"
	}
	refuseGoogle(w, code, status, message)
}

func refuseGoogle(w http.ResponseWriter, code int, status, message string) {
	writeJSON(w, code, madeUp{"error": madeUp{"code": code, "status": status, "message": message}})
}

func (s documentAIService) Answer(lab *Lab, call Call, w http.ResponseWriter, r *http.Request) {
	if call == CallToken {
		writeJSON(w, http.StatusOK, madeUp{"access_token": s.Credential(r), "token_type": "Bearer", "expires_in": 3600})
		return
	}
	body, err := io.ReadAll(r.Body)
	_, object, inBucket := strings.Cut(r.URL.Path, "/o/")
	switch {
	case err != nil:
		refuseGoogle(w, http.StatusBadRequest, "INVALID_ARGUMENT", "The body is not whole.")
	case call == CallUpload:
		lab.Store(r.URL.Query().Get("name"), body)
		writeJSON(w, http.StatusOK, madeUp{"name": r.URL.Query().Get("name")})
	case call == CallDelete:
		if _, ok := lab.Stored(object); !ok {
			refuseGoogle(w, http.StatusNotFound, "NOT_FOUND", "No such object.")
			return
		}
		lab.Store(object, nil)
		w.WriteHeader(http.StatusNoContent)
	case call == CallFetch && inBucket:
		data, ok := lab.Stored(object)
		if !ok {
			refuseGoogle(w, http.StatusNotFound, "NOT_FOUND", "No such object.")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(data)
	case call == CallFetch:
		names := slices.DeleteFunc(lab.StoredNames(), func(name string) bool { return !strings.HasPrefix(name, r.URL.Query().Get("prefix")) })
		items := []madeUp{}
		for _, name := range names {
			items = append(items, madeUp{"name": name})
		}
		writeJSON(w, http.StatusOK, madeUp{"items": items})
	case call == CallSubmit:
		s.begin(lab, w, strings.HasSuffix(r.URL.Path, ":process"), body)
	case call == CallStatus:
		s.report(lab, w, r)
	default:
		refuseGoogle(w, http.StatusNotFound, "NOT_FOUND", "No such method.")
	}
}

// begin takes a document at once or out of the bucket. What a batch is asked for is
// kept as its key, for want of another.
func (documentAIService) begin(lab *Lab, w http.ResponseWriter, online bool, body []byte) {
	if online {
		var ask struct {
			Raw struct{ Content []byte } `json:"rawDocument"`
		}
		if json.Unmarshal(body, &ask) != nil || len(ask.Raw.Content) == 0 {
			refuseGoogle(w, http.StatusBadRequest, "INVALID_ARGUMENT", "There is no document.")
			return
		}
		job := lab.Accept(w, "", "", ask.Raw.Content)
		shards := lab.madeUpDocuments(job, 1)
		if len(shards) == 0 {
			shards = []madeUp{{}}
		}
		writeJSON(w, http.StatusOK, madeUp{"document": shards[0]})
		return
	}
	input := regexp.MustCompile(`"gcsUri":\s*"gs://[^/"]+/([^"]+)","mimeType"`).FindSubmatch(body)
	output := regexp.MustCompile(`"gcsUri":\s*"(gs://[^"]+/)"`).FindSubmatch(body)
	if input == nil || output == nil {
		refuseGoogle(w, http.StatusBadRequest, "INVALID_ARGUMENT", "There is no input or output.")
		return
	}
	document, ok := lab.Stored(string(input[1]))
	if !ok {
		refuseGoogle(w, http.StatusBadRequest, "INVALID_ARGUMENT", "The object is not there.")
		return
	}
	job := lab.Accept(w, string(output[1]), "", document)
	writeJSON(w, http.StatusOK, madeUp{"name": "projects/1/locations/eu/operations/" + job.ID, "metadata": madeUp{"state": "RUNNING"}})
}

// report answers for an operation; the first look at its end writes the answer into
// the bucket, a shard a page, of which the file names are not in order.
func (documentAIService) report(lab *Lab, w http.ResponseWriter, r *http.Request) {
	_, id, _ := strings.Cut(r.URL.Path, "/operations/")
	job, done, ok := lab.Look(id)
	operation := madeUp{"name": strings.TrimPrefix(r.URL.Path, "/v1/"), "metadata": madeUp{"state": "RUNNING"}}
	switch {
	case !ok:
		refuseGoogle(w, http.StatusNotFound, "NOT_FOUND", "No such operation.")
		return
	case !done:
	case job.Outcome == Fails:
		operation["done"] = true
		operation["error"] = madeUp{"code": 3, "message": "Failed to process all documents."}
	default:
		destination := job.Key + id + "/0"
		_, folder, _ := strings.Cut(strings.TrimPrefix(destination, "gs://"), "/")
		shards := lab.madeUpDocuments(job, 0)
		for i, d := range shards {
			text, err := json.Marshal(d)
			if err != nil {
				continue
			}
			lab.Store(fmt.Sprintf("%s/document-%d.json", folder, len(shards)-1-i), text)
		}
		if lab.Address(r) == lab.ForeignURL {
			destination = "gs://of-somebody-else/out/0"
		}
		operation["done"], operation["response"] = true, madeUp{}
		operation["metadata"] = madeUp{"state": "SUCCEEDED", "individualProcessStatuses": []madeUp{{"status": madeUp{}, "outputGcsDestination": destination}}}
	}
	writeJSON(w, http.StatusOK, operation)
}

// madeUpDocuments are shards of one page each, or one Document, whose pages say
// which they are.
func (l *Lab) madeUpDocuments(job LabJob, shards int) []madeUp {
	pages := PagesOf(job.Document)
	switch job.Outcome {
	case Hollow:
		return nil
	case LosesPages:
		pages--
	}
	if shards == 0 {
		shards = pages
	}
	var all []madeUp
	number := 1
	for i := range shards {
		text, list := "", []madeUp{}
		for n := pages/shards + min(1, max(0, pages%shards-i)); n > 0; n-- {
			from := len([]rune(text))
			text += strings.Join(l.lines(fmt.Sprintf("Page %d read 🍐", number)), "\n") + "\n"
			list = append(list, madeUpPage(number, []rune(text), from))
			number++
		}
		all = append(all, madeUp{"text": text, "pages": list, "shardInfo": madeUp{"shardIndex": fmt.Sprint(i), "shardCount": fmt.Sprint(shards)}})
	}
	return all
}

func madeUpPage(number int, text []rune, from int) madeUp {
	spot := func(from, to int, left, width float64) madeUp {
		right := left + width
		return madeUp{"layout": madeUp{"textAnchor": madeUp{"textSegments": []madeUp{{"startIndex": fmt.Sprint(from), "endIndex": fmt.Sprint(to)}}},
			"confidence": 0.98, "orientation": "PAGE_UP",
			"boundingPoly": madeUp{"normalizedVertices": []madeUp{{"x": left}, {"x": right}, {"x": right, "y": 0.1}, {"x": left, "y": 0.1}}}}}
	}
	var tokens []madeUp
	begin := from
	for i := from; i < len(text); i++ {
		if text[i] == ' ' || text[i] == '\n' {
			tokens = append(tokens, spot(begin, i+1, 0.1*float64(len(tokens)), 0.08))
			begin = i + 1
		}
	}
	whole := spot(from, len(text), 0, 0.9)
	return madeUp{"pageNumber": number, "dimension": madeUp{"width": 1000, "height": 1400, "unit": "pixels"}, "layout": whole["layout"],
		"detectedLanguages": []madeUp{{"languageCode": "en", "confidence": 0.9}}, "paragraphs": []madeUp{whole}, "lines": []madeUp{whole}, "tokens": tokens}
}
