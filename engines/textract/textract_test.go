package textract

import (
	"slices"
	"testing"

	"intray/engines"
	"intray/engines/enginetest"
	"intray/engines/enginetest/servers"
)

// settings are those of a TOML section, put where Decode would.
func settings(change func(*options)) engines.Settings {
	return engines.Settings{Name: "aws", Decode: func(into any) error {
		o := into.(*options)
		o.Region, o.Bucket, o.Prefix = "eu-central-1", "in-tray", "intray/"
		if change != nil {
			change(o)
		}
		return nil
	}}
}

func atLab(t *testing.T, lab *servers.Lab, mode string) *Provider {
	t.Helper()
	t.Setenv("LAB_ACCESS", servers.Secret)
	t.Setenv("LAB_SECRET", "the-other-half")
	p, err := New(settings(func(o *options) {
		o.Endpoint, o.Mode = lab.URL, mode
		o.AccessKey, o.SecretKey = engines.Secret{Env: "LAB_ACCESS"}, engines.Secret{Env: "LAB_SECRET"}
	}))
	if err != nil {
		t.Fatal(err)
	}
	p.service.limit = servers.HugeBody / 4
	return p
}

func TestSuite(t *testing.T) {
	for _, mode := range []string{modeText, modeAnalysis, modeExpense} {
		t.Run(mode, func(t *testing.T) {
			enginetest.ProviderSuite{Service: servers.TextractService, NoAddresses: true, KeepsAnswers: true,
				New: func(t *testing.T, lab *servers.Lab) engines.Provider { return atLab(t, lab, mode) }}.Run(t)
		})
	}
}

func threePages() engines.Document {
	return engines.Document{MIME: "application/pdf", Pages: 3, Content: []byte("%PDF-1.7 /Type /Page /Type /Page /Type /Page \n")}
}

// TestLostPage: PARTIAL_SUCCESS is never silent.
func TestLostPage(t *testing.T) {
	lab := enginetest.StartLab(t, servers.TextractService())
	lab.EndJobs(servers.LosesPages)
	p := atLab(t, lab, modeText)
	job, err := p.Submit(t.Context(), threePages(), "k")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := p.Fetch(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	result, err := p.Normalize(raw)
	if err != nil {
		t.Fatal(err)
	}
	enginetest.CheckAnswer(t, result)
	if result.Partial == "" || len(result.Pages) != 3 || result.Pages[2].Failed == "" || result.Pages[0].Failed != "" || len(result.Warnings) != 1 || result.Warnings[0].Page != 3 {
		t.Errorf("pages %+v, warnings %+v", result.Pages, result.Warnings)
	}
}

// TestManyParts: an answer in parts is joined to its end, and one that names the
// same next part for ever is given up.
func TestManyParts(t *testing.T) {
	lab := enginetest.StartLab(t, servers.TextractService())
	p := atLab(t, lab, modeText)
	job, err := p.Submit(t.Context(), threePages(), "k")
	if err != nil {
		t.Fatal(err)
	}
	var parts int
	var out []byte
	for token := ""; parts == 0 || token != ""; parts++ {
		raw, next, err := p.service.get(t.Context(), modeText, job.ID, token, 4)
		if err != nil {
			t.Fatal(err)
		}
		out, token = append(append(out, ','), raw...), next
	}
	out[0] = '['
	joined, err1 := p.Normalize(append(out, ']'))
	raw, err2 := p.Fetch(t.Context(), job)
	whole, err3 := p.Normalize(raw)
	if err1 != nil || err2 != nil || err3 != nil || parts != 4 || enginetest.AnswerText(joined) != enginetest.AnswerText(whole) {
		t.Errorf("%d parts: %q and %q, %v %v %v", parts, enginetest.AnswerText(joined), enginetest.AnswerText(whole), err1, err2, err3)
	}
}

// TestNoJobNoDocument: where the job did not start, the document does not stay.
func TestNoJobNoDocument(t *testing.T) {
	for fault, stays := range map[servers.Fault]bool{servers.FaultRate: false, servers.FaultQuota: false, servers.FaultLost: true} {
		lab := enginetest.StartLab(t, servers.TextractService())
		lab.Fail(servers.CallSubmit, fault, 1)
		if _, err := atLab(t, lab, modeText).Submit(t.Context(), threePages(), "k"); err == nil {
			t.Errorf("%s: no error", fault)
		}
		if got := len(lab.StoredNames()) > 0; got != stays {
			t.Errorf("%s: in the bucket: %v", fault, lab.StoredNames())
		}
	}
}

// TestRepeatedSubmissionKeepsTheDocument: a refusal of a submission that may have
// been taken before says nothing of the job that may run: its document stays.
func TestRepeatedSubmissionKeepsTheDocument(t *testing.T) {
	lab := enginetest.StartLab(t, servers.TextractService())
	p, doc := atLab(t, lab, modeText), threePages()
	lab.Fail(servers.CallSubmit, servers.FaultLost, 1)
	_, _ = p.Submit(t.Context(), doc, "k")
	doc.Again = true
	lab.Fail(servers.CallSubmit, servers.FaultRate, 1)
	if _, err := p.Submit(t.Context(), doc, "k"); err == nil {
		t.Fatal("no error")
	}
	if len(lab.StoredNames()) != 1 {
		t.Errorf("in the bucket: %v", lab.StoredNames())
	}
}

func TestTooLarge(t *testing.T) {
	p, err := New(settings(nil))
	if err != nil {
		t.Fatal(err)
	}
	for code, doc := range map[string]engines.Document{
		engines.CodeTooLarge:    {MIME: "image/png", Content: make([]byte, maxImageBytes+1)},
		engines.CodeUnsupported: {MIME: "text/html", Content: []byte("x")},
	} {
		_, err := p.Submit(t.Context(), doc, "k")
		if e, _ := engines.AsError(err); e == nil || e.Code != code || e.Kind != engines.Terminal {
			t.Errorf("%s: got %v", code, err)
		}
	}
}

func TestSettings(t *testing.T) {
	for name, change := range map[string]func(*options){
		"region":   func(o *options) { o.Region = "" },
		"bucket":   func(o *options) { o.Bucket = "" },
		"mode":     func(o *options) { o.Mode = "poem" },
		"endpoint": func(o *options) { o.Endpoint = "here" },
		"topic":    func(o *options) { o.TopicARN = "arn:x" },
		"keys":     func(o *options) { o.AccessKey.Env = "X" },
		"order":    func(o *options) { o.DateOrder = "ydm" },
	} {
		if _, err := New(settings(change)); err == nil {
			t.Errorf("%s was accepted", name)
		} else if e, _ := engines.AsError(err); e.Code != engines.CodeBadSettings {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValues(t *testing.T) {
	for text, want := range map[string]string{"$1,350.00": "1350.00", "1.234,50 €": "1234.50", "$899.99 S": "899.99", "EUR 119,00": "119.00",
		"1.234": "1234", "0,125": "0.125", "(12.00)": "-12.00", "12.00-": "-12.00", "1 234 567,8": "1234567.8", "1.234.567": "1234567",
		"CHF 1'200.50": "1200.50", "0.00": "0.00", "free": "", "": "", "3 of 4": "", "007": "7"} {
		if got := decimal(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	type date struct {
		iso     string
		twoWays bool
	}
	for text, want := range map[string]date{"12 March 2020": {"2020-03-12", false}, "Thursday, 26 March 2020": {"2020-03-26", false},
		"Aug 19, 2024": {"2024-08-19", false}, "2020/10/01": {"2020-10-01", false}, "12/07/2019": {"", true}, "31.12.2025": {"2025-12-31", false},
		"12/31/25": {"2025-12-31", false}, "05/05/2024": {"2024-05-05", false}, "1er juin 2026": {"2026-06-01", false},
		"3. März 2026": {"2026-03-03", false}, "5 de mayo de 2025": {"2025-05-05", false}, "30 Feb 2024": {"", false}, "soon": {"", false}} {
		if iso, twoWays := isoDate(text, ""); iso != want.iso || twoWays != want.twoWays {
			t.Errorf("%q is %q, %v", text, iso, twoWays)
		}
	}
	if dmy, _ := isoDate("12/07/2019", "dmy"); dmy != "2019-07-12" {
		t.Errorf("day first: %q", dmy)
	}
	if names := []string{engines.SnakeCase("Invoice No.:"), engines.SnakeCase("Straße & Nº"), engines.SnakeCase("日本")}; !slices.Equal(names, []string{"invoice_no", "stra_e_no", "unnamed"}) {
		t.Errorf("names %q", names)
	}
}

// TestHandwriting: a line most of whose words are handwritten is so.
func TestHandwriting(t *testing.T) {
	p, err := New(settings(nil))
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Normalize([]byte(`{"DocumentMetadata":{"Pages":1},"Blocks":[{"Id":"p","BlockType":"PAGE","Page":1},
{"Id":"l","BlockType":"LINE","Page":1,"Relationships":[{"Type":"CHILD","Ids":["a","b","c"]}]},
{"Id":"m","BlockType":"LINE","Page":1,"Relationships":[{"Type":"CHILD","Ids":["d","e"]}]},
{"Id":"a","BlockType":"WORD","Page":1,"Text":"Name","TextType":"PRINTED"},{"Id":"b","BlockType":"WORD","Page":1,"Text":"Zoë","TextType":"HANDWRITING"},
{"Id":"c","BlockType":"WORD","Page":1,"Text":"👍","TextType":"HANDWRITING"},
{"Id":"d","BlockType":"WORD","Page":1,"Text":"in","TextType":"PRINTED"},{"Id":"e","BlockType":"WORD","Page":1,"Text":"print","TextType":"HANDWRITING"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if lines := r.Pages[0].Blocks[0].Lines; len(lines) != 2 || !lines[0].Handwritten || lines[1].Handwritten {
		t.Errorf("%+v", lines)
	}
}

// TestPageLeftOut: a page that the answer counts and has nothing of was not read, and
// is not taken for an empty one.
func TestPageLeftOut(t *testing.T) {
	lab := enginetest.StartLab(t, servers.TextractService())
	p := atLab(t, lab, modeText)
	result, err := p.Normalize([]byte(`[{"JobStatus":"SUCCEEDED","DocumentMetadata":{"Pages":3},"Blocks":[{"Id":"1","BlockType":"PAGE","Page":1},{"Id":"3","BlockType":"PAGE","Page":3}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	if failure, _ := engines.AsError(engines.CheckPages(result, 3)); failure == nil || failure.Sentence != "Page 2 was not read: Textract left the page out of its answer." {
		t.Errorf("%v: %+v", failure, result.Pages)
	}
}
