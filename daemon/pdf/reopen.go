package pdf

import (
	"fmt"

	"intray/daemon/pdf/objects"
)

// Reopen reads the structure of the finished file at path by other code than
// wrote it or draws it: the cross-reference section, the place of every object,
// and n pages. An error says what is wrong.
func Reopen(path string, n int) error {
	f, err := objects.Open(path)
	if err != nil {
		return fmt.Errorf("reopen PDF: %w", err)
	}
	defer f.Close()
	if err := f.CheckPlaces(); err != nil {
		return fmt.Errorf("reopen PDF: %w", err)
	}
	pages, err := f.Pages(n)
	if err != nil {
		return fmt.Errorf("reopen PDF: %w", err)
	}
	if len(pages) != n {
		return fmt.Errorf("reopen PDF: it has %d pages instead of %d", len(pages), n)
	}
	return nil
}
