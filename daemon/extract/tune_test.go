package extract

import (
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"intray/daemon/config"
	"intray/daemon/document"
	"intray/daemon/extract/value"
)

func TestTune(t *testing.T) {
	classes, err := config.BuiltInClasses()
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(classes)
	if err != nil {
		t.Fatal(err)
	}
	truths, _ := filepath.Glob("/work/shared/corpus/fields/*.truth.json")
	good, all := map[string]int{}, map[string]int{}
	only := os.Getenv("ONLY")
	for _, tf := range truths {
		stem := strings.TrimSuffix(filepath.Base(tf), ".truth.json")
		if only != "" && !strings.Contains(stem, only) {
			continue
		}
		var truth struct {
			Type   string         `json:"doc_type"`
			Fields map[string]any `json:"fields"`
		}
		data, _ := os.ReadFile(tf)
		json.Unmarshal(data, &truth)
		var files []string
		dirs := []string{"s2", "s2/review/*", "eng", "eng/review/*"}
		if d := os.Getenv("DIRS"); d != "" {
			dirs = append(strings.Split(d, ","), dirs...)
		}
		for _, d := range dirs {
			for _, pat := range []string{stem + ".json", stem + "-[0-9].json"} {
				if len(files) == 0 {
					files, _ = filepath.Glob(filepath.Join("/tmp/xt", d, pat))
				}
			}
		}
		sort.Strings(files)
		var pages []document.Page
		for _, f := range files {
			data, _ := os.ReadFile(f)
			d, err := document.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range d.Pages {
				p.Number = len(pages) + 1
				pages = append(pages, p)
			}
		}
		var seq iter.Seq2[document.Page, error] = func(yield func(document.Page, error) bool) {
			for _, p := range pages {
				if !yield(p, nil) {
					return
				}
			}
		}
		q := Question{Class: Auto}
		a, err := e.Document(seq, q)
		if err != nil {
			t.Fatal(err)
		}
		kind := map[string]string{"credit_note": "invoice", "id_card": "id"}[truth.Type]
		if kind == "" {
			kind = truth.Type
		}
		fmt.Printf("== %s: %s (%.2f) %v\n", stem, a.Class.Name, a.Class.Confidence, a.Warnings)
		all[kind+".class"]++
		if a.Class.Name == kind {
			good[kind+".class"]++
		}
		for name, want := range truth.Fields {
			got, conf, raw := "", 0.0, ""
			for _, f := range a.Fields {
				if f.Name == name {
					got, conf, raw = f.Value, f.Confidence, f.Raw
				}
			}
			key := kind + "." + name
			all[key]++
			ok := normal(got) == normal(fmt.Sprint(want))
			if ok {
				good[key]++
			}
			if !ok || only != "" {
				fmt.Printf("   %v %-20s want %-30q got %q (%.2f) raw %q\n", ok, name, want, got, conf, raw)
			}
		}
		if only != "" {
			for _, tb := range a.Tables {
				for _, r := range tb.Rows {
					for _, c := range r {
						fmt.Printf("%-20.20s|", c.Text)
					}
					fmt.Println()
				}
			}
		}
	}
	var keys []string
	for k := range all {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		fmt.Printf("%-32s %2d/%2d %.2f\n", k, good[k], all[k], float64(good[k])/float64(all[k]))
	}
}

var spaces = regexp.MustCompile(`[^\p{L}\p{N}]+`)

func normal(s string) string {
	if p, ok := value.ParseAmount(s); ok && regexp.MustCompile(`^-?[\d.]+$`).MatchString(s) {
		return p.Amount.String()
	}
	return strings.ToUpper(spaces.ReplaceAllString(s, ""))
}
