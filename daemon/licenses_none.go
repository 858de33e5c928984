//go:build !notices

package daemon

// packedNotices are in a release only.
var packedNotices []byte
