package site

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"golang.org/x/text/language"
)

// languages are those the pages speak, the first when nobody asks for one.
func languages() []string { return []string{"en", "de"} }

// texts is the one catalogue: each key has its text in every language, in the
// order of languages.
type texts struct{ all map[string][]string }

func loadTexts() (*texts, error) {
	data, err := embedded.ReadFile("texts.toml")
	if err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	t := &texts{}
	if err := toml.Unmarshal(data, &t.all); err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	return t, nil
}

// get is a text; the key itself where there is none, so that a page is still a
// page.
func (t *texts) get(lang, key string, args ...any) string {
	out, ok := t.find(lang, key)
	if !ok {
		return key
	}
	if len(args) > 0 {
		return fmt.Sprintf(out, args...)
	}
	return out
}

func (t *texts) find(lang, key string) (string, bool) {
	for i, l := range languages() {
		if all := t.all[key]; l == lang && i < len(all) {
			return all[i], true
		}
	}
	return "", false
}

// languageCookie keeps the language that a person chose.
const languageCookie = "intray_language"

// languageOf is the language chosen, else the one the browser asks for.
func languageOf(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil {
		for _, l := range languages() {
			if c.Value == l {
				return l
			}
		}
	}
	var tags []language.Tag
	for _, l := range languages() {
		tags = append(tags, language.Make(l))
	}
	_, at := language.MatchStrings(language.NewMatcher(tags), r.Header.Get("Accept-Language"))
	return languages()[at]
}

// language keeps the choice and goes back to where it was made.
func (s *server) language(c *call) error {
	q := c.r.URL.Query()
	chosen := q.Get("lang")
	known := false
	for _, l := range languages() {
		known = known || l == chosen
	}
	if !known {
		return errBadRequest
	}
	http.SetCookie(c.w, &http.Cookie{Name: languageCookie, Value: chosen, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return c.redirect(homeward(q.Get("back")))
}

// homeward is a path of ours, whatever was asked for: not another site's.
func homeward(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return u.RequestURI()
}
