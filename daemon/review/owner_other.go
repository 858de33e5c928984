//go:build !unix

package review

// ownerOf is not known here: over a share, files mostly belong to the service.
func ownerOf(string) string { return "" }
