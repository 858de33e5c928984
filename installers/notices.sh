#!/bin/sh
# Writes the licences of everything in a program that is given away: our own,
# Go's, those of all modules linked in, of the WebAssembly that lies in the tree
# and in modules, and of C and C++ libraries, whose texts it is given. Refuses
# when a module has no licence, or the GPL or AGPL. GOOS is heeded.
#
#   notices.sh OUTPUT TEXT... -- [go list options]
set -eu
cd "$(dirname "$0")/.."
out=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/native"
while [ "$1" != -- ]; do
	printf '\n---- %s ----\n\n' "$(basename "$(dirname "$1")") $(basename "$1")" >>"$work/native"
	cat "$1" >>"$work/native"
	shift
done
shift

# legal lists the licence files of one folder, in the same order everywhere.
legal() {
	find "$1" -maxdepth 1 -type f ! -name '*.go' \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'notice*' -o -iname 'patents*' \) | LC_ALL=C sort
}

section() { # title file...
	printf '\n================ %s ================\n' "$1"
	shift
	for file in "$@"; do
		printf '\n---- %s ----\n\n' "${file##*/}"
		tr -d '\r' <"$file"
	done
}

# One line a module, and one a package's own folder inside it: copied code brings
# its licence there.
list() { # options
	go list -deps "$@" . >"$work/list"
	LC_ALL=C sort -u "$work/list"
}
list "$@" -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' >"$work/modules"
list "$@" -f '{{if .Module}}{{if not .Module.Main}}{{if ne .Dir .Module.Dir}}{{.ImportPath}} {{.Module.Version}} {{.Dir}}{{end}}{{end}}{{end}}' >"$work/packages"

modules() {
	while read -r path version dir; do
		files=$(legal "$dir")
		if [ -z "$files" ]; then
			[ "$1" = packages ] && continue
			echo "notices: $path has no licence file" >&2
			exit 1
		fi
		for file in $files; do
			if head -20 "$file" | grep -q -E 'GNU (AFFERO )?GENERAL PUBLIC LICENSE'; then
				echo "notices: $file is the GPL or the AGPL, which may not be linked in" >&2
				exit 1
			fi
		done
		# shellcheck disable=SC2086 # names in the module cache have no blanks
		section "$path $version" $files
	done <"$work/$1"
}

{
	echo "Intray is under the Apache License 2.0. This is what it contains of others, with their licences."
	echo "Its sources link it anew with other versions of these, as the LGPL wants: make static."
	section Intray LICENSE
	# shellcheck disable=SC2046 # nor have our own
	section "WebAssembly in daemon/barcode and daemon/pages/codecs" $(find daemon/barcode daemon/pages/codecs -name 'LICENSE*' | LC_ALL=C sort)
	section "PDFium, in go-pdfium" installers/licenses/PDFium.txt
	section "Go, its runtime and standard library" "$(go env GOROOT)/LICENSE"
	modules modules
	modules packages
	printf '\n================ C and C++ libraries, and models ================\n'
	cat "$work/native"
} >"$work/notices"
mkdir -p "$(dirname "$out")"
cp "$work/notices" "$out"
echo "notices: $(wc -l <"$work/modules") Go modules, $(wc -c <"$out") bytes in $out" >&2
