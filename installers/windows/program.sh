#!/bin/sh
# Builds the Windows program that is given away, on Linux: Tesseract, models and
# licences are inside, and of libraries it wants only Windows' own. `make windows`
# calls it. The same sources give the same bytes, wherever they lie.
#
#   program.sh OUTPUT [BUILD TAG...]     also writes OUTPUT's name with .NOTICES.txt
#
# VERSION is ours as `version.sh` has it; Windows shows its first three numbers. sign.sh
# says what has the program signed.
set -eu

cd "$(dirname "$0")/../.."
out=$1
shift
tags=embedded
for tag in "$@"; do
	tags=$tags,$tag
done
version=${VERSION:-$(sh installers/version.sh)}
version=${version%%[!0-9.]*}
ocr=$(sh installers/static-ocr.sh windows)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# windres keeps the quotes of a definition only if they are escaped twice.
x86_64-w64-mingw32-windres -O coff -I installers/windows \
	-D NUMBERS="$(echo "$version" | tr . ,),0" -D TEXT="\\\"$version\\\"" \
	installers/windows/intray.rc "$work/resource.o"

# What of the compiler and of mingw-w64 is linked in.
native() {
	for library in libstdc++.a libmingw32.a libwinpthread.a; do
		file=$(realpath "$(x86_64-w64-mingw32-g++-posix -print-file-name=$library)")
		echo "/usr/share/doc/$(dpkg -S "$file" | cut -d: -f1)/copyright"
	done
}
export GOOS=windows GOARCH=amd64 CGO_ENABLED=1 CC=x86_64-w64-mingw32-gcc-posix CXX=x86_64-w64-mingw32-g++-posix
notices=${out%.exe}.NOTICES.txt
# shellcheck disable=SC2046 # packages' names have no blanks
sh installers/notices.sh "$notices" "$ocr/NOTICES.txt" $(native | sort -u) -- -tags "$tags"
gzip -9nc "$notices" >daemon/NOTICES.txt.gz

# Go's build id would tell folders apart.
CGO_CPPFLAGS="-I$ocr/include" CGO_LDFLAGS="-L$ocr/lib -ltesseract -lws2_32" \
	go build -trimpath -buildvcs=auto -tags "$tags,notices" \
	-ldflags "-s -w -buildid= -linkmode external -extldflags '-static $work/resource.o'" -o "$out" .
sh installers/windows/sign.sh "$out"
