package daemon_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The house rules as a test: what stands at the top, who may import whom, and
// that every room says what it is for. The files are parsed; a listing command
// would miss those behind build tags.

// rooms maps each of our packages to those of ours it may import. "*" is any.
// Tests are held to the same rules, plus what testRooms adds.
func rooms() map[string][]string {
	return map[string][]string{
		".":       {"daemon"},
		"watcher": {}, "ledger": {}, "engines": {},
		"ledger/ledgertest":            {"ledger"},
		"engines/enginetest":           {"engines", "engines/enginetest/servers"},
		"engines/enginetest/servers":   {}, // provider-lab has it, too
		"engines/azure":                {"engines"},
		"engines/documentai":           {"engines"},
		"engines/httpapi":              {"engines"},
		"engines/mistral":              {"engines"},
		"engines/textract":             {"engines"},
		"engines/tesseract":            {"engines"},
		"engines/all":                  {"engines", "engines/azure", "engines/documentai", "engines/httpapi", "engines/mistral", "engines/tesseract", "engines/textract"},
		"daemon":                       {"*"},
		"daemon/pipeline":              {"*"},
		"daemon/config":                {"engines"},
		"daemon/document":              {},
		"daemon/document/schema":       {"daemon/document"},
		"daemon/document/documenttest": {"daemon/document"},
		"daemon/durable":               {},
		"daemon/fault":                 {},
		"daemon/private":               {},
		"daemon/originals":             {"daemon/durable", "daemon/fault"},
		"daemon/intake":                {"ledger", "watcher", "daemon/originals", "daemon/durable", "daemon/fault", "daemon/deliver"},
		"daemon/retention":             {"ledger", "daemon/config", "daemon/originals", "daemon/deliver", "daemon/fault"},
		"daemon/fax":                   {},
		"daemon/barcode":               {},
		"daemon/barcode/barcodetest":   {},
		"daemon/split":                 {"daemon/config"},
		"daemon/pdf/objects":           {},
		"daemon/pdf/syntax":            {},
		"daemon/pdf/pdfa":              {"daemon/pdf/syntax"},
		"daemon/pages":                 {"engines", "daemon/document", "daemon/fax", "daemon/pdf/objects", "daemon/extract/einvoice"},
		"daemon/pdf":                   {"engines", "daemon/document", "daemon/fax", "daemon/pdf/objects", "daemon/pdf/pdfa", "daemon/pdf/syntax"},
		"daemon/pdf/pdftest":           {},
		"daemon/worker":                {"engines", "daemon/pages", "daemon/pdf", "daemon/document", "daemon/barcode", "daemon/extract/einvoice"},
		"daemon/deliver":               {"daemon/document", "daemon/durable", "daemon/fault"},
		"daemon/handover":              {"ledger", "daemon/config", "daemon/deliver", "daemon/document", "daemon/fault"},
		"daemon/review":                {"daemon/document", "daemon/durable", "daemon/fault", "ledger"},
		"daemon/webhooks":              {"engines", "ledger"},
		"daemon/search":                {"ledger"},
		"daemon/metrics":               {"ledger"},
		"daemon/report":                {"ledger"},
		"daemon/web":                   {"ledger", "daemon/document", "daemon/originals", "daemon/durable", "daemon/private", "daemon/web/access"},
		"daemon/web/access":            {},
		"daemon/web/site":              {"ledger", "daemon/document", "daemon/review", "daemon/web/access"},
		"daemon/route":                 {"engines", "daemon/document"},
		"daemon/normalize":             {"engines", "daemon/document"},
		"daemon/extract":               {"engines", "daemon/config", "daemon/document", "daemon/extract/mrz", "daemon/extract/value"},
		"daemon/extract/value":         {},
		"daemon/extract/mrz":           {},
		"daemon/extract/einvoice":      {"daemon/document", "daemon/extract/value"},
		"daemon/validate":              {"engines", "daemon/config", "daemon/document", "daemon/extract/value"},
	}
}

// testRooms are for tests only.
var testRooms = []string{"ledger/ledgertest", "engines/enginetest", "daemon/document/documenttest", "daemon/pdf/pdftest", "daemon/barcode/barcodetest"}

// pureRooms touch neither disk nor clock nor network.
var pureRooms = []string{"daemon/route", "daemon/normalize", "daemon/extract",
	"daemon/extract/value", "daemon/extract/mrz", "daemon/extract/einvoice", "daemon/validate"}

// outside are imports that reach what a pure room may not touch; those that end
// in a slash stand for everything below them. math/rand counts: the same
// question must get the same answer.
var outside = []string{"os", "os/", "net", "net/http", "net/http/", "net/rpc", "net/rpc/", "net/smtp", "io/ioutil", "path/filepath",
	"syscall", "syscall/", "golang.org/x/sys/", "math/rand", "math/rand/", "log", "plugin", "C"}

// clocks are the functions that read a clock or wait for it. The packages are
// welcome for their types.
var clocks = map[string][]string{
	"time":    {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
	"context": {"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause"},
}

// vague names say nothing about what is inside.
var vague = []string{"utils", "util", "common", "helpers", "models", "types"}

// Files past tellLines are told of, those past refuseLines refused.
const tellLines, refuseLines = 400, 600

func TestHouse(t *testing.T) {
	h := inspectHouse(t, "..")
	for _, problem := range h.problems {
		t.Error(problem)
	}
	for _, long := range h.long {
		t.Log(long)
	}
	// A walk that saw nothing would find nothing wrong.
	for _, room := range []string{".", "watcher", "ledger", "engines", "daemon", "daemon/document"} {
		if _, seen := h.comments[room]; !seen {
			t.Errorf("no Go file was seen in %s", room)
		}
	}
}

// tidy is a tree without a fault; each violation is planted in it.
var tidy = map[string]string{
	"main.go":                "// Command intray is here for a test. It does nothing else.\npackage main\n\nimport _ \"intray/daemon\"\n",
	"watcher/w.go":           "// Package watcher is here for a test. It does nothing else.\npackage watcher\n",
	"engines/tesseract/e.go": "// Package tesseract is here for a test. It does nothing else.\npackage tesseract\n\nimport _ \"intray/engines\"\n",
	"daemon/route/r.go":      "// Package route is here for a test. It does nothing else.\npackage route\n\nimport \"time\"\n\nvar day = 24 * time.Hour\n",
	"daemon/d.go":            "// Package daemon is here for a test. It does nothing else.\npackage daemon\n\nimport _ \"intray/ledger\"\n",
	"daemon/d_test.go":       "package daemon\n\nimport _ \"intray/ledger/ledgertest\"\n\nfunc init() {}\n",
	"bin/leftover.go":        "package leftover\n",
}

func TestHouseFindsNothingInATidyTree(t *testing.T) {
	if h := inspectHouse(t, plant(t, "", "")); len(h.problems) > 0 {
		t.Errorf("found %q", h.problems)
	}
}

// TestHouseFindsViolations plants one violation of each kind.
func TestHouseFindsViolations(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"import behind a tag":     {"watcher/x.go", "//go:build windows\n\npackage watcher\nimport _ \"intray/ledger\"\n", "watcher/x.go: watcher may not import ledger"},
		"import behind a suffix":  {"watcher/x_windows.go", "package watcher\nimport _ \"intray/ledger\"\n", "watcher may not import ledger"},
		"import never built":      {"watcher/x.go", "//go:build never\n\npackage watcher\nimport _ \"intray/engines\"\n", "watcher may not import engines"},
		"import in a test":        {"watcher/x_test.go", "package watcher_test\nimport _ \"intray/engines\"\n", "watcher may not import engines"},
		"engine knows the house":  {"engines/tesseract/x.go", "package tesseract\nimport _ \"intray/daemon/document\"\n", "may not import daemon/document"},
		"pure rooms know another": {"daemon/route/x.go", "package route\nimport _ \"intray/daemon/validate\"\n", "may not import daemon/validate"},
		"test room in a program":  {"daemon/x.go", "package daemon\nimport _ \"intray/ledger/ledgertest\"\n", "is for tests"},
		"program tests itself":    {"daemon/x.go", "package daemon\nimport _ \"net/http/httptest\"\n", "does not test itself"},
		"unknown room":            {"daemon/attic/x.go", "// Package attic is here. It does nothing.\npackage attic\n", "is not in the plan"},
		"clock in a pure room":    {"daemon/route/x.go", "package route\nimport \"time\"\nvar now = time.Now()\n", "time.Now"},
		"clock under a new name":  {"daemon/route/x.go", "package route\nimport t \"time\"\nvar now = t.Now\n", "time.Now"},
		"clock without a name":    {"daemon/route/x.go", "package route\nimport . \"time\"\nvar now = Now()\n", "dot import"},
		"clock in a context":      {"daemon/route/x.go", "//go:build windows\n\npackage route\nimport \"context\"\nvar c = context.WithTimeout\n", "context.WithTimeout"},
		"disk in a pure room":     {"daemon/route/x.go", "package route\nimport _ \"os\"\n", "imports os"},
		"process in a pure room":  {"daemon/route/x.go", "package route\nimport _ \"os/exec\"\n", "imports os/exec"},
		"network in a pure room":  {"daemon/route/x.go", "package route\nimport _ \"net/http\"\n", "imports net/http"},
		"init":                    {"watcher/x.go", "package watcher\nfunc init() {}\n", "init"},
		"package name":            {"watcher/x.go", "package utils\n", "nothing is called utils"},
		"file name":               {"watcher/helpers_windows.go", "package watcher\n", "nothing is called helpers"},
		"test file name":          {"watcher/common_test.go", "package watcher\n", "nothing is called common"},
		"no package comment":      {"watcher/w.go", "package watcher\n", "watcher has 0 package comments"},
		"two package comments":    {"watcher/x.go", "//go:build windows\n\n// Package watcher is here as well. It is one too many.\npackage watcher\n", "watcher has 2 package comments"},
		"short package comment":   {"watcher/w.go", "// Package watcher is.\npackage watcher\n", "two sentences"},
		"another's comment":       {"watcher/w.go", "// Package ledger is here for a test. It does nothing else.\npackage watcher\n", "begins with \"Package watcher \""},
		"stranger at the top":     {"notes.txt", "", "notes.txt does not belong at the top"},
		"endless file":            {"watcher/x.go", "package watcher\n" + strings.Repeat("\n", refuseLines), "601 lines"},
	} {
		t.Run(name, func(t *testing.T) {
			h := inspectHouse(t, plant(t, c.file, c.text))
			if len(h.problems) != 1 || !strings.Contains(h.problems[0], c.want) {
				t.Errorf("planted %q in %s; found %q", c.want, c.file, h.problems)
			}
		})
	}
}

// plant writes the tidy tree and one file more, or in another's place.
func plant(t *testing.T, name, text string) string {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string) {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range tidy {
		write(name, text)
	}
	if name != "" {
		write(name, text)
	}
	return root
}

// house is what an inspection found.
type house struct {
	problems []string
	long     []string       // files worth splitting, not yet wrong
	comments map[string]int // package comments by room with at least one non-test file
}

// inspectHouse parses every Go file under root, whatever its build tags, and
// says what breaks the rules.
func inspectHouse(t *testing.T, root string) *house {
	t.Helper()
	h := &house{comments: map[string]int{}}
	h.inspectTop(t, root)
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); file != root && (strings.HasPrefix(name, ".") || name == "bin" || name == "tray" || name == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		return h.inspectFile(file, filepath.ToSlash(rel))
	})
	if err != nil {
		t.Fatal(err)
	}
	for room, n := range h.comments {
		if n != 1 {
			h.report("%s has %d package comments; it needs one", room, n)
		}
	}
	return h
}

func (h *house) report(format string, args ...any) {
	h.problems = append(h.problems, fmt.Sprintf(format, args...))
}

// inspectTop looks at the names at the top. bin and tray are not under version
// control; a developer has them.
func (h *house) inspectTop(t *testing.T, root string) {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains([]string{"main.go", "config.example.toml", "installers", "README.md", "watcher", "ledger", "engines", "daemon",
			"go.mod", "go.sum", "Makefile", "LICENSE", "bin", "tray"}, e.Name()) && !strings.HasPrefix(e.Name(), ".") {
			h.report("%s does not belong at the top", e.Name())
		}
	}
}

func (h *house) inspectFile(file, rel string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ParseComments)
	if err != nil {
		return err
	}
	room, test := path.Dir(rel), strings.HasSuffix(rel, "_test.go")
	h.inspectNames(rel, parsed.Name.Name)
	h.inspectImports(rel, room, parsed, test)
	if test {
		return nil
	}
	h.inspectComment(rel, room, parsed)
	for _, decl := range parsed.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == "init" && f.Recv == nil {
			h.report("%s: has an init function", rel)
		}
	}
	if lines := strings.Count(string(text), "\n"); lines > refuseLines {
		h.report("%s: has %d lines", rel, lines)
	} else if lines > tellLines {
		h.long = append(h.long, fmt.Sprintf("%s has %d lines", rel, lines))
	}
	return nil
}

func (h *house) inspectNames(rel, pkg string) {
	first, _, _ := strings.Cut(strings.TrimSuffix(path.Base(rel), ".go"), "_") // without _windows, _test
	for _, name := range append(strings.Split(path.Dir(rel), "/"), first, strings.TrimSuffix(pkg, "_test")) {
		if slices.Contains(vague, name) {
			h.report("%s: nothing is called %s", rel, name)
			return
		}
	}
}

// inspectComment checks the package comment, if the file has it.
func (h *house) inspectComment(rel, room string, parsed *ast.File) {
	h.comments[room] += 0 // the room exists
	if parsed.Doc == nil {
		return
	}
	h.comments[room]++
	text, prefixes := parsed.Doc.Text(), []string{"Package " + parsed.Name.Name + " "}
	if parsed.Name.Name == "main" {
		prefixes = []string{"Command intray ", "Intray "}
	}
	if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(text, p) }) {
		h.report("%s: the package comment begins with %q", rel, prefixes[0])
	} else if strings.Count(text, ". ")+strings.Count(text, ".\n") < 2 {
		h.report("%s: the package comment has two sentences at least", rel)
	}
}

func (h *house) inspectImports(rel, room string, parsed *ast.File, test bool) {
	allowed, planned := rooms()[room]
	if !planned {
		h.report("%s: room %s is not in the plan", rel, room)
		return
	}
	pure := slices.Contains(pureRooms, room) && !test
	clockNames := map[string]string{} // how this file calls the packages in clocks
	for _, spec := range parsed.Imports {
		imported := strings.Trim(spec.Path.Value, "`\"")
		if ours, isOurs := strings.CutPrefix(imported, "intray/"); isOurs {
			h.inspectRoomImport(rel, room, ours, allowed, test)
			continue
		}
		if (imported == "testing" || imported == "net/http/httptest") && !test && !slices.Contains(testRooms, room) {
			h.report("%s: the program does not test itself, but imports %s", rel, imported)
		}
		if !pure {
			continue
		}
		if slices.ContainsFunc(outside, func(o string) bool {
			return imported == o || strings.HasSuffix(o, "/") && strings.HasPrefix(imported, o)
		}) {
			h.report("%s: the room is pure, but imports %s", rel, imported)
		}
		if clocks[imported] == nil {
			continue
		}
		clockNames[imported] = imported
		if spec.Name != nil {
			delete(clockNames, imported)
			clockNames[spec.Name.Name] = imported
		}
		if spec.Name != nil && spec.Name.Name == "." {
			h.report("%s: a dot import of %s hides its clock", rel, imported)
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			x, isIdent := selector.X.(*ast.Ident)
			if isIdent && slices.Contains(clocks[clockNames[x.Name]], selector.Sel.Name) {
				h.report("%s: the room is pure, but uses %s.%s", rel, clockNames[x.Name], selector.Sel.Name)
			}
		}
		return true
	})
}

// inspectRoomImport judges one import of a room by a room. A test may import
// the room it tests and the rooms made for tests, nothing else on top.
func (h *house) inspectRoomImport(rel, room, imported string, allowed []string, test bool) {
	switch {
	case slices.Contains(testRooms, imported):
		if !test && !slices.Contains(testRooms, room) {
			h.report("%s: %s is for tests", rel, imported)
		}
	case test && imported == "engines/enginetest/servers": // engines are held against them
	case slices.Contains(allowed, "*"), slices.Contains(allowed, imported), test && imported == room:
	default:
		h.report("%s: %s may not import %s", rel, room, imported)
	}
}
