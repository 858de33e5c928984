package engines

import "fmt"

// CheckPages compares a result with the number of pages that were sent: a service
// that answers fewer (the free tier of one reads two and reports success) or more
// has not read this document. The error has kind Review: what was read may be shown
// to a person.
func CheckPages(r Result, sent int) error {
	switch {
	case len(r.Pages) < sent:
		return &Error{Kind: Review, Code: CodePagesMissing,
			Sentence: fmt.Sprintf("The service read %d of %d pages. Look whether its pricing tier reads only the first ones.", len(r.Pages), sent)}
	case len(r.Pages) > sent:
		return &Error{Kind: Review, Code: CodePagesMissing,
			Sentence: fmt.Sprintf("The service answers %d pages for a document of %d: perhaps another one's.", len(r.Pages), sent)}
	}
	for i, p := range r.Pages {
		if p.Failed != "" {
			return &Error{Kind: Review, Code: CodePagesMissing, Sentence: fmt.Sprintf("Page %d was not read: %s", i+1, p.Failed)}
		}
	}
	return nil
}
