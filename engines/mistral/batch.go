package mistral

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"intray/engines"
)

const (
	// customID names the one document of a batch.
	customID = "document"
	// metadataKey is where our idempotency key is in a batch's metadata.
	metadataKey = "intray_key"
	// timeoutHours is when Mistral gives a batch up.
	timeoutHours = 24
	// lookBack is how far back a batch with our key can be.
	lookBack = 7 * 24 * time.Hour
	// pageSize and maxListed bound the search among the account's batches.
	pageSize  = 100
	maxListed = 50 * pageSize
)

// batch is a batch job as Mistral describes it.
type batch struct {
	ID         string   `json:"id"`
	Status     string   `json:"status"`
	InputFiles []string `json:"input_files"`
	OutputFile string   `json:"output_file"`
	ErrorFile  string   `json:"error_file"`
	// Metadata of other programs' batches may have values of any kind.
	Metadata  map[string]any `json:"metadata"`
	Succeeded int            `json:"succeeded_requests"`
	Failed    int            `json:"failed_requests"`
	Errors    []struct {
		Message string `json:"message"`
	} `json:"errors"`
}

// status is how far the batch is. A success in which nothing succeeded is none.
func (p *Provider) status(b batch) engines.JobStatus {
	var cause error
	if len(b.Errors) > 0 {
		cause = p.quote(b.Errors[0].Message)
	}
	failed := func(kind engines.Kind, code, sentence string) engines.JobStatus {
		return engines.JobStatus{State: engines.JobFailed, Err: &engines.Error{Kind: kind, Code: code, Sentence: sentence, Cause: cause}}
	}
	switch b.Status {
	case "SUCCESS":
		switch {
		case b.Succeeded == 0 && (b.Failed > 0 || b.ErrorFile != ""):
			return failed(engines.Terminal, engines.CodeContent, "Mistral could not read the document. Look at it, or use another engine.")
		case b.Succeeded == 0:
			return failed(engines.Terminal, engines.CodeHollow, "Mistral's batch succeeded and read nothing. Submit the document again, or use another engine.")
		}
		return engines.JobStatus{State: engines.JobSucceeded}
	case "FAILED":
		return failed(engines.Terminal, engines.CodeContent, "Mistral's batch failed. Look at the document, or use another engine.")
	case "TIMEOUT_EXCEEDED":
		return failed(engines.Retryable, engines.CodeTimeout, fmt.Sprintf("Mistral did not come to the document within %d hours.", timeoutHours))
	case "CANCELLED":
		return failed(engines.Terminal, engines.CodeService, "Somebody has cancelled the batch at Mistral. Submit the document again.")
	}
	return engines.JobStatus{State: engines.JobRunning}
}

// submitBatch finds the batch with that key or makes it: a file of one line and a
// job over it.
func (p *Provider) submitBatch(ctx context.Context, doc engines.Document, key string) (engines.Job, error) {
	if found, err := p.find(ctx, key); err != nil || found != "" {
		return engines.Job{ID: found}, err
	}
	line, err := json.Marshal(map[string]any{"custom_id": customID, "body": p.request(doc)})
	if err != nil {
		return engines.Job{}, internal(err)
	}
	file, err := p.upload(ctx, append(line, '\n'))
	if err != nil {
		return engines.Job{}, engines.AskAgain(ctx, err)
	}
	body, err := json.Marshal(map[string]any{"input_files": []string{file}, "model": p.options.Model, "endpoint": "/v1/ocr",
		"metadata": map[string]string{metadataKey: key}, "timeout_hours": timeoutHours})
	if err != nil {
		return engines.Job{}, internal(err)
	}
	raw, err := p.call(ctx, http.MethodPost, "v1/batch/jobs", "application/json", body)
	var b batch
	if err == nil && (json.Unmarshal(raw, &b) != nil || b.ID == "") {
		err = &engines.Error{Kind: engines.Retryable, Code: engines.CodeSubmitUnknown, Sentence: "Mistral answered without naming the batch."}
	}
	if err != nil {
		p.withdraw(ctx, file, err)
		return engines.Job{}, err
	}
	return engines.Job{ID: b.ID}, nil
}

// withdraw removes the document of a batch that certainly is none.
func (p *Provider) withdraw(ctx context.Context, file string, cause error) {
	if e, ok := engines.AsError(cause); !ok || e.Code == engines.CodeSubmitUnknown || e.Code == engines.CodeService {
		return
	}
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	// What has to be told is why there is no batch.
	_ = p.remove(short, "v1/files/"+url.PathEscape(file))
}

// find is the id of the batch whose metadata have that key; "" for none.
func (p *Provider) find(ctx context.Context, key string) (string, error) {
	for page := 0; page*pageSize < maxListed; page++ {
		query := url.Values{"page": {strconv.Itoa(page)}, "page_size": {strconv.Itoa(pageSize)},
			"created_after": {time.Now().Add(-lookBack).UTC().Format(time.RFC3339)}}
		var list struct {
			Data []batch `json:"data"`
		}
		if err := p.get(ctx, "v1/batch/jobs?"+query.Encode(), &list); err != nil {
			return "", err
		}
		for _, b := range list.Data {
			if b.Metadata[metadataKey] == key && b.ID != "" {
				return b.ID, nil
			}
		}
		if len(list.Data) < pageSize {
			return "", nil
		}
	}
	return "", nil
}

// upload stores the batch's input and returns its id.
func (p *Provider) upload(ctx context.Context, content []byte) (string, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	err := form.WriteField("purpose", "batch")
	if err == nil {
		part, cause := form.CreateFormFile("file", "intray.jsonl")
		if err = cause; err == nil {
			_, err = part.Write(content)
		}
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return "", internal(err)
	}
	raw, err := p.call(ctx, http.MethodPost, "v1/files", form.FormDataContentType(), body.Bytes())
	if err != nil {
		return "", err
	}
	var file struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(raw, &file); err != nil || file.ID == "" {
		return "", nonsense(err)
	}
	return file.ID, nil
}

func (p *Provider) batch(ctx context.Context, job engines.Job) (batch, error) {
	var b batch
	err := p.get(ctx, "v1/batch/jobs/"+url.PathEscape(job.ID), &b)
	if err == nil && b.Status == "" {
		err = nonsense(errors.New("the batch has no status"))
	}
	return b, err
}

// fetchBatch takes the OCR answer out of the batch's output.
func (p *Provider) fetchBatch(ctx context.Context, job engines.Job) ([]byte, error) {
	b, err := p.batch(ctx, job)
	if err != nil {
		return nil, err
	}
	switch s := p.status(b); {
	case s.Err != nil:
		return nil, s.Err
	case s.State != engines.JobSucceeded:
		return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeService, Sentence: "Mistral's batch is not done yet."}
	case b.OutputFile == "":
		return nil, hollow()
	}
	output, err := p.call(ctx, http.MethodGet, "v1/files/"+url.PathEscape(b.OutputFile)+"/content", "", nil)
	if err != nil {
		return nil, engines.AskAgain(ctx, err)
	}
	return p.answerIn(output)
}

// answerIn finds our line in a batch's output; lines come in any order. An output
// without any line is no answer but a broken transfer.
func (p *Provider) answerIn(output []byte) ([]byte, error) {
	lines := bufio.NewScanner(bytes.NewReader(output))
	lines.Buffer(nil, len(output)+1)
	empty := true
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		empty = false
		var line struct {
			CustomID string `json:"custom_id"`
			Response struct {
				Status int             `json:"status_code"`
				Body   json.RawMessage `json:"body"`
			} `json:"response"`
			Error json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, nonsense(err)
		}
		switch {
		case line.CustomID != customID:
		case line.Response.Status >= 400:
			return nil, p.failure(engines.Reply{Status: line.Response.Status, Body: line.Response.Body})
		case len(line.Response.Body) == 0 || string(line.Response.Body) == "null":
			return nil, &engines.Error{Kind: engines.Terminal, Code: engines.CodeContent, Cause: p.quote(string(line.Error)),
				Sentence: "Mistral could not read the document. Look at it, or use another engine."}
		default:
			return line.Response.Body, nil
		}
	}
	if empty {
		return nil, nonsense(errors.New("the output file is empty"))
	}
	return nil, hollow()
}

// deleteBatch removes first the files and then the job that names them.
func (p *Provider) deleteBatch(ctx context.Context, job engines.Job) error {
	b, err := p.batch(ctx, job)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, file := range append(b.InputFiles, b.OutputFile, b.ErrorFile) {
		if file == "" {
			continue
		}
		if err := p.remove(ctx, "v1/files/"+url.PathEscape(file)); err != nil {
			return err
		}
	}
	return p.remove(ctx, "v1/batch/jobs/"+url.PathEscape(job.ID))
}
