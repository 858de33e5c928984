package all

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"intray/engines"
)

// TestExampleSections: what config.example.toml shows of cloud engines behind
// comment signs is right, and shows every key.
func TestExampleSections(t *testing.T) {
	data, err := os.ReadFile("../../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	from, to := strings.Index(text, "# [engine."), strings.Index(text, "# Classes of documents")
	if from < 0 || to < from {
		t.Fatal("the example has no engines behind comment signs")
	}
	setting := regexp.MustCompile(`(?m)^# ((?:\[engine|[a-z_]+ = ).*)$`)
	var lines []string
	for _, m := range setting.FindAllStringSubmatch(text[from:to], -1) {
		lines = append(lines, m[1])
	}
	var file struct{ Engine map[string]toml.Primitive }
	meta, err := toml.Decode(strings.Join(lines, "\n"), &file)
	if err != nil {
		t.Fatal(err)
	}
	for name, section := range file.Engine {
		var head struct{ Kind string }
		if err := meta.PrimitiveDecode(section, &head); err != nil {
			t.Fatal(err)
		}
		f, ok := ByKind(head.Kind)
		if !ok || f.NewProvider == nil {
			t.Errorf("%s is of kind %q", name, head.Kind)
			continue
		}
		_, err := f.NewProvider(engines.Settings{Name: name, Decode: func(into any) error {
			checkKeys(t, name, reflect.TypeOf(into).Elem(), strings.Join(lines, "\n"))
			return meta.PrimitiveDecode(section, into)
		}})
		// Azure's shows both ways to log in, of which one is to be chosen.
		if err != nil && !strings.Contains(err.Error(), "not both") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, key := range meta.Undecoded() {
		t.Errorf("the example has %s, which no engine has", key)
	}
}

func checkKeys(t *testing.T, name string, of reflect.Type, text string) {
	t.Helper()
	for i := range of.NumField() {
		key := of.Field(i).Tag.Get("toml")
		if !strings.Contains(text, key+" = ") && !strings.Contains(text, name+"."+key+"]") {
			t.Errorf("the example does not show %s of %s", key, name)
		}
		if inner := of.Field(i).Type; inner.Kind() == reflect.Struct && inner != reflect.TypeFor[engines.Secret]() {
			checkKeys(t, name, inner, text)
		}
	}
}
