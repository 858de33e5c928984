package engines

import (
	"reflect"
	"testing"
)

func TestJoin(t *testing.T) {
	page := func(text string) AnswerPage { return AnswerPage{Text: text} }
	got := Join([]Result{
		{Model: "m", Pages: []AnswerPage{page("one"), page("two")}, Fields: []Field{{Name: "number", Value: "7", Page: 1}, {Name: "place", Value: "X"}},
			Tables: []Table{{Page: 2}}, Languages: []string{"en"}},
		{Model: "n", Class: "invoice", ClassConfidence: 0.9, Pages: []AnswerPage{page("three")},
			Fields: []Field{{Name: "number", Value: "7", Page: 1}, {Name: "place", Value: "Y", Page: 1}, {Name: "total", Value: "9.00", Page: 1}},
			Tables: []Table{{Page: 1}}, Languages: []string{"de", "en"}, Warnings: []Warning{{Code: "odd", Page: 1}, {Code: "all"}}},
	})
	want := Result{Model: "m", Class: "invoice", ClassConfidence: 0.9, Pages: []AnswerPage{page("one"), page("two"), page("three")},
		Fields: []Field{{Name: "number", Value: "7", Page: 1}, {Name: "place", Value: "X"}, {Name: "total", Value: "9.00", Page: 3}},
		Tables: []Table{{Page: 2}, {Page: 3}}, Languages: []string{"en", "de"},
		Warnings: []Warning{{Code: CodePartsDiffer, Page: 3, Sentence: "A later part of the document has another place: Y. The first, X, is taken."},
			{Code: "odd", Page: 3}, {Code: "all"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}
