package servers

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// AzureService is the server of Azure Document Intelligence v4 and of the token
// service beside it. Its answers are made up after the specification; no recording
// is in them. With Entra set a bearer token is wanted instead of a key.
type AzureService struct{ Entra bool }

// Call tells requests apart by path and method.
func (AzureService) Call(r *http.Request) Call {
	switch {
	case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		return CallToken
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, ":analyze"):
		return CallSubmit
	case r.Method == http.MethodDelete:
		return CallDelete
	case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/analyzeResults/"):
		return CallStatus
	}
	return CallOther
}

// Credential is the key, the token or the application's secret: tokens are the secret.
func (s AzureService) Credential(r *http.Request) string {
	if s.Call(r) == CallToken {
		_ = r.ParseForm()
		return r.PostForm.Get("client_secret")
	}
	if s.Entra {
		return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	return r.Header.Get("Ocp-Apim-Subscription-Key")
}

// Answer does what the service does.
func (s AzureService) Answer(lab *Lab, call Call, w http.ResponseWriter, r *http.Request) {
	if call == CallToken {
		writeJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": lab.Secret})
		return
	}
	if r.URL.Query().Get("api-version") != "2024-11-30" {
		azureError(w, 400, "InvalidRequest", "NotSupportedApiVersion", "No such version.")
		return
	}
	id := path.Base(r.URL.Path)
	switch call {
	case CallSubmit:
		s.submit(lab, w, r)
	case CallDelete:
		if !lab.Forget(id) {
			azureError(w, 404, "NotFound", "OperationNotFound", "The requested operation was not found.")
			return
		}
		w.WriteHeader(http.StatusNoContent)
	case CallStatus:
		s.status(lab, w, r, id)
	default:
		azureError(w, 404, "NotFound", "", "Resource not found.")
	}
}

func (s AzureService) submit(lab *Lab, w http.ResponseWriter, r *http.Request) {
	document := readAll(r)
	known := map[string]bool{"api-version": true, "stringIndexType": true, "features": true, "pages": true, "locale": true, "output": true}
	for name := range r.URL.Query() {
		if !known[name] {
			azureError(w, 400, "InvalidArgument", "InvalidParameter", "The parameter "+name+" is invalid.")
			return
		}
	}
	if len(document) == 0 || r.Header.Get("Content-Type") == "" {
		azureError(w, 400, "InvalidRequest", "InvalidContent", "The file is corrupted or format is unsupported.")
		return
	}
	job := lab.Accept(w, r.Header.Get("x-ms-client-request-id"), "", document)
	model := strings.TrimSuffix(r.URL.Path, ":analyze")
	w.Header().Set("Operation-Location", lab.Address(r)+model+"/analyzeResults/"+job.ID+"?"+url.Values{"api-version": {"2024-11-30"}}.Encode())
	w.Header().Set("apim-request-id", job.ID)
	w.WriteHeader(http.StatusAccepted)
}

func (s AzureService) status(lab *Lab, w http.ResponseWriter, r *http.Request, id string) {
	job, done, ok := lab.Look(id)
	times := map[string]any{"createdDateTime": "2026-01-08T23:57:11Z", "lastUpdatedDateTime": "2026-01-08T23:57:14Z"}
	switch {
	case !ok:
		azureError(w, 404, "NotFound", "OperationNotFound", "The requested operation was not found.")
		return
	case !done:
		w.Header().Set("Retry-After", "1")
		times["status"] = "running"
	case job.Outcome == Fails:
		times["status"] = "failed"
		times["error"] = map[string]any{"code": "InvalidRequest", "message": "Invalid request.",
			"innererror": map[string]any{"code": "InvalidContent", "message": "The file is corrupted or format is unsupported."}}
	default:
		times["status"] = "succeeded"
		pages := PagesOf(job.Document)
		if job.Outcome == LosesPages {
			pages = min(pages, 2) // as the free tier
		}
		if job.Outcome != Hollow {
			parts := strings.Split(r.URL.Path, "/")
			times["analyzeResult"] = lab.azureResult(parts[len(parts)-3], job, pages)
		}
	}
	writeJSON(w, http.StatusOK, times)
}

// azurePolygon is a box in inches.
func azurePolygon(x0, y0, x1, y1 float64) []float64 { return []float64{x0, y0, x1, y0, x1, y1, x0, y1} }

// azureResult are pages of few lines, and what the model finds on them.
func (l *Lab) azureResult(model string, job LabJob, pages int) madeUp {
	out, content := []madeUp{}, ""
	for i := range pages {
		page := madeUp{"pageNumber": i + 1, "angle": 0, "width": 8.5, "height": 11, "unit": "inch"}
		words, lines, from := []madeUp{}, []madeUp{}, len([]rune(content))
		for n, text := range l.lines(fmt.Sprintf("Invoice %s page %d", job.number(), i+1)) {
			y, at := 1+0.3*float64(n), len([]rune(content))
			lines = append(lines, madeUp{"content": text, "polygon": azurePolygon(1, y, 7.4, y+0.2), "spans": []madeUp{{"offset": at, "length": len([]rune(text))}}})
			for j, word := range strings.Fields(text) {
				x, length := 1+0.8*float64(j), len([]rune(word))
				words = append(words, madeUp{"content": word, "polygon": azurePolygon(x, y, x+0.7, y+0.2), "confidence": 0.98, "span": madeUp{"offset": at, "length": length}})
				at += length + 1
			}
			content += text + "\n"
		}
		page["words"], page["lines"] = words, lines
		page["spans"] = []madeUp{{"offset": from, "length": len([]rune(content)) - from}}
		out = append(out, page)
	}
	result := madeUp{"apiVersion": "2024-11-30", "modelId": model, "stringIndexType": "unicodeCodePoint",
		"contentFormat": "text", "content": content, "pages": out, "styles": []madeUp{}, "documents": []madeUp{}}
	if fields := azureFields(model, job); fields != nil {
		kind, _ := strings.CutPrefix(model, "prebuilt-")
		result["documents"] = []madeUp{{"docType": kind, "confidence": 1, "fields": fields}}
	}
	return result
}

// azureFields are those of the invoice and the receipt model.
func azureFields(model string, job LabJob) madeUp {
	place := []madeUp{{"pageNumber": 1, "polygon": azurePolygon(1.8, 1, 2.5, 1.2)}}
	text := func(s string) madeUp {
		return madeUp{"type": "string", "valueString": s, "content": s, "confidence": 0.97, "boundingRegions": place}
	}
	date := func(s string) madeUp { return madeUp{"type": "date", "valueDate": s, "content": s, "confidence": 0.96} }
	amount := func(v float64) madeUp {
		return madeUp{"type": "currency", "valueCurrency": madeUp{"amount": v, "currencyCode": "EUR"}, "content": fmt.Sprintf("%.2f EUR", v), "confidence": 0.95}
	}
	switch model {
	case "prebuilt-invoice":
		item := madeUp{"Description": text("Paper"), "Quantity": madeUp{"type": "number", "valueNumber": 1, "confidence": 0.9}, "Amount": amount(100)}
		return madeUp{"InvoiceId": text(job.number()), "InvoiceDate": date("2026-01-31"), "DueDate": date("2026-02-28"), "VendorName": text("Provider Lab Ltd"),
			"CustomerName": text("Your Office"), "SubTotal": amount(100), "TotalTax": amount(19.5), "InvoiceTotal": amount(119.5), "AmountDue": amount(119.5),
			"Items": madeUp{"type": "array", "valueArray": []madeUp{{"type": "object", "valueObject": item, "confidence": 0.9}}}}
	case "prebuilt-receipt":
		return madeUp{"MerchantName": text("Provider Lab Ltd"), "TransactionDate": date("2026-01-31"), "Subtotal": amount(100), "TotalTax": amount(19.5),
			"Total": amount(119.5)}
	}
	return nil
}

// Refuse answers as the gateway before the service does, or as the service.
func (s AzureService) Refuse(w http.ResponseWriter, f Fault, message string) {
	switch f {
	case FaultRate:
		azureError(w, 429, "429", "", "Requests have exceeded rate limit of your current pricing tier. "+message)
	case FaultQuota:
		azureError(w, 403, "403", "", "Out of call volume quota for FormRecognizer F0 pricing tier. "+message)
	case FaultAuth:
		azureError(w, 401, "401", "", "Access denied due to invalid subscription key or wrong API endpoint. "+message)
	case FaultExpired:
		azureError(w, 404, "NotFound", "OperationNotFound", message)
	case FaultBusy:
		azureError(w, 503, "ServiceUnavailable", "", message)
	default:
		azureError(w, 500, "InternalServerError", "Unknown", message)
	}
}

func azureError(w http.ResponseWriter, status int, outer, inner, message string) {
	e := map[string]any{"code": outer, "message": message}
	if inner != "" {
		e["innererror"] = map[string]any{"code": inner, "message": message}
	}
	writeJSON(w, status, map[string]any{"error": e})
}
