package servers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// TextractService is Amazon Textract and S3 (path style) at one address. Answers
// are made up after AWS's API references. It checks that a signature is there and
// well formed, not that it holds; the credential is the access key's id. Objects
// have to be encrypted with S3's own key.
func TextractService() Service { return textractService{} }

type textractService struct{}

func (textractService) Call(r *http.Request) Call {
	operation := r.Header.Get("X-Amz-Target")
	switch {
	case strings.HasPrefix(operation, "Textract.Start"):
		return CallSubmit
	case strings.HasPrefix(operation, "Textract.Get"):
		return CallStatus
	case r.Method == http.MethodPut:
		return CallUpload
	case r.Method == http.MethodDelete:
		return CallDelete
	}
	return CallOther
}

func (textractService) Credential(r *http.Request) string {
	signed := regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/[a-z0-9-]+/(textract|s3)/aws4_request, ?SignedHeaders=[a-z0-9;-]+, ?Signature=[0-9a-f]{64}$`)
	if m := signed.FindStringSubmatch(r.Header.Get("Authorization")); m != nil && r.Header.Get("X-Amz-Date") != "" {
		return m[1]
	}
	return ""
}

// Refuse has statuses that S3's client understands as well, which reads no JSON;
// Textract's own refusals of rate and credential are 400.
func (textractService) Refuse(w http.ResponseWriter, f Fault, message string) {
	name, status := "InternalServerError", http.StatusInternalServerError
	switch f {
	case FaultRate:
		name, status = "ThrottlingException", http.StatusTooManyRequests
	case FaultQuota:
		name, status = "ServiceQuotaExceededException", http.StatusBadRequest
	case FaultAuth:
		name, status = "UnrecognizedClientException", http.StatusForbidden
	case FaultBusy:
		name, status = "ServiceUnavailableException", http.StatusServiceUnavailable
	case FaultExpired:
		name, status = "InvalidJobIdException", http.StatusBadRequest
	}
	refuseAWS(w, status, name, message)
}

func refuseAWS(w http.ResponseWriter, status int, name, message string) {
	writeJSON(w, status, map[string]any{"__type": "com.amazonaws.textract#" + name, "Message": message})
}

func (s textractService) Answer(lab *Lab, call Call, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		refuseAWS(w, http.StatusBadRequest, "ValidationException", "The body is not whole.")
		return
	}
	switch call {
	case CallUpload:
		if r.Header.Get("X-Amz-Server-Side-Encryption") != "AES256" || len(body) == 0 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		lab.Store(r.URL.Path, body)
	case CallDelete:
		lab.Store(r.URL.Path, nil)
		w.WriteHeader(http.StatusNoContent)
	case CallSubmit:
		s.begin(lab, w, body)
	case CallStatus:
		s.report(lab, w, strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "Textract.Get"), body)
	default:
		refuseAWS(w, http.StatusBadRequest, "UnknownOperationException", "What is asked for is unknown.")
	}
}

// begin takes a job. The same token names the same job.
func (textractService) begin(lab *Lab, w http.ResponseWriter, body []byte) {
	var ask struct {
		DocumentLocation   struct{ S3Object struct{ Bucket, Name string } }
		ClientRequestToken string
	}
	object := &ask.DocumentLocation.S3Object
	if json.Unmarshal(body, &ask) != nil || !regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`).MatchString(ask.ClientRequestToken) {
		refuseAWS(w, http.StatusBadRequest, "ValidationException", "The token is not as it should be.")
		return
	}
	if job, ok := lab.ByKey(ask.ClientRequestToken); ok {
		writeJSON(w, http.StatusOK, map[string]any{"JobId": job.ID})
		return
	}
	document, ok := lab.Stored("/" + object.Bucket + "/" + object.Name)
	if !ok {
		refuseAWS(w, http.StatusBadRequest, "InvalidS3ObjectException", "The object is not there.")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"JobId": lab.Accept(w, ask.ClientRequestToken, "", document).ID})
}

// report answers a Get call, at most MaxResults blocks of it.
func (textractService) report(lab *Lab, w http.ResponseWriter, operation string, body []byte) {
	var ask struct {
		JobID      string `json:"JobId"`
		NextToken  string
		MaxResults int
	}
	job, done, ok := LabJob{}, false, json.Unmarshal(body, &ask) == nil
	if ok {
		job, done, ok = lab.Look(ask.JobID)
	}
	switch {
	case !ok:
		refuseAWS(w, http.StatusBadRequest, "InvalidJobIdException", "The job is unknown.")
		return
	case !done:
		writeJSON(w, http.StatusOK, map[string]any{"JobStatus": "IN_PROGRESS"})
		return
	case job.Outcome == Fails:
		writeJSON(w, http.StatusOK, map[string]any{"JobStatus": "FAILED", "StatusMessage": "UnsupportedDocumentException: no pages."})
		return
	}
	pages := PagesOf(job.Document)
	answer := map[string]any{"JobStatus": "SUCCEEDED", "DocumentMetadata": map[string]any{"Pages": pages}}
	if job.Outcome == Hollow {
		writeJSON(w, http.StatusOK, answer)
		return
	}
	if job.Outcome == LosesPages {
		answer["JobStatus"] = "PARTIAL_SUCCESS"
		answer["Warnings"] = []any{map[string]any{"ErrorCode": "INVALID_IMAGE_TYPE", "Pages": []int{pages}}}
		pages--
	}
	if operation == "ExpenseAnalysis" {
		answer["ExpenseDocuments"] = lab.madeUpExpense(job, pages)
		writeJSON(w, http.StatusOK, answer)
		return
	}
	all := lab.madeUpBlocks(pages)
	from, _ := strconv.Atoi(ask.NextToken)
	from = min(max(from, 0), len(all))
	if ask.MaxResults < 1 || ask.MaxResults > 1000 {
		ask.MaxResults = 1000
	}
	to := min(from+ask.MaxResults, len(all))
	if answer["Blocks"] = all[from:to]; to < len(all) {
		answer["NextToken"] = strconv.Itoa(to)
	}
	writeJSON(w, http.StatusOK, answer)
}

type madeUp = map[string]any

func madeUpPlace(left, top, width, height float64) madeUp {
	return madeUp{"BoundingBox": madeUp{"Left": left, "Top": top, "Width": width, "Height": height},
		"Polygon": []madeUp{{"X": left, "Y": top}, {"X": left + width, "Y": top}, {"X": left + width, "Y": top + height}, {"X": left, "Y": top + height}}}
}

// madeUpBlocks are pages whose first line is "Page N read".
func (l *Lab) madeUpBlocks(pages int) []madeUp {
	child := func(ids []string) []madeUp { return []madeUp{{"Type": "CHILD", "Ids": ids}} }
	var all []madeUp
	for n := 1; n <= pages; n++ {
		var ids []string
		var blocks []madeUp
		for i, text := range l.lines(fmt.Sprintf("Page %d read", n)) {
			line, y := fmt.Sprintf("line-%d-%d", n, i), 0.1+0.03*float64(i)
			ids = append(ids, line)
			var words []string
			for j, word := range strings.Fields(text) {
				id := fmt.Sprintf("word-%d-%d-%d", n, i, j)
				words = append(words, id)
				blocks = append(blocks, madeUp{"Id": id, "BlockType": "WORD", "Page": n, "Text": word, "TextType": "PRINTED", "Confidence": 99.5,
					"Geometry": madeUpPlace(0.1+float64(j)*0.1, y, 0.08, 0.02)})
			}
			blocks = append(blocks, madeUp{"Id": line, "BlockType": "LINE", "Page": n, "Text": text, "Confidence": 99.5,
				"Geometry": madeUpPlace(0.1, y, 0.1*float64(len(words)), 0.02), "Relationships": child(words)})
		}
		all = append(all, madeUp{"Id": fmt.Sprintf("page-%d", n), "BlockType": "PAGE", "Page": n, "Geometry": madeUpPlace(0, 0, 1, 1), "Relationships": child(ids)})
		all = append(all, blocks...)
	}
	return all
}

// madeUpExpense is an invoice whose total is on each page.
func (l *Lab) madeUpExpense(job LabJob, pages int) []madeUp {
	var all []madeUp
	field := func(name, text string, page int) madeUp {
		return madeUp{"Type": madeUp{"Text": name, "Confidence": 99.0}, "PageNumber": page,
			"ValueDetection": madeUp{"Text": text, "Confidence": 99.0, "Geometry": madeUpPlace(0.5, 0.5, 0.1, 0.02)}}
	}
	blocks := l.madeUpBlocks(pages)
	for n := 1; n <= pages; n++ {
		var own []madeUp
		for _, b := range blocks {
			if b["Page"] == n {
				own = append(own, b)
			}
		}
		all = append(all, madeUp{"ExpenseIndex": n, "Blocks": own,
			"SummaryFields": []madeUp{field("INVOICE_RECEIPT_ID", "R-"+job.number(), n), field("DUE_DATE", "2026-11-30", n), field("TOTAL", "EUR 119,00", n)}})
	}
	return all
}
