package documentai

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"intray/engines"
)

// pagesPerShard is how Google parts its answer.
const pagesPerShard = 50

// maxObjects bounds the objects of one document in the bucket.
const maxObjects = 1000

// operation is a long-running operation of Google.
type operation struct {
	Name     string     `json:"name"`
	Done     bool       `json:"done"`
	Error    *rpcStatus `json:"error"`
	Metadata struct {
		State    string `json:"state"`
		Statuses []struct {
			Status rpcStatus `json:"status"`
			Output string    `json:"outputGcsDestination"`
		} `json:"individualProcessStatuses"`
	} `json:"metadata"`
}

// status looks at the document's own status too: an operation can succeed while
// its document failed.
func (o operation) status() engines.JobStatus {
	failed := func(err *engines.Error) engines.JobStatus {
		return engines.JobStatus{State: engines.JobFailed, Err: err}
	}
	if !o.Done {
		return engines.JobStatus{State: engines.JobRunning}
	}
	if o.Error != nil {
		return failed(o.Error.failure(0, "read the document"))
	}
	for _, s := range o.Metadata.Statuses {
		if s.Status.Code != 0 {
			return failed(s.Status.failure(0, "read the document"))
		}
	}
	if len(o.Metadata.Statuses) == 0 || o.Metadata.Statuses[0].Output == "" {
		return failed(hollow())
	}
	return engines.JobStatus{State: engines.JobSucceeded}
}

// submitBatch stores the document in a folder of its own and starts the batch, whose
// answer goes beside it. The job's URL is the folder.
func (p *Provider) submitBatch(ctx context.Context, doc engines.Document, token string) (engines.Job, error) {
	folder := path.Join(p.options.Prefix, token)
	input := folder + "/in/document"
	query := url.Values{"uploadType": {"media"}, "name": {input}}
	upload := "upload/storage/v1/b/" + url.PathEscape(p.options.Bucket) + "/o?" + query.Encode()
	at := "gs://" + p.options.Bucket + "/"
	job := engines.Job{URL: at + folder + "/"}
	if _, err := p.call(ctx, &p.storage, http.MethodPost, upload, doc.MIME, doc.Content); err != nil {
		// What was not heard of may be there all the same.
		if _, failed := engines.AsError(err); failed && !doc.Again {
			p.withdraw(ctx, job)
		}
		return engines.Job{}, engines.AskAgain(ctx, err)
	}
	ask := map[string]any{
		"inputDocuments": map[string]any{"gcsDocuments": map[string]any{"documents": []any{map[string]any{"gcsUri": at + input, "mimeType": doc.MIME}}}},
		"documentOutputConfig": map[string]any{"gcsOutputConfig": map[string]any{"gcsUri": at + folder + "/out/",
			"shardingConfig": map[string]any{"pagesPerShard": pagesPerShard}}},
		"skipHumanReview": true,
	}
	if len(doc.Languages) > 0 {
		ask["processOptions"] = map[string]any{"ocrConfig": map[string]any{"hints": map[string]any{"languageHints": doc.Languages}}}
	}
	raw, err := p.call(ctx, &p.api, http.MethodPost, "v1/"+p.options.Processor+":batchProcess", "application/json", encode(ask))
	var o operation
	if err == nil && (json.Unmarshal(raw, &o) != nil || !isOperation(o.Name)) {
		err = &engines.Error{Kind: engines.Retryable, Code: engines.CodeSubmitUnknown, Sentence: "Document AI answered without naming the operation."}
	}
	if err != nil {
		if !doc.Again && certainlyNone(err) {
			p.withdraw(ctx, job)
		}
		return engines.Job{}, err
	}
	job.ID = o.Name
	return job, nil
}

func isOperation(name string) bool {
	return regexp.MustCompile(`^projects/[^/?#]+/locations/[^/?#]+/operations/[^/?#]+$`).MatchString(name)
}

// certainlyNone is true for an error that says that no batch was started.
func certainlyNone(err error) bool {
	e, ok := engines.AsError(err)
	return ok && e.Code != engines.CodeSubmitUnknown && e.Code != engines.CodeService
}

// withdraw removes the document of a batch that is none.
func (p *Provider) withdraw(ctx context.Context, job engines.Job) {
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	// What has to be told is why there is no batch.
	_ = p.deleteBatch(short, job)
}

func (p *Provider) operation(ctx context.Context, job engines.Job) (operation, error) {
	if _, err := p.folder(job.URL); err != nil {
		return operation{}, err
	}
	if !isOperation(job.ID) {
		return operation{}, &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadRequest, Sentence: "The job has no name of Document AI. Submit the document again."}
	}
	var o operation
	err := p.get(ctx, &p.api, "v1/"+job.ID, &o)
	if err == nil && o.Name == "" {
		err = nonsense(errors.New("the operation has no name"))
	}
	return o, err
}

// folder is the name, in our bucket, of a gs:// address. Nothing is read or
// removed elsewhere.
func (p *Provider) folder(address string) (string, error) {
	name, ok := strings.CutPrefix(address, "gs://"+p.options.Bucket+"/")
	if !ok || p.options.Bucket == "" || strings.Trim(name, "/") == "" || !strings.HasPrefix(name, p.options.Prefix) {
		return "", &engines.Error{Kind: engines.Terminal, Code: engines.CodeForeignAddress,
			Sentence: fmt.Sprintf("The job's files are not in the folder %q of the bucket %q. Nothing was asked there.", p.options.Prefix, p.options.Bucket)}
	}
	return strings.TrimSuffix(name, "/") + "/", nil
}

// fetchBatch joins the shards of the answer.
func (p *Provider) fetchBatch(ctx context.Context, job engines.Job) ([]byte, error) {
	o, err := p.operation(ctx, job)
	if err != nil {
		return nil, err
	}
	if s := o.status(); s.Err != nil {
		return nil, s.Err
	} else if s.State != engines.JobSucceeded {
		return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeService, Sentence: "Document AI is still reading the document."}
	}
	where := o.Metadata.Statuses[0].Output
	folder, err := p.folder(where)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(where, job.URL) { // another job's answer is another document's
		return nil, nonsense(fmt.Errorf("the answer is not in the job's folder but at %.100q", where))
	}
	names, err := p.list(ctx, folder)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, ".json") })
	if len(names) == 0 {
		return nil, hollow()
	}
	slices.SortFunc(names, byNumber)
	out := []byte{'['}
	for i, name := range names {
		shard, err := p.call(ctx, &p.storage, http.MethodGet, p.object(name)+"?alt=media", "", nil)
		if err != nil {
			return nil, engines.AskAgain(ctx, err)
		}
		if !json.Valid(shard) {
			return nil, nonsense(fmt.Errorf("part %d is no JSON", i))
		}
		if i > 0 {
			out = append(out, ',')
		}
		if out = append(out, shard...); len(out) > engines.DefaultMaxAnswer {
			return nil, nonsense(fmt.Errorf("the answer is longer than %d bytes", engines.DefaultMaxAnswer))
		}
	}
	return append(out, ']'), nil
}

// byNumber sorts shards by the number at the end of their names: 10 comes after 9.
// A Document's own shard index, where there is one, decides in Normalize.
func byNumber(a, b string) int {
	number := func(name string) int {
		base := strings.TrimSuffix(name, ".json")
		n, err := strconv.Atoi(base[strings.LastIndexByte(base, '-')+1:])
		if err != nil {
			return 0
		}
		return n
	}
	return cmp.Or(cmp.Compare(number(a), number(b)), strings.Compare(a, b))
}

func (p *Provider) object(name string) string {
	return "storage/v1/b/" + url.PathEscape(p.options.Bucket) + "/o/" + url.PathEscape(name)
}

// list names the objects in a folder.
func (p *Provider) list(ctx context.Context, folder string) ([]string, error) {
	var names []string
	for token := ""; len(names) < maxObjects; {
		query := url.Values{"prefix": {folder}, "fields": {"items(name),nextPageToken"}}
		if token != "" {
			query.Set("pageToken", token)
		}
		var part struct {
			Items []struct {
				Name string `json:"name"`
			} `json:"items"`
			Next string `json:"nextPageToken"`
		}
		if err := p.get(ctx, &p.storage, "storage/v1/b/"+url.PathEscape(p.options.Bucket)+"/o?"+query.Encode(), &part); err != nil {
			return nil, err
		}
		for _, item := range part.Items {
			// The service is not trusted to stay in the folder.
			if strings.HasPrefix(item.Name, folder) {
				names = append(names, item.Name)
			}
		}
		if part.Next == "" || part.Next == token {
			return names, nil
		}
		token = part.Next
	}
	return nil, nonsense(fmt.Errorf("there are more than %d files", maxObjects))
}

func (p *Provider) deleteBatch(ctx context.Context, job engines.Job) error {
	folder, err := p.folder(job.URL)
	if err != nil {
		return err
	}
	names, err := p.list(ctx, folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := p.call(ctx, &p.storage, http.MethodDelete, p.object(name), "", nil); err != nil && !gone(err) {
			return engines.AskAgain(ctx, err)
		}
	}
	return nil
}
