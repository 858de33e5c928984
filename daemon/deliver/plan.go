package deliver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"intray/daemon/durable"
)

// Plan is a staged delivery, stored in the ledger as JSON until it is published.
type Plan struct {
	Dir string `json:"dir"`
	// Staging is the folder of the temporary names.
	Staging string `json:"staging"`
	Stem    string `json:"stem"`
	SHA256  string `json:"sha256"`
	Items   []Item `json:"items"`
}

// Item is one rename, from a name in the plan's Staging to one in its Dir. Suffix is what
// follows the stem in Final; "" for a bundle folder.
type Item struct {
	Temp   string `json:"temp"`
	Final  string `json:"final"`
	Suffix string `json:"suffix"`
}

// Outputs are the paths of what the plan delivers.
func (p Plan) Outputs() []string {
	var out []string
	for _, i := range p.Items {
		out = append(out, filepath.Join(p.Dir, i.Final))
	}
	return out
}

// ErrPlaceGone is for a delivery whose folder is not the one it was staged in.
var ErrPlaceGone = errors.New("what was written there is gone")

// publish gives one item its name. One whose temporary name is gone has it, if
// the mark is there to say that nothing else was lost.
func (p Plan) publish(item *Item) error {
	temp := p.temp(*item)
	if there, err := os.Lstat(filepath.Join(p.Dir, item.Final)); err == nil && p.isOurs(*item, there) {
		return os.Remove(temp)
	}
	err := durable.RenameNoReplace(temp, filepath.Join(p.Dir, item.Final))
	for n := 1; errors.Is(err, fs.ErrExist) && n < maxNames; n++ {
		// Somebody took the name in this very moment. The other files are
		// out already: only this one moves aside.
		item.Final = variant(p.Stem, p.SHA256, n, LongestName-len(item.Suffix)) + item.Suffix
		err = durable.RenameNoReplace(temp, filepath.Join(p.Dir, item.Final))
	}
	if err == nil {
		return nil
	}
	if _, gone := os.Lstat(temp); errors.Is(gone, fs.ErrNotExist) {
		if _, marked := os.Lstat(p.mark()); marked == nil || p.Staging == "" {
			return nil
		}
		err = errors.Join(ErrPlaceGone, err)
	}
	return fmt.Errorf("publish %s: %w", item.Final, err)
}

// mark is the name of the file that proves where the plan was staged.
func (p Plan) mark() string { return filepath.Join(p.Staging, p.Items[0].Temp+".mark") }

func (p Plan) temp(item Item) string {
	if p.Staging == "" { // a plan of an earlier version
		return filepath.Join(p.Dir, item.Temp)
	}
	return filepath.Join(p.Staging, item.Temp)
}
