#!/bin/sh
# Prints the version for packages: the tag v1.2.3 is 1.2.3; commits after it add
# their number and hash, and without any tag the commit's time orders them.
set -eu
cd "$(dirname "$0")/.."
if version=$(git describe --tags --match 'v[0-9]*' --dirty=.dirty 2>/dev/null); then
	echo "${version#v}" | sed 's/-\([0-9]*\)-g/+\1.g/; s/^\([0-9.]*\)\.dirty$/\1+dirty/'
else
	dirty=$(git describe --always --exclude '*' --dirty=.dirty --abbrev=8)
	echo "0.0.0+$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y%m%d%H%M%S).$dirty"
fi
