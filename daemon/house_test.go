package daemon

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
		"engines/enginetest":           {"engines"},
		"engines/tesseract":            {"engines"},
		"engines/all":                  {"engines", "engines/tesseract"},
		"daemon":                       {"*"},
		"daemon/pipeline":              {"*"},
		"daemon/config":                {"engines"},
		"daemon/document":              {},
		"daemon/document/documenttest": {"daemon/document"},
		"daemon/durable":               {},
		"daemon/originals":             {"daemon/durable"},
		"daemon/intake":                {"ledger", "watcher", "daemon/originals", "daemon/durable"},
		"daemon/pages":                 {"engines", "daemon/document"},
		"daemon/pdf":                   {"engines", "daemon/document"},
		"daemon/worker":                {"engines", "daemon/pages", "daemon/pdf", "daemon/document"},
		"daemon/deliver":               {"daemon/document", "daemon/durable"},
		"daemon/review":                {"daemon/document", "daemon/durable", "ledger"},
		"daemon/web":                   {"ledger", "daemon/document", "daemon/originals", "daemon/durable"},
		"daemon/route":                 {"engines", "daemon/document"},
		"daemon/normalize":             {"engines", "daemon/document"},
		"daemon/extract":               {"engines", "daemon/document"},
		"daemon/validate":              {"engines", "daemon/document"},
	}
}

// testRooms are for tests only.
var testRooms = []string{"ledger/ledgertest", "engines/enginetest", "daemon/document/documenttest"}

// pureRooms touch neither disk nor clock nor network.
var pureRooms = []string{"daemon/route", "daemon/normalize", "daemon/extract", "daemon/validate"}

func allowedAtTop(name string) bool {
	return slices.Contains([]string{"main.go", "config.example.toml", "installers", "README.md", "watcher", "ledger", "engines", "daemon",
		"go.mod", "go.sum", "Makefile", "LICENSE", "bin", "tray"}, name) || strings.HasPrefix(name, ".")
}

func TestHouse(t *testing.T) {
	for _, problem := range inspectHouse(t, "..") {
		t.Error(problem)
	}
	top, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range top {
		if !allowedAtTop(e.Name()) {
			t.Errorf("%s does not belong at the top", e.Name())
		}
	}
}

// TestHouseFindsViolations plants one violation of each kind.
func TestHouseFindsViolations(t *testing.T) {
	const doc = "// Package x is here for a test. It does nothing else.\npackage x\n"
	for name, c := range map[string]struct{ file, text, want string }{
		"import behind a tag":    {"watcher/x_windows.go", "//go:build windows\n\n" + doc + "import _ \"intray/ledger\"\n", "may not import"},
		"import behind no tag":   {"engines/tesseract/x.go", doc + "import _ \"intray/daemon/document\"\n", "may not import"},
		"import never built":     {"ledger/x.go", "//go:build never\n\n" + doc + "import _ \"intray/engines\"\n", "may not import"},
		"test room in a program": {"daemon/x.go", doc + "import _ \"intray/ledger/ledgertest\"\n", "is for tests"},
		"unknown room":           {"daemon/attic/x.go", doc, "is not in the plan"},
		"clock in a pure room":   {"daemon/route/x.go", doc + "import \"time\"\nvar now = time.Now()\n", "time.Now"},
		"disk in a pure room":    {"daemon/normalize/x.go", doc + "import _ \"os\"\n", "is pure"},
		"init":                   {"ledger/x.go", doc + "func init() {}\n", "init"},
		"package name":           {"daemon/utils/x.go", "// Package utils is here for a test. It does nothing.\npackage utils\n", "called utils"},
		"no package comment":     {"ledger/x.go", "package x\n", "package comment"},
		"short package comment":  {"ledger/x.go", "// Package x is.\npackage x\n", "package comment"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, c.file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(c.text), 0o644)); err != nil {
				t.Fatal(err)
			}
			problems := inspectHouse(t, dir)
			if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, c.want) }) {
				t.Errorf("planted %q was not found; found %q", c.want, problems)
			}
		})
	}
}

// inspectHouse parses every Go file under root and says what breaks the rules.
func inspectHouse(t *testing.T, root string) []string {
	t.Helper()
	var problems []string
	comments := map[string]int{}
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
		found, documented, err := inspectFile(file, filepath.ToSlash(rel))
		problems = append(problems, found...)
		if !strings.HasSuffix(file, "_test.go") {
			comments[path.Dir(filepath.ToSlash(rel))] += documented
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for room, n := range comments {
		if n != 1 {
			problems = append(problems, fmt.Sprintf("%s has %d package comments of two sentences or more; it needs one", room, n))
		}
	}
	return problems
}

func inspectFile(file, rel string) (problems []string, documented int, err error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		return nil, 0, err
	}
	room, test := path.Dir(rel), strings.HasSuffix(rel, "_test.go")
	allowed, planned := rooms()[room]
	if !planned {
		problems = append(problems, fmt.Sprintf("%s: room %s is not in the plan", rel, room))
	}
	for _, banned := range []string{"utils", "util", "common", "helpers", "models", "types"} {
		if parsed.Name.Name == banned || path.Base(rel) == banned+".go" {
			problems = append(problems, fmt.Sprintf("%s: nothing is called %s", rel, banned))
		}
	}
	for _, spec := range parsed.Imports {
		problems = append(problems, inspectImport(rel, room, strings.Trim(spec.Path.Value, `"`), allowed, test)...)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil && !test {
				problems = append(problems, rel+": has an init function")
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && x.Name == "time" && slices.Contains(pureRooms, room) && !test &&
				slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}, n.Sel.Name) {
				problems = append(problems, fmt.Sprintf("%s: a pure room uses time.%s", rel, n.Sel.Name))
			}
		}
		return true
	})
	prefix := "Package " + parsed.Name.Name + " "
	if parsed.Name.Name == "main" {
		prefix = "Command intray "
	}
	if text := parsed.Doc.Text(); strings.HasPrefix(text, prefix) && strings.Count(text, ". ")+strings.Count(text, ".\n") >= 2 {
		documented = 1
	}
	return problems, documented, nil
}

func inspectImport(rel, room, imported string, allowed []string, test bool) []string {
	ours, isOurs := strings.CutPrefix(imported, "intray/")
	switch {
	case !isOurs && slices.Contains(pureRooms, room) && !test &&
		slices.Contains([]string{"os", "os/exec", "net", "net/http", "io/ioutil", "path/filepath", "syscall", "math/rand", "math/rand/v2"}, imported):
		return []string{fmt.Sprintf("%s: a room that is pure imports %s", rel, imported)}
	case !isOurs:
		return nil
	case slices.Contains(testRooms, ours):
		if test || slices.Contains(testRooms, room) {
			return nil
		}
		return []string{fmt.Sprintf("%s: %s is for tests", rel, ours)}
	case slices.Contains(allowed, "*") || slices.Contains(allowed, ours) || test && ours == room:
		return nil
	}
	return []string{fmt.Sprintf("%s: %s may not import %s", rel, room, ours)}
}

// TestFilesStaySmall tells of files past 400 lines and refuses those past 600.
func TestFilesStaySmall(t *testing.T) {
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return err
		}
		data, err := os.ReadFile(file)
		if lines := strings.Count(string(data), "\n"); lines > 600 {
			t.Errorf("%s has %d lines", file, lines)
		} else if lines > 400 {
			t.Logf("%s has %d lines", file, lines)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
