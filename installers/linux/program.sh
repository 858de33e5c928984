#!/bin/sh
# Builds the Linux program that is given away: Tesseract, models and licences are
# inside, and it is linked to nothing, so that it runs on any Linux for amd64, of
# whatever C library. `make static` calls it.
#
#   program.sh OUTPUT       also writes OUTPUT.NOTICES.txt
set -eu
cd "$(dirname "$0")/../.."
out=$1
ocr=$(sh installers/static-ocr.sh)

# Without C's ways to look up names and users, which would want the very C library
# it was linked with.
tags=embedded,netgo,osusergo

# What of the compiler and the C library is linked in.
native() {
	for library in libstdc++.a libc.a; do
		file=$(realpath "$(g++ -print-file-name=$library)")
		echo "/usr/share/doc/$(dpkg -S "$file" | cut -d: -f1)/copyright"
	done
}
# shellcheck disable=SC2046 # packages' names have no blanks
sh installers/notices.sh "$out.NOTICES.txt" "$ocr/NOTICES.txt" $(native) -- -tags "$tags"
gzip -9nc "$out.NOTICES.txt" >daemon/NOTICES.txt.gz

# Go's build id would tell folders apart.
CGO_ENABLED=1 CGO_CPPFLAGS="-I$ocr/include" CGO_LDFLAGS="-L$ocr/lib" \
	go build -trimpath -buildvcs=auto -tags "$tags,notices" -ldflags '-s -w -buildid= -linkmode external -extldflags "-static"' -o "$out" .
