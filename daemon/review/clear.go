package review

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"intray/daemon/durable"
	"intray/daemon/fault"
)

// Clear removes a bundle that was decided on, if it is that of the document and
// the attempt: the files with these SHA-256 by name, a fields.txt that is one of
// these texts, and what the operating system left. What a person changed or put
// beside them stays, and the folder with it and a note. What is gone is no error.
func Clear(path, documentID, attempt string, sums map[string]string, texts []string) error {
	b, err := readBundle(path, "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("clear bundle: %w", err)
	}
	if b.id != documentID || !b.of(attempt) {
		return nil
	}
	if b.loose {
		if !slices.Contains(texts, sumOf(b.text)) {
			return nil // somebody wrote into it since
		}
		return remove(path)
	}
	// The JSON says whose they are: it goes last, whatever it is called by now, and
	// fields.txt before it.
	slices.SortStableFunc(b.names, func(a, b string) int { return lastness(a) - lastness(b) })
	for _, name := range b.names {
		if err := b.clear(name, sums, texts); err != nil {
			return err
		}
	}
	left, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("clear bundle: %w", err)
	}
	if slices.ContainsFunc(left, func(e fs.DirEntry) bool { return !ofSystem(e.Name()) && e.Name() != NoteFile }) {
		return writeNote(filepath.Join(path, NoteFile), leftBehind)
	}
	for _, e := range left {
		if err := os.RemoveAll(filepath.Join(path, e.Name())); err != nil {
			return fmt.Errorf("clear bundle: %w", err)
		}
	}
	return remove(path)
}

// takeAway clears the bundle that one given back is a copy of, if no person
// touched it: one folder for a document is enough.
func takeAway(home string, copied *bundle, manifest Manifest, texts []string) error {
	b, err := readBundle(home, "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at bundle: %w", err)
	}
	if b.id != copied.id || b.attempt != copied.attempt {
		return nil
	}
	for _, name := range b.names {
		sum, err := durable.SHA256(filepath.Join(home, name))
		if err != nil {
			return fmt.Errorf("look at bundle: %w", err)
		}
		if sum != manifest.Sums[name] && (name != FieldsFile || !slices.Contains(texts, sum)) {
			return nil
		}
	}
	return Clear(home, b.id, b.attempt, manifest.Sums, texts)
}

// leftBehind is the note beside what Clear leaves.
const leftBehind = "This document was decided on. What still lies here was changed or added by a person, so Intray leaves it: keep it or delete it."

// clear removes one file of the bundle if it is as it was delivered.
func (b *bundle) clear(name string, sums map[string]string, texts []string) error {
	known := []string{sums[name]}
	switch {
	case strings.EqualFold(name, FieldsFile):
		known = append(slices.Clone(texts), sums[FieldsFile])
	case name == b.headName:
		known = slices.Collect(maps.Values(sums))
	case sums[name] == "":
		return nil
	}
	path := filepath.Join(b.path, name)
	sum, err := durable.SHA256(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("clear bundle: %w", err)
	}
	if !slices.Contains(known, sum) {
		return nil
	}
	if err := remove(path); err != nil {
		return err
	}
	fault.Point("review.cleared")
	return nil
}

func lastness(name string) int {
	switch {
	case strings.EqualFold(filepath.Ext(name), ".json"):
		return 2
	case strings.EqualFold(name, FieldsFile):
		return 1
	}
	return 0
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clear bundle: %w", err)
	}
	return nil
}
