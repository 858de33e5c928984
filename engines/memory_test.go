package engines

import "testing"

// TestAnswersAreBounded: in number and in bytes, the oldest going first; what was
// fetched and forgotten makes room.
func TestAnswersAreBounded(t *testing.T) {
	var a Answers
	has := func(j Job) bool {
		_, err := a.Get("The service", j)
		return err == nil
	}
	first := a.Keep([]byte("x"))
	for range mostAnswers {
		a.Keep([]byte("x"))
	}
	if has(first) || len(a.raw) != mostAnswers || a.size != mostAnswers {
		t.Errorf("%d answers of %d bytes", len(a.raw), a.size)
	}
	a.Clear()
	half := make([]byte, mostBytes/2) // shared: it is never written
	one, two := a.Keep(half), a.Keep(half)
	three := a.Keep([]byte("x"))
	if has(one) || a.raw[two.ID] == nil || !has(three) {
		t.Error("more bytes than are allowed are kept, or others than the oldest were dropped")
	}
	a.Forget(two)
	a.Forget(two)
	if a.size != 1 || len(a.order) != 1 {
		t.Errorf("%d bytes, %d answers", a.size, len(a.order))
	}
}
