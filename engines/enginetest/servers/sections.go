package servers

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
)

// Trial is one provider's server as a person tries it: what to write into the
// configuration and which credentials to set.
type Trial struct {
	Name    string
	Service Service
	section string
	// Synthetic says what of the server is not as the provider's.
	Synthetic string
}

// Trials are the providers there are, in a fixed order.
func Trials() []Trial {
	return []Trial{
		{"azure", AzureService{}, azureSection, "Every document is the same invoice."},
		{"textract", TextractService(), textractSection, "Amazon's signatures are looked at and not checked; there are no SNS callbacks, which only Amazon's certificate can sign."},
		{"documentai", DocumentAIService(), documentAISection, "The processor, Cloud Storage and the token service are at one address."},
		{"mistral", MistralService(), mistralSection, "Batches end at once."},
		{"mindee", MindeeService{}, mindeeSection, "Like Mindee's second interface; it calls the address in webhook_ids, where Mindee wants the name of one."},
		{"plain", PlainService{}, plainSection, "No provider's: JSON in, an idempotency key, Standard Webhooks."},
	}
}

// Section is the part of config.toml that has Intray use the server at an address.
func (t Trial) Section(address string) string {
	return strings.ReplaceAll(t.section, "ADDRESS", address)
}

// Calls is true for a server that calls back.
func (t Trial) Calls() bool {
	_, calls := t.Service.(Announcer)
	return calls
}

// Environment are the credentials that the section names, in a fixed order. That of
// documentai is a key made now, which is good for nothing else.
func (t Trial) Environment() ([][2]string, error) {
	key := Secret
	if t.Name == "documentai" {
		account, err := serviceAccount()
		if err != nil {
			return nil, err
		}
		key = account
	}
	out := [][2]string{{"LAB_KEY", key}}
	if t.Name == "textract" {
		out = append(out, [2]string{"LAB_SECRET_KEY", "not-checked"})
	}
	if t.Calls() {
		out = append(out, [2]string{"LAB_HOOK_SECRET", HookSecret})
	}
	return out, nil
}

// serviceAccount is a key file as Google's, on one line. The name is what the server
// checks.
func serviceAccount() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	text, err := json.Marshal(map[string]string{"type": "service_account", "client_email": Secret, "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))})
	return string(text), err
}

const azureSection = `[engine.azure]
kind = "azure"
endpoint = "ADDRESS"
key = { env = "LAB_KEY" }
model = "prebuilt-invoice"
`

const textractSection = `[engine.textract]
kind = "textract"
region = "eu-central-1"
bucket = "lab"
endpoint = "ADDRESS"
access_key = { env = "LAB_KEY" }
secret_key = { env = "LAB_SECRET_KEY" }
`

const documentAISection = `[engine.documentai]
kind = "documentai"
processor = "projects/lab/locations/eu/processors/lab"
credentials = { env = "LAB_KEY" }
endpoint = "ADDRESS"
storage_endpoint = "ADDRESS"
token_endpoint = "ADDRESS/token"
bucket = "lab"
`

const mistralSection = `[engine.mistral]
kind = "mistral"
endpoint = "ADDRESS"
key = { env = "LAB_KEY" }
batch = true
`

const mindeeSection = `[engine.mindee]
kind = "httpapi"
endpoint = "ADDRESS"
key = { env = "LAB_KEY" }
headers = { Authorization = "{key}" }
[engine.mindee.submit]
path = "/v2/products/extraction/enqueue"
fields = { model_id = "lab", alias = "{idempotency_key}", webhook_ids = "{callback_url}" }
job_id = "job.id"
job_url = "job.polling_url"
[engine.mindee.status]
state = "job.status"
succeeded = ["Processed"]
failed = ["Failed"]
error = "job.error.detail"
result_url = "job.result_url"
[engine.mindee.answer]
pages = "inference.result.pages"
page_text = "content"
words = "words"
word_text = "content"
word_box = "polygon"
page_count = "inference.file.page_count"
model = "inference.model.id"
all_fields = "inference.result.fields"
field_confidence = "confidence"
field_page = "locations.0.page"
field_box = "locations.0.polygon"
names = { date = "issue_date", total_amount = "gross_total", supplier_name = "seller_name", total_price = "line_total" }
types = { invoice_number = "code" }
[engine.mindee.webhook]
scheme = "hmac-sha256-hex"
header = "X-Signature"
secrets = [{ env = "LAB_HOOK_SECRET" }]
job_id = "inference.id"
`

const plainSection = `[engine.plain]
kind = "httpapi"
endpoint = "ADDRESS"
key = { env = "LAB_KEY" }
headers = { Authorization = "Bearer {key}" }
[engine.plain.submit]
path = "/jobs"
body = "json"
file_field = "document"
fields = { callback = "{callback_url}" }
idempotency_header = "Idempotency-Key"
job_id = "id"
[engine.plain.status]
path = "/jobs/{job}"
state = "state"
succeeded = ["done"]
failed = ["error"]
error = "reason"
[engine.plain.delete]
path = "/jobs/{job}"
[engine.plain.answer]
text = "text"
fields = { invoice_number = "fields.number", gross_total = "fields.total", currency = "fields.currency" }
types = { gross_total = "amount", invoice_number = "code" }
[engine.plain.webhook]
scheme = "standard-webhooks"
secrets = [{ env = "LAB_HOOK_SECRET" }]
job_id = "data.id"
`
