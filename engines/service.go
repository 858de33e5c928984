package engines

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// CheckPages compares a result with the number of pages that were sent: a service
// that answers fewer (the free tier of one reads two and reports success) or more
// has not read this document, and neither has one that calls its answer partial. The error has kind Review: what was read may be shown
// to a person.
func CheckPages(r Result, sent int) error {
	missing := func(format string, args ...any) error {
		return &Error{Kind: Review, Code: CodePagesMissing, Sentence: fmt.Sprintf(format, args...)}
	}
	switch {
	case len(r.Pages) < sent:
		return missing("The service read %d of %d pages. Look whether its pricing tier reads only the first ones.", len(r.Pages), sent)
	case len(r.Pages) > sent:
		return missing("The service answers %d pages for a document of %d: perhaps another one's.", len(r.Pages), sent)
	}
	for i, p := range r.Pages {
		if p.Failed != "" {
			return missing("Page %d was not read: %s", i+1, p.Failed)
		}
	}
	if r.Partial != "" {
		return missing("%s", r.Partial)
	}
	return nil
}

// AskAgain turns an error of Caller.Do about a call that may be repeated into one
// that says so: CodeSubmitUnknown becomes CodeNetwork. Of a cancelled call it is the
// context's error.
func AskAgain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var failure *Error
	if errors.As(err, &failure) && failure.Code == CodeSubmitUnknown {
		return &Error{Kind: Retryable, Code: CodeNetwork, Sentence: failure.Sentence + " It will be asked again.", Cause: failure.Cause}
	}
	return err
}

// Scrub makes a service's message fit for a log: on one line, at most 300
// characters, and without the credentials, which it may repeat, also as part of an
// address or of JSON.
func Scrub(message string, secrets ...string) string {
	for _, s := range secrets {
		quoted, err := json.Marshal(s)
		if s == "" || err != nil {
			continue
		}
		slashed := strings.ReplaceAll(s, "/", `\/`)
		for _, form := range []string{s, slashed, strings.Trim(string(quoted), `"`), url.QueryEscape(s), url.PathEscape(s)} {
			message = strings.ReplaceAll(message, form, "…")
		}
	}
	message = strings.Join(strings.Fields(message), " ")
	if runes := []rune(message); len(runes) > 300 {
		message = string(runes[:300]) + "…"
	}
	return message
}

// ServiceAddress reads the address of a service that gets a credential: https, or
// http for a trial server on this machine. The error is terminal, CodeBadSettings,
// and names the key of the setting.
func ServiceAddress(key, text string) (*url.URL, error) {
	bad := func(why string) error {
		return &Error{Kind: Terminal, Code: CodeBadSettings, Sentence: key + " must " + why}
	}
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, bad("be an address such as https://ocr.example.com.")
	}
	local := slices.Contains([]string{"127.0.0.1", "localhost", "::1"}, u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, bad("begin with https://, since a credential is sent there.")
	}
	return u, nil
}

// SnakeCase makes a name of what is printed or of a provider's own name: letters of
// ASCII without their accents and digits in lower case, all else one underscore. A
// capital begins a word behind a small letter, and as the last of several before one:
// VATId is vat_id, ABNNumber abn_number, but PDFs pdfs. What has no such letters is
// "unnamed".
func SnakeCase(text string) string {
	letters := slices.DeleteFunc([]rune(norm.NFKD.String(text)), unicode.IsMark)
	var out strings.Builder
	gap := false
	for i, r := range letters {
		if gap = gap || beginsWord(letters, i); r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') {
			gap = true
			continue
		}
		if gap && out.Len() > 0 {
			out.WriteByte('_')
		}
		gap = false
		out.WriteRune(r)
	}
	if out.Len() == 0 {
		return "unnamed"
	}
	return out.String()
}

// beginsWord is true for a capital inside of a name that begins another of its words.
func beginsWord(letters []rune, i int) bool {
	if i == 0 || !unicode.IsUpper(letters[i]) {
		return false
	}
	small := func(k int) bool { return k < len(letters) && unicode.IsLower(letters[k]) }
	plural := i+1 < len(letters) && letters[i+1] == 's' && !small(i+2)
	return small(i-1) || small(i+1) && !plural
}
