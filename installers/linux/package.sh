#!/bin/sh
# Builds the .deb and the .rpm from the static program. `make packages` calls it.
# The same commit gives the same bytes: everything bears the commit's time.
#
#   package.sh PROGRAM NOTICES.txt OUTPUT-FOLDER
set -eu
PROGRAM=$(realpath "$1")
notices=$(realpath "$2")
mkdir -p "$3"
out=$(realpath "$3")
cd "$(dirname "$0")"

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
VERSION=${VERSION:-$(sh ../version.sh)}
STAGE=$(mktemp -d)
trap 'rm -rf "$STAGE"' EXIT
export PROGRAM SOURCE_DATE_EPOCH VERSION STAGE
umask 022

"$PROGRAM" man "$STAGE/man"
gzip -9n "$STAGE"/man/*
mkdir "$STAGE/completions"
for shell in bash zsh fish; do
	"$PROGRAM" completion "$shell" >"$STAGE/completions/$shell"
done
gzip -9nc "$notices" >"$STAGE/NOTICES.txt.gz"
{
	echo "Intray is under the Apache License 2.0, which is in /usr/share/common-licenses/Apache-2.0."
	echo "What it contains of others, with their licences: NOTICES.txt.gz beside this file,"
	echo "and \`intray version --licenses\`."
} >"$STAGE/copyright"
find "$STAGE" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

# The tool may not ask for its own version of the program's libraries: it has a
# go.mod of its own.
nfpm() { go tool -modfile=../tools.mod nfpm "$@"; }
for packager in deb rpm; do
	nfpm package --config nfpm.yaml --packager "$packager" --target "$out"
done
