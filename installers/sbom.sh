#!/bin/sh
# Writes what a program contains as CycloneDX: the modules that it says itself were
# linked in, and the C, C++ and WebAssembly parts, which nothing says. Refuses the
# GPL and the AGPL.
#
#   sbom.sh PROGRAM VERSION OUTPUT.json
set -eu
cd "$(dirname "$0")/.."
program=$1 version=$2 out=$3

# -trimpath: the document has a hash of the tool.
GOFLAGS="${GOFLAGS:-} -trimpath" go tool -modfile=installers/tools.mod cyclonedx-gomod bin -json -std -licenses \
	-noserial -notimestamp -version "$version" -output "$out.modules" "$program" 2>"$out.log" || {
	cat "$out.log" >&2
	exit 1
}
if grep -E '"(id|name)": "A?GPL' "$out.modules" >&2; then
	echo "sbom: something under the GPL or AGPL is linked in" >&2
	exit 1
fi

part() { # name version licence
	printf '    {\n      "type": "library",\n      "bom-ref": "%s",\n      "name": "%s",\n      "version": "%s",\n' "$1" "$1" "$2"
	printf '      "licenses": [\n        {\n          "expression": "%s"\n        }\n      ]\n    },\n' "$3"
}
debian() { dpkg-query -W -f '${source:Version}' "$1"; }
module() { go list -m -f '{{.Version}}' "$1"; }
{
	sed '/^  "components": \[$/q' "$out.modules"
	part tesseract "$(debian libtesseract-dev)" Apache-2.0
	part leptonica "$(debian libleptonica-dev)" BSD-2-Clause
	part tesseract-models "$(debian tesseract-ocr-eng)" Apache-2.0
	part pdfium "in go-pdfium $(module github.com/klippa-app/go-pdfium)" "BSD-3-Clause AND Apache-2.0"
	part zxing-cpp "in daemon/barcode" Apache-2.0
	part libheif "in daemon/pages/codecs" LGPL-3.0-or-later
	part libde265 "in daemon/pages/codecs" LGPL-3.0-or-later
	part libavif "in daemon/pages/codecs" BSD-2-Clause
	part libaom "in daemon/pages/codecs" BSD-2-Clause
	if [ "${program%.exe}" = "$program" ]; then
		part libstdc++ "$(g++ -dumpfullversion)" "GPL-3.0-or-later WITH GCC-exception-3.1"
		part glibc "$(debian libc6-dev)" LGPL-2.1-or-later
	fi
	sed '1,/^  "components": \[$/d' "$out.modules"
} >"$out"
rm -f "$out.modules" "$out.log"
