package web

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"intray/ledger"
)

// MaxList bounds one page of a list.
const MaxList = 1000

// ParseQuery reads what a list is asked for: state, folder, name (a prefix),
// since and until (RFC 3339 or a date, which means its midnight here), limit
// and cursor. The error is a sentence for the asker.
func ParseQuery(v url.Values) (ledger.Query, error) {
	q := ledger.Query{State: ledger.State(v.Get("state")), Folder: v.Get("folder"), Name: v.Get("name"),
		Limit: 100, Cursor: v.Get("cursor")}
	if q.State != "" && q.State.Meaning() == "" {
		return q, fmt.Errorf("there is no state %q; `intray states` shows them", q.State)
	}
	if text := v.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > MaxList {
			return q, fmt.Errorf("limit must be a number from 1 to %d", MaxList)
		}
		q.Limit = n
	}
	for name, into := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		text := v.Get(name)
		if text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t, err = time.ParseInLocation(time.DateOnly, text, time.Local)
		}
		if err != nil {
			return q, fmt.Errorf("%s is %q; write a day such as 2026-11-24 or a moment such as 2026-11-24T15:04:05Z", name, text)
		}
		*into = t
	}
	return q, nil
}
