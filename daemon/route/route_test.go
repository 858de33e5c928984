package route

import "testing"

func TestPick(t *testing.T) {
	known := map[string]Engine{"local": {Name: "local", Types: []string{"image/png"}}, "cloud": {Name: "cloud", Types: []string{"image/png", "application/pdf"}, Cloud: true}}
	for _, c := range []struct {
		order []string
		mime  string
		want  string
	}{
		{[]string{"local", "cloud"}, "image/png", "local"}, {[]string{"local", "cloud"}, "application/pdf", "cloud"},
		{[]string{"local"}, "application/pdf", ""}, {[]string{"nobody", "cloud"}, "image/png", "cloud"}, {nil, "image/png", ""},
	} {
		if got, ok := Pick(c.order, known, c.mime); got != c.want || ok != (c.want != "") {
			t.Errorf("%v for %s: %q %v", c.order, c.mime, got, ok)
		}
	}
}
