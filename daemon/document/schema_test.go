package document_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"intray/daemon/document"
	"intray/daemon/document/documenttest"
)

// node is the part of JSON Schema that ours uses.
type node struct {
	Ref        string          `json:"$ref"`
	Type       string          `json:"type"`
	Format     string          `json:"format"`
	Pattern    string          `json:"pattern"`
	Const      *string         `json:"const"`
	Enum       []any           `json:"enum"`
	Minimum    *float64        `json:"minimum"`
	Maximum    *float64        `json:"maximum"`
	MinItems   int             `json:"minItems"`
	MaxItems   int             `json:"maxItems"`
	Items      *node           `json:"items"`
	Properties map[string]node `json:"properties"`
	Required   []string        `json:"required"`
	Additional *bool           `json:"additionalProperties"`
	Defs       map[string]node `json:"$defs"`
}

func readSchema(t *testing.T) node {
	t.Helper()
	var root node
	if err := json.Unmarshal(document.SchemaJSON(), &root); err != nil {
		t.Fatal(err)
	}
	return root
}

// TestSchemaFollowsTheStructs fails when a field is added, dropped, renamed or
// retyped on one side only.
func TestSchemaFollowsTheStructs(t *testing.T) {
	root := readSchema(t)
	used := map[string]bool{}
	for _, problem := range compare(root, root, reflect.TypeFor[document.Document](), "document", used) {
		t.Error(problem)
	}
	for name := range root.Defs {
		if !used[name] {
			t.Errorf("$defs/%s is used by nothing", name)
		}
	}
}

// TestSchemaDriftIsFound holds structs that departed from the schema against it.
func TestSchemaDriftIsFound(t *testing.T) {
	root := readSchema(t)
	for name, c := range map[string]struct {
		def  string
		typ  reflect.Type
		want string
	}{
		"a field more": {"class", reflect.TypeFor[struct {
			Name       string  `json:"name"`
			Confidence float64 `json:"confidence"`
			Extra      string  `json:"extra"`
		}](), "extra"},
		"a field fewer": {"class", reflect.TypeFor[struct {
			Name string `json:"name"`
		}](), "confidence"},
		"another type": {"class", reflect.TypeFor[struct {
			Name       int     `json:"name"`
			Confidence float64 `json:"confidence"`
		}](), "name"},
		"may be left out": {"class", reflect.TypeFor[struct {
			Name       string  `json:"name,omitempty"`
			Confidence float64 `json:"confidence"`
		}](), "omitempty"},
		"a list of others": {"change", reflect.TypeFor[struct {
			Version int       `json:"version"`
			At      time.Time `json:"at"`
			By      string    `json:"by"`
			Changes []int     `json:"changes"`
		}](), "changes"},
	} {
		problems := strings.Join(compare(root, root.Defs[c.def], c.typ, c.def, map[string]bool{}), "\n")
		if !strings.Contains(problems, c.want) {
			t.Errorf("%s: want a problem with %q, found %q", name, c.want, problems)
		}
	}
}

// compare says where the schema n and the Go type typ depart from each other.
func compare(root, n node, typ reflect.Type, at string, used map[string]bool) []string {
	if name, ok := strings.CutPrefix(n.Ref, "#/$defs/"); ok {
		used[name] = true
		def, found := root.Defs[name]
		if !found {
			return []string{at + ": no definition " + n.Ref}
		}
		n = def
	}
	want := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer",
		reflect.Float64: "number", reflect.Slice: "array", reflect.Array: "array", reflect.Struct: "object"}[typ.Kind()]
	isTime := typ == reflect.TypeFor[time.Time]()
	if isTime {
		want = "string"
	}
	if got := typeOf(n); got != want {
		return []string{fmt.Sprintf("%s: the schema says %q, the struct %v", at, got, typ)}
	}
	switch {
	case isTime && n.Format != "date-time":
		return []string{at + ": a time is a date-time"}
	case isTime:
		return nil
	case typ.Kind() == reflect.Struct:
		return compareObject(root, n, typ, at, used)
	case typ.Kind() == reflect.Array && (n.MinItems != typ.Len() || n.MaxItems != typ.Len()):
		return []string{fmt.Sprintf("%s: the struct has %d elements, the schema %d to %d", at, typ.Len(), n.MinItems, n.MaxItems)}
	case want == "array" && n.Items == nil:
		return []string{at + ": the schema does not say of what"}
	case want == "array":
		return compare(root, *n.Items, typ.Elem(), at+"[]", used)
	case strings.HasSuffix(at, "confidence") && (n.Minimum == nil || *n.Minimum != 0 || n.Maximum == nil || *n.Maximum != 1):
		return []string{at + ": a confidence is 0..1"}
	}
	return nil
}

func compareObject(root, n node, typ reflect.Type, at string, used map[string]bool) (problems []string) {
	if n.Additional == nil || *n.Additional {
		problems = append(problems, at+": the schema lets other keys in")
	}
	var keys []string
	for i := range typ.NumField() {
		key, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if key == "-" {
			continue
		}
		keys = append(keys, key)
		if options != "" {
			problems = append(problems, fmt.Sprintf("%s.%s: every key is always there, without %s", at, key, options))
		}
		property, found := n.Properties[key]
		if !found {
			problems = append(problems, fmt.Sprintf("%s.%s: not in the schema", at, key))
			continue
		}
		if !slices.Contains(n.Required, key) {
			problems = append(problems, fmt.Sprintf("%s.%s: the schema does not require it", at, key))
		}
		problems = append(problems, compare(root, property, typ.Field(i).Type, at+"."+key, used)...)
	}
	for key := range n.Properties {
		if !slices.Contains(keys, key) {
			problems = append(problems, fmt.Sprintf("%s.%s: not in the struct", at, key))
		}
	}
	return problems
}

// typeOf is a schema's type, where need be that of its constants.
func typeOf(n node) string {
	var sample any
	switch {
	case n.Type != "":
		return n.Type
	case n.Const != nil:
		sample = *n.Const
	case len(n.Enum) > 0:
		sample = n.Enum[0]
	}
	switch sample.(type) {
	case string:
		return "string"
	case float64:
		return "integer"
	}
	return ""
}

// TestSchemaKnowsTheConstants compares the enums with the constants as the
// source has them, so that a new decision cannot be forgotten in the schema.
func TestSchemaKnowsTheConstants(t *testing.T) {
	root := readSchema(t)
	if c := root.Properties["schema"].Const; c == nil || *c != document.Schema {
		t.Errorf("the schema's name is not %q", document.Schema)
	}
	source, err := parser.ParseFile(token.NewFileSet(), "document.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for prefix, n := range map[string]node{
		"Decision": root.Defs["page"].Properties["decision"],
		"Verdict":  root.Defs["validation"].Properties["verdict"],
	} {
		var want, got []string
		ast.Inspect(source, func(x ast.Node) bool {
			if spec, ok := x.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, prefix) {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, value)
			}
			return true
		})
		for _, value := range n.Enum {
			got = append(got, fmt.Sprint(value))
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s: the schema has %q, the source %q", prefix, got, want)
		}
	}
}

// TestValidateRefuses breaks a good document in one place at a time.
func TestValidateRefuses(t *testing.T) {
	for name, c := range documenttest.Breaks() {
		t.Run(name, func(t *testing.T) {
			whole := string(encode(t, small()))
			broken := strings.Replace(whole, c.From, c.To, 1)
			if broken == whole {
				t.Fatalf("%q is not in the document", c.From)
			}
			if err := documenttest.Validate([]byte(broken)); err == nil {
				t.Errorf("accepted a document with %s", c.To)
			}
		})
	}
}

func TestSchemaJSONIsACopy(t *testing.T) {
	document.SchemaJSON()[0] = 'x'
	if document.SchemaJSON()[0] != '{' {
		t.Error("a caller's change reached the schema")
	}
}
