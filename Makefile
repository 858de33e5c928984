# Everything a developer types. `make run` and `make test` need nothing but Go,
# a C compiler and, on Debian or Ubuntu, the right to install packages.

# One OpenMP thread for each recognition: many pages are read side by side.
export OMP_THREAD_LIMIT := 1

.PHONY: help run build static packages test-packages test-linux windows msi test-windows test-msi dist test lint bench microbench soak cloudsoak everything clean

help:
	@echo "make run    build, set up ./tray, drop a sample scan, work until Ctrl-C"
	@echo "make test   vet, lint and all tests with the race detector"
	@echo "make build  bin/intray"
	@echo "make lint   gofmt, go vet (Linux and Windows), staticcheck"
	@echo "make static bin/intray-static: faster, with its own Tesseract and models inside; needs none installed"
	@echo "make packages  bin/dist/*.deb and *.rpm, from bin/intray-static"
	@echo "make test-packages  all of test-linux, test-msi and test-windows"
	@echo "make test-linux  the life of packages and service in a container with a real systemd (needs root)"
	@echo "make dist   a release in bin/dist, built twice and compared: program, packages, SBOM, licences, checksums"
	@echo "make windows bin/intray.exe: the same for Windows, built here by mingw-w64"
	@echo "make msi    the same as an installer for Windows"
	@echo "make test-windows  the tests under Wine, one package after another"
	@echo "make test-msi  the life of an installation on Windows, under Wine"
	@echo "make bench  the same pages through Intray, OCRmyPDF and tesseract, side by side: a table"
	@echo "make microbench  the benchmarks of single rooms"
	@echo "make everything  every format and every hostile file of ../shared through one daemon: a table"
	@echo "make soak   1,000 random kills under a stream of drops"
	@echo "make cloudsoak  200 documents and 30 kills through each cloud provider's lab, one call in five going wrong: a table"

build:
	@sh installers/deps.sh
	go build -trimpath -o bin/intray .

static:
	@sh installers/deps.sh static
	@mkdir -p bin
	@sh installers/linux/program.sh bin/intray-static
	@ls -l bin/intray-static

packages: static
	@rm -f bin/dist/*.deb bin/dist/*.rpm bin/next/*
	@sh installers/linux/package.sh bin/intray-static bin/intray-static.NOTICES.txt bin/dist

test-packages: test-linux test-msi test-windows

# The second package is the same program with a higher version, to upgrade to.
test-linux: packages
	@sh installers/deps.sh packages
	@VERSION=$$(sh installers/version.sh)+next sh installers/linux/package.sh bin/intray-static bin/intray-static.NOTICES.txt bin/next
	sh installers/linux/test/lifecycle.sh bin/dist/*.deb bin/next/*.deb
	sh installers/linux/test/service.sh bin/intray-static bin/dist/*.deb
	sh installers/linux/test/rpm.sh bin/dist/*.rpm bin/next/*.rpm

# Each of DIST puts its files into bin/dist.
DIST = packages msi
dist:
	@rm -rf bin/dist
	@$(MAKE) --no-print-directory $(DIST)
	@sh installers/dist.sh

windows:
	@sh installers/deps.sh windows
	@mkdir -p bin
	@sh installers/windows/program.sh bin/intray.exe
	@ls -l bin/intray.exe

msi: windows
	@rm -f bin/dist/*.msi
	@sh installers/windows/msi.sh bin/intray.exe bin/dist
	@ls -l bin/dist/*.msi

test-windows:
	@sh installers/deps.sh test-windows
	@sh installers/windows/test.sh

test-msi:
	@sh installers/deps.sh test-windows
	@sh installers/windows/test-msi.sh

run: build
	@test -f tray/config.toml || bin/intray init tray
	@bin/intray sample tray/in/sample-scan.pdf
	@echo
	@echo "A sample scan is in tray/in. The line \"Delivered.\" below names its searchable PDF in tray/out."
	@echo "Drop scans of your own into tray/in; Ctrl-C stops."
	@echo
	@bin/intray run --config tray/config.toml

lint:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	go vet ./...
	GOOS=windows CGO_ENABLED=0 go vet ./...
	CGO_ENABLED=0 go vet ./...
	go tool staticcheck ./...

# WebAssembly on one goroutine, all of it: under the race detector these take
# minutes and have nothing to race with.
WASM := '^TestCorpus(Pictures|PDFs|Separators|Barcodes)$$'

test:
	@sh installers/deps.sh test
	@$(MAKE) --no-print-directory lint
	go test -run $(WASM) ./daemon/worker ./daemon
	go test -race -parallel 4 -timeout 80m -skip $(WASM) ./...

bench: build
	@sh installers/deps.sh bench
	go test -tags bench -count=1 -run '^TestBench$$' -timeout 120m -v ./daemon

microbench:
	@sh installers/deps.sh test
	go test -run '^$$' -bench . -benchmem ./...

soak:
	@sh installers/deps.sh test
	INTRAY_SOAK=1000 go test -run Soak -v -timeout 120m ./daemon/...

cloudsoak:
	@sh installers/deps.sh test
	INTRAY_CLOUD_SOAK=200 go test -run '^TestCloudSoak$$' -v -parallel 3 -timeout 180m ./daemon

everything:
	@sh installers/deps.sh test
	INTRAY_EVERYTHING=1 go test -run 'EverythingThroughOneDaemon|MemoryDoes' -v -timeout 60m ./daemon

clean:
	rm -rf bin
