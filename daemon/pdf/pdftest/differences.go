package pdftest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// toolTimeout is for tools that do not come to an end with hostile files.
const toolTimeout = 20 * time.Second

// Run is what a tool prints. It skips the test where the tool is missing.
func Run(t testing.TB, name string, args ...string) ([]byte, error) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("skipped: %s is not installed", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), toolTimeout)
	defer cancel()
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = &errs
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return out, fmt.Errorf("%s does not answer", name)
	}
	if err != nil {
		err = fmt.Errorf("%s %q: %w\n%s%s", name, args, err, out[:min(len(out), 2000)], errs.Bytes()[:min(errs.Len(), 2000)])
	}
	return out, err
}

// file is a PDF as qpdf's JSON tells it.
type file struct {
	objects map[string]any
	trailer map[string]any
	pages   map[string]bool
}

func load(t testing.TB, path string) (f file, err error) {
	t.Helper()
	out, err := Run(t, "qpdf", "--json=2", "--json-stream-data=inline", "--decode-level=none", path)
	if err != nil {
		return f, err
	}
	var parsed struct {
		Pages []struct{ Object string }
		QPDF  []map[string]any
	}
	if err := json.Unmarshal(out, &parsed); err != nil || len(parsed.QPDF) != 2 {
		return f, fmt.Errorf("qpdf's JSON: %w", err)
	}
	f = file{objects: parsed.QPDF[1], pages: map[string]bool{}}
	for _, p := range parsed.Pages {
		f.pages[p.Object] = true
	}
	trailer, _ := f.objects["trailer"].(map[string]any)
	f.trailer, _ = trailer["value"].(map[string]any)
	return f, nil
}

// comparison walks two files side by side.
type comparison struct {
	before, after file
	seen          map[[2]string]bool
	different     []string
}

// Differences lists, at most 20, what after has not as before has it: everything
// that trailer and catalog lead to. Of pages, content, resources and turn may
// have changed, but every resource must still be there; that an attribute moved
// from the page tree to the page does not count. skip are paths like
// "Root.Metadata" that may differ.
func Differences(t testing.TB, before, after string, skip ...string) ([]string, error) {
	t.Helper()
	a, err := load(t, before)
	if err != nil {
		return nil, err
	}
	b, err := load(t, after)
	if err != nil {
		return nil, err
	}
	c := comparison{before: a, after: b, seen: map[[2]string]bool{}}
	for _, key := range []string{"/Root", "/Info"} {
		c.compare(key[1:], a.trailer[key], b.trailer[key], skip)
	}
	return c.different[:min(len(c.different), 20)], nil
}

func (c *comparison) tell(path, format string, args ...any) {
	c.different = append(c.different, path+": "+fmt.Sprintf(format, args...))
}

func isRef(v any) (string, bool) {
	s, ok := v.(string)
	return s, ok && strings.HasSuffix(s, " R") && !strings.Contains(s, ":")
}

func (f file) resolve(v any) (any, string) {
	name, ok := isRef(v)
	if !ok {
		return v, ""
	}
	object, _ := f.objects["obj:"+name].(map[string]any)
	if stream, ok := object["stream"].(map[string]any); ok {
		return map[string]any{"stream": stream["data"], "dict": stream["dict"]}, name
	}
	return object["value"], name
}

func (c *comparison) compare(path string, a, b any, skip []string) {
	if slices.Contains(skip, path) || len(c.different) > 100 {
		return
	}
	va, ra := c.before.resolve(a)
	vb, rb := c.after.resolve(b)
	if ra != "" && rb != "" {
		if c.seen[[2]string{ra, rb}] {
			return
		}
		c.seen[[2]string{ra, rb}] = true
	}
	page := c.before.pages[ra]
	if page != c.after.pages[rb] {
		c.tell(path, "%s is a page, %s is not", ra, rb)
		return
	}
	switch x := va.(type) {
	case map[string]any:
		y, ok := vb.(map[string]any)
		if !ok {
			c.tell(path, "a dictionary became %.60v", vb)
			return
		}
		c.dictionaries(path, x, y, page, skip)
	case []any:
		y, ok := vb.([]any)
		if !ok || len(x) != len(y) {
			c.tell(path, "%.60v became %.60v", va, vb)
			return
		}
		for i := range x {
			c.compare(fmt.Sprintf("%s[%d]", path, i), x[i], y[i], skip)
		}
	default:
		if fmt.Sprint(va) != fmt.Sprint(vb) {
			c.tell(path, "%.80v became %.80v", va, vb)
		}
	}
}

// dictionaries compares what x has; y may have more.
func (c *comparison) dictionaries(path string, x, y map[string]any, page bool, skip []string) {
	for _, key := range slices.Sorted(maps.Keys(x)) {
		switch {
		case page && (key == "/Contents" || key == "/Rotate"), key == "/Length":
		case page && key == "/Resources":
			c.resources(path, x[key], y[key], skip)
		case x["/Type"] == "/Pages" && y[key] == nil && slices.Contains([]string{"/Resources", "/MediaBox", "/CropBox", "/Rotate"}, key):
		case x[key] == nil:
		default:
			c.compare(path+"."+strings.TrimPrefix(key, "/"), x[key], y[key], skip)
		}
	}
}

// resources: each that was there must still be.
func (c *comparison) resources(path string, a, b any, skip []string) {
	va, _ := c.before.resolve(a)
	vb, _ := c.after.resolve(b)
	x, _ := va.(map[string]any)
	y, _ := vb.(map[string]any)
	for kind, list := range x {
		la, _ := c.before.resolve(list)
		lb, _ := c.after.resolve(y[kind])
		these, ok := la.(map[string]any)
		if !ok {
			c.compare(path+".Resources."+kind, list, y[kind], skip)
			continue
		}
		those, _ := lb.(map[string]any)
		for name, v := range these {
			c.compare(path+".Resources."+kind+"."+name, v, those[name], skip)
		}
	}
}

// Images lists the hashes of all pictures' stored streams, sorted.
func Images(t testing.TB, path string) ([]string, error) {
	t.Helper()
	f, err := load(t, path)
	if err != nil {
		return nil, err
	}
	var out []string
	for name := range f.objects {
		v, _ := f.resolve(strings.TrimPrefix(name, "obj:"))
		m, _ := v.(map[string]any)
		d, _ := m["dict"].(map[string]any)
		if d["/Subtype"] == "/Image" {
			out = append(out, fmt.Sprint(len(fmt.Sprint(m["stream"])), hash(fmt.Sprint(m["stream"]))))
		}
	}
	slices.Sort(out)
	return out, nil
}

func hash(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:8])
}
