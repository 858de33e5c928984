package tesseract

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// modelSuffix ends the name of every model's file.
const modelSuffix = ".traineddata"

// DefaultLanguage is read where nothing is said.
const DefaultLanguage = "eng"

// modelName is what the configuration takes for a language. Tesseract itself gives
// meanings to + and ~.
var modelName = regexp.MustCompile(`^(script/)?[A-Za-z][A-Za-z0-9_]*$`)

// ModelName is the name of the model that a file holds, such as "deu" for
// deu.traineddata and "script/Latin" for Latin.traineddata in a folder "script".
func ModelName(path string) (string, error) {
	base, ok := strings.CutSuffix(filepath.Base(path), modelSuffix)
	if filepath.Base(filepath.Dir(path)) == "script" {
		base = "script/" + base
	}
	if !ok || !modelName.MatchString(base) {
		return "", fmt.Errorf("%s is not named as a language model: it has to be the language's name and %s, such as deu%s or chi_sim%s",
			path, modelSuffix, modelSuffix, modelSuffix)
	}
	return base, nil
}

// ModelFile is where the model of that name stands below dir.
func ModelFile(dir, name string) string {
	return filepath.Join(dir, filepath.FromSlash(name)+modelSuffix)
}

// HowToInstall says what to do about a model that is missing. ownFolder is true for
// an engine whose tessdata names the one folder it looks into.
func HowToInstall(name string, ownFolder bool) string {
	how := fmt.Sprintf("`intray languages add %s%s` adds it", name, modelSuffix)
	if runtime.GOOS == "linux" && !ownFolder && !strings.Contains(name, "/") { // a script's package is named otherwise
		how += ", or on Debian its package: `apt install tesseract-ocr-" + strings.ReplaceAll(strings.ToLower(name), "_", "-") + "`"
	}
	return how + "."
}

// ReadsText is false for models that are no language: orientation, and formulas.
func ReadsText(name string) bool { return !slices.Contains(notLanguages, name) }

// What stands in a model's file, by Tesseract's tessdatamanager.h: parts, of which
// each may be missing. The head is the number of parts (int32) and where each begins
// (int64, -1 for none); the parts follow the head, and each other, without a gap. The
// byte order is the writer's: a number above mostParts is one in the other order.
const (
	partUnicharset = 1
	partTemplates  = 3  // "inttemp", of the engine before Tesseract 4
	partLSTM       = 17 // the network of the engine since
	mostParts      = 1000
)

// CheckModel says why data cannot be a model that Tesseract loads. It looks at the
// head only: enough to know a file of another kind and a download that ended early.
func CheckModel(data []byte) error {
	parts, err := modelParts(data)
	if err != nil {
		return fmt.Errorf("it is not a language model of Tesseract, or not a whole one: %w", err)
	}
	has := func(part int) bool { return part < len(parts) && parts[part] > 0 }
	if !has(partLSTM) && !(has(partUnicharset) && has(partTemplates)) {
		return errors.New("it is a file of Tesseract's, but nothing in it can read")
	}
	return nil
}

// modelParts is the size of each part, 0 for none.
func modelParts(data []byte) ([]int64, error) {
	const counter, place = 4, 8
	if len(data) < counter {
		return nil, errors.New("it is too short")
	}
	var order binary.ByteOrder = binary.LittleEndian
	if order.Uint32(data) > mostParts {
		order = binary.BigEndian
	}
	n := int(order.Uint32(data))
	if n == 0 || n > mostParts {
		return nil, errors.New("it begins otherwise")
	}
	head := counter + n*place
	if len(data) < head {
		return nil, errors.New("it ends within its head")
	}
	parts := make([]int64, n)
	next, last := int64(head), -1 // where the next part has to begin, and which began last
	for i := range parts {
		at := int64(order.Uint64(data[counter+i*place:]))
		switch {
		case at == -1:
			continue
		case at < next || at > int64(len(data)) || last < 0 && at != next:
			return nil, fmt.Errorf("part %d cannot begin at byte %d of %d", i, at, len(data))
		case last >= 0:
			parts[last] = at - next
		}
		next, last = at, i
	}
	if last >= 0 {
		parts[last] = int64(len(data)) - next
	}
	return parts, nil
}
