// Package extract finds a read document's class and fields, by local rules
// over words and their boxes or from what a provider returned.
//
// It is pure: no disk, no clock, no network. It has no rules yet: documents
// are delivered with their text and without fields.
package extract
