#!/bin/sh
# Runs the tests for Windows under Wine, one package after another: test.sh
# [PACKAGE...], without one all of them. `make test-windows` calls it. Says in the
# end what was left out and why.
#
# Of daemon's own tests only those run that neither stop a daemon by a signal, which
# needs a console, nor have it run from the test binary; what the others are about is
# tried by test-msi.sh with the installed program.
set -eu

cd "$(dirname "$0")/../.."
repository=$PWD
list=$repository/installers/windows/wine-leaves-out.txt
export OMP_THREAD_LIMIT=1 GOOS=windows GOARCH=amd64 CGO_ENABLED=0
unset AWS_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR # paths of this machine mean nothing there

daemon='^Test(CommandLine|Brief|Drives|OCRCommand|Journal)$'
failed=""
if [ $# -eq 0 ]; then
	# shellcheck disable=SC2046 # a list of packages
	set -- $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | grep -v '^intray/daemon$')
	echo "the program for daemon's tests"
	(unset GOOS GOARCH CGO_ENABLED && sh installers/windows/program.sh bin/test-windows/intray.exe faults)
	INTRAY_TEST_PROGRAM="Z:$(echo "$repository/bin/test-windows/intray.exe" | tr / '\\')" \
		go test -count=1 -timeout 30m -run "$daemon" -exec "$repository/installers/windows/wine.sh" intray/daemon || failed=" daemon"
fi
for package in "$@"; do
	name=${package#intray/}
	skip=$(awk -F '\t' -v p="$name" '$1 == p { printf "%s%s", sep, $2; sep = "|" }' "$list")
	go test -count=1 -timeout 30m ${skip:+-skip "$skip"} -exec "$repository/installers/windows/wine.sh" "intray/$name" || failed="$failed $name"
done

echo
echo "Left out: tests of the package daemon but $daemon (no signals under Wine; see make test-msi), tests with cgo, and"
grep -v '^#' "$list" | awk -F '\t' '{ printf "  %s %s: %s\n", $1, $2, $3 }'
[ -z "$failed" ] || {
	echo "FAILED:$failed"
	exit 1
}
