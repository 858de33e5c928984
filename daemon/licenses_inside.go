//go:build notices

package daemon

import _ "embed"

// packedNotices is what installers/notices.sh wrote, packed by gzip.
//
//go:embed NOTICES.txt.gz
var packedNotices []byte
