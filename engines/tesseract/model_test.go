package tesseract

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"
)

func TestModelName(t *testing.T) {
	for path, want := range map[string]string{"deu.traineddata": "deu", "a/b/chi_sim.traineddata": "chi_sim", "script/Latin.traineddata": "script/Latin",
		"deu": "", "deu.traineddata.gz": "", ".traineddata": "", "d eu.traineddata": "", "eng+deu.traineddata": "", "~osd.traineddata": "",
		"deu (1).traineddata": "", "..traineddata": "", "": ""} {
		if got, err := ModelName(path); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", path, got, err)
		}
	}
}

// model writes a file as Tesseract does: sizes are its parts', 0 for none.
func model(order binary.AppendByteOrder, sizes ...int) []byte {
	data := order.AppendUint32(nil, uint32(len(sizes)))
	at := 4 + 8*len(sizes)
	for _, size := range sizes {
		if size == 0 {
			data = order.AppendUint64(data, ^uint64(0))
			continue
		}
		data = order.AppendUint64(data, uint64(at))
		at += size
	}
	return append(data, make([]byte, at-len(data))...)
}

// network is the sizes of a model with what reads at part 17.
func network() []int { return append(make([]int, partLSTM), 500, 0, 20, 0, 30, 40, 5) }

func TestCheckModel(t *testing.T) {
	whole := model(binary.LittleEndian, network()...)
	place := func(part int, at uint64) []byte {
		data := bytes.Clone(whole)
		binary.LittleEndian.PutUint64(data[4+8*part:], at)
		return data
	}
	for name, c := range map[string]struct {
		data []byte
		want string // "" for a good one
	}{
		"network":               {whole, ""},
		"other byte order":      {model(binary.BigEndian, network()...), ""},
		"before Tesseract 4":    {model(binary.LittleEndian, 0, 10, 0, 10, 10, 10), ""},
		"empty":                 {nil, "too short"},
		"a web page":            {[]byte("<!DOCTYPE html><html><head><title>Not found</title></head></html>"), "begins otherwise"},
		"a pointer to a file":   {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"), "begins otherwise"},
		"compressed":            {[]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), "begins otherwise"},
		"zeros":                 {make([]byte, 1000), "begins otherwise"},
		"ends in its head":      {whole[:100], "within its head"},
		"ends in a part":        {whole[:len(whole)-100], "cannot begin"},
		"no network":            {model(binary.LittleEndian, 10, 10, 10, 0, 10), "nothing in it can read"},
		"nothing":               {model(binary.LittleEndian, make([]int, 24)...), "nothing in it can read"},
		"begins in its head":    {place(partLSTM, 8), "cannot begin"},
		"a gap after the head":  {place(partLSTM, 4+8*24+1), "cannot begin"},
		"parts run backwards":   {place(21, 4+8*24+499), "cannot begin"},
		"far behind the end":    {place(23, 1<<62), "cannot begin"},
		"a place below nothing": {place(23, ^uint64(1)), "cannot begin"},
	} {
		err := CheckModel(c.data)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, m := range sources(builtIn(), "", systemTessdata()) {
		if m.Path == "" {
			continue
		}
		data, err := os.ReadFile(m.Path)
		if err == nil {
			err = CheckModel(data)
		}
		if err != nil {
			t.Errorf("%s: %v", m.Path, err)
		}
	}
}

// FuzzCheckModel: a file that is taken is one that Tesseract's own reader comes
// through: it reads the parts one after the other, each of the size that the places
// say, and believes them.
func FuzzCheckModel(f *testing.F) {
	f.Add(model(binary.LittleEndian, network()...))
	f.Add(model(binary.BigEndian, network()...))
	f.Add(model(binary.LittleEndian, 0, 10, 0, 10))
	f.Add([]byte("<!DOCTYPE html>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if CheckModel(data) != nil {
			return
		}
		var order binary.ByteOrder = binary.LittleEndian
		if order.Uint32(data) > mostParts {
			order = binary.BigEndian
		}
		n := int(order.Uint32(data))
		at := func(i int) int64 { return int64(order.Uint64(data[4+8*i:])) }
		read := int64(4 + 8*n)
		for i := range n {
			if at(i) < 0 {
				continue
			}
			size := int64(len(data)) - at(i)
			j := i + 1
			for j < n && at(j) == -1 {
				j++
			}
			if j < n {
				size = at(j) - at(i)
			}
			if at(i) != read || size < 0 || size > int64(len(data))-read {
				t.Fatalf("part %d of %d bytes at %d, where %d of %d are read", i, size, at(i), read, len(data))
			}
			read += size
		}
	})
}
