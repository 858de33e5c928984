package documenttest

// Break is a change that makes a good document a bad one: From stands in it once or
// more, and the first is replaced.
type Break struct {
	From, To string
	// Format is for what only a checker that asserts formats refuses.
	Format bool
}

// Breaks breaks the document of ../testdata/small.json, in one place at a time.
func Breaks() map[string]Break {
	return map[string]Break{
		"a stranger's key":     {`"version": 2`, `"version": 2, "extra": 1`, false},
		"a key missing":        {`"version": 2,`, ``, false},
		"another schema":       {`intray.document/1`, `intray.document/2`, false},
		"no such decision":     {`"decision": "ocr"`, `"decision": "guessed"`, false},
		"no such verdict":      {`"verdict": "release_with_warnings"`, `"verdict": "maybe"`, false},
		"no such state":        {`"state": "completed_with_warnings"`, `"state": "processing"`, false},
		"a slanted rotation":   {`"rotation": 90`, `"rotation": 45`, false},
		"more than certain":    {`"confidence": 0.96,`, `"confidence": 1.01,`, false},
		"less than nothing":    {"\"confidence\": 0.9\n", "\"confidence\": -0.1\n", false},
		"null for a list":      {`"checks": [`, `"checks": null, "": [`, false},
		"not a hash":           {`"sha256": "0a`, `"sha256": "0A`, false},
		"not a time":           {`"created_at": "2026-11-23T11:00:00Z"`, `"created_at": "23.11.2026"`, true},
		"not an id":            {`01939f3e-5c00-7000-8000-000000000001`, `document-1`, true},
		"a box of three":       {"150.5,\n                82\n", "150.5\n", false},
		"a stranger in a word": {`"text": "Müller`, `"font": "Arial", "text": "Müller`, false},
		"cut off":              {`"schema"`, `{"schema`, false},
	}
}
