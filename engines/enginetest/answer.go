package enginetest

import (
	"bytes"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"intray/engines"
	"intray/engines/enginetest/servers"
)

func (s ProviderSuite) failedJob(t *testing.T) {
	if s.Synchronous {
		t.Skip("there are no jobs")
	}
	lab, p := s.start(t)
	lab.EndJobs(servers.Fails)
	status, err := p.Status(t.Context(), s.submit(t, p))
	if err != nil || status.State != engines.JobFailed || status.Err == nil {
		t.Fatalf("status %+v, %v", status, err)
	}
	sentenceIsFit(t, status.Err)
	noSecret(t, status.Err)
}

// hollow: a success without a result is found out before anything is delivered.
func (s ProviderSuite) hollow(t *testing.T) {
	lab, p := s.start(t)
	lab.EndJobs(servers.Hollow)
	job, err := p.Submit(t.Context(), s.document(), suiteKey)
	var status engines.JobStatus
	if err == nil {
		status, err = p.Status(t.Context(), job)
	}
	if status.State == engines.JobFailed {
		err = status.Err
	}
	var raw []byte
	if err == nil {
		raw, err = p.Fetch(t.Context(), job)
	}
	if err == nil {
		_, err = p.Normalize(raw)
	}
	failure, ok := engines.AsError(err)
	if !ok || failure.Code != engines.CodeHollow {
		t.Fatalf("got %v", err)
	}
	sentenceIsFit(t, failure)
}

func (s ProviderSuite) expired(t *testing.T) {
	if s.Synchronous {
		t.Skip("there are no jobs")
	}
	lab, p := s.start(t)
	for _, op := range s.operations(t, p)[1:] {
		lab.Fail(op.call, servers.FaultExpired, 1)
		wantFailure(t, op.do(t.Context()), engines.Retryable, engines.CodeExpired)
	}
}

func (s ProviderSuite) sameKeyTwice(t *testing.T) {
	lab, p := s.start(t)
	first, second := s.submit(t, p), s.submit(t, p)
	if !p.Capabilities().IdempotentSubmit {
		if first == second || lab.Accepted() != 2 {
			t.Errorf("jobs %+v and %+v of %d: then say so in the capabilities", first, second, lab.Accepted())
		}
		return
	}
	if first != second || lab.Accepted() != 1 {
		t.Errorf("jobs %+v and %+v of %d", first, second, lab.Accepted())
	}
}

func (s ProviderSuite) deletes(t *testing.T) {
	lab, p := s.start(t)
	deleter, ok := p.(engines.Deleter)
	if !ok || !p.Capabilities().Delete {
		t.Skip("it forgets nothing on request")
	}
	job := s.submit(t, p)
	for range 2 {
		if err := deleter.Delete(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
	if names := lab.StoredNames(); len(names) > 0 {
		t.Errorf("left in the store: %q", names)
	}
	if s.Synchronous || s.KeepsAnswers {
		return
	}
	_, err := p.Status(t.Context(), job)
	wantFailure(t, err, engines.Retryable, engines.CodeExpired)
}

// normalize: the same answer gives the same result, and no torn one a panic.
func (s ProviderSuite) normalize(t *testing.T) {
	lab, p := s.start(t)
	raw := s.fetched(t, p)
	before, calls := bytes.Clone(raw), lab.Calls(servers.CallAny)
	first, err1 := p.Normalize(raw)
	second, err2 := p.Normalize(raw)
	if err1 != nil || err2 != nil || !reflect.DeepEqual(first, second) || !bytes.Equal(raw, before) {
		t.Errorf("not pure: %v, %v", err1, err2)
	}
	for n := 0; n < len(raw); n += max(1, len(raw)/300) {
		if _, err := p.Normalize(raw[:n]); err != nil {
			wantFailureOfAnyKind(t, err)
		}
	}
	for _, odd := range []string{"", "null", "[]", "{}", `"text"`, "0", "<html>", "\x00\xff"} {
		if _, err := p.Normalize([]byte(odd)); err == nil {
			t.Errorf("%q was normalized", odd)
		} else {
			wantFailureOfAnyKind(t, err)
		}
	}
	if lab.Calls(servers.CallAny) != calls {
		t.Error("the service was called")
	}
}

func wantFailureOfAnyKind(t *testing.T, err error) {
	t.Helper()
	failure, ok := engines.AsError(err)
	if !ok || failure.Code == engines.CodeInternal {
		t.Errorf("got %v", err)
		return
	}
	sentenceIsFit(t, failure)
}

// CheckAnswer holds a result to what every Result promises.
func CheckAnswer(t testing.TB, r engines.Result) {
	t.Helper()
	for i, p := range r.Pages {
		CheckResult(t, p.PageResult)
		if !(p.Angle >= -180 && p.Angle <= 180) {
			t.Errorf("page %d: an angle of %v", i+1, p.Angle)
		}
		for _, m := range p.Marks {
			if !(m.Confidence >= 0 && m.Confidence <= 1) || !ordered(m.Box) {
				t.Errorf("page %d: mark %+v", i+1, m)
			}
		}
	}
	for _, f := range r.Fields {
		checkField(t, f, len(r.Pages))
	}
	for _, table := range r.Tables {
		checkTable(t, table, len(r.Pages))
	}
	if !(r.ClassConfidence >= 0 && r.ClassConfidence <= 1) {
		t.Errorf("class confidence %v", r.ClassConfidence)
	}
	for _, w := range r.Warnings {
		if w.Code == "" || w.Sentence == "" || w.Page < 0 || w.Page > len(r.Pages) {
			t.Errorf("warning %+v", w)
		}
	}
}

func ordered(b engines.Box) bool {
	return finite(b.X0) && finite(b.Y0) && finite(b.X1) && finite(b.Y1) && b.X0 <= b.X1 && b.Y0 <= b.Y1
}

func checkField(t testing.TB, f engines.Field, pages int) {
	t.Helper()
	snake := regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`)
	typed := map[string]*regexp.Regexp{
		"amount":   regexp.MustCompile(`^-?\d+(\.\d+)?$`),
		"currency": regexp.MustCompile(`^[A-Z]{3}$`),
	}[f.Type]
	switch {
	case !snake.MatchString(f.Name) || !slices.Contains([]string{"text", "amount", "date", "currency", "code"}, f.Type):
		t.Errorf("field %+v", f)
	case f.Value == "" || typed != nil && !typed.MatchString(f.Value):
		t.Errorf("%s is no %s: %q", f.Name, f.Type, f.Value)
	case !(f.Confidence >= 0 && f.Confidence <= 1) || f.Page < 0 || f.Page > pages || !ordered(f.Box):
		t.Errorf("field %+v", f)
	}
	if _, err := time.Parse("2006-01-02", f.Value); f.Type == "date" && err != nil {
		t.Errorf("%s is no date: %q", f.Name, f.Value)
	}
}

func checkTable(t testing.TB, table engines.Table, pages int) {
	t.Helper()
	if table.Page < 0 || table.Page > pages || !ordered(table.Box) {
		t.Errorf("table on page %d at %v", table.Page, table.Box)
	}
	for _, row := range table.Rows {
		for _, c := range row {
			if c.RowSpan < 1 || c.ColSpan < 1 || !(c.Confidence >= 0 && c.Confidence <= 1) || !ordered(c.Box) {
				t.Errorf("cell %+v", c)
			}
		}
	}
}

// AnswerText is what a result says, form feed between pages.
func AnswerText(r engines.Result) string {
	var pages []string
	for _, p := range r.Pages {
		text := Text(p.PageResult)
		if text == "" {
			text = p.Text
		}
		pages = append(pages, text)
	}
	return strings.Join(pages, "\f")
}
