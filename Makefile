# Everything a developer types. `make run` and `make test` need nothing but Go,
# a C compiler and, on Debian or Ubuntu, the right to install packages.

# One OpenMP thread for each recognition: many pages are read side by side.
export OMP_THREAD_LIMIT := 1

.PHONY: help run build static test lint bench microbench soak everything clean

help:
	@echo "make run    build, set up ./tray, drop a sample scan, work until Ctrl-C"
	@echo "make test   vet, lint and all tests with the race detector"
	@echo "make build  bin/intray"
	@echo "make lint   gofmt, go vet (Linux and Windows), staticcheck"
	@echo "make static bin/intray-static: faster, with its own Tesseract and models inside; needs none installed"
	@echo "make bench  the same pages through Intray, OCRmyPDF and tesseract, side by side: a table"
	@echo "make microbench  the benchmarks of single rooms"
	@echo "make everything  every format and every hostile file of ../shared through one daemon: a table"
	@echo "make soak   1,000 random kills under a stream of drops"

build:
	@sh installers/deps.sh
	go build -trimpath -o bin/intray .

# gosseract names the libraries; ours are found first.
static:
	@sh installers/deps.sh static
	@ocr=$$(sh installers/static-ocr.sh) && \
	CGO_CPPFLAGS="-I$$ocr/include" CGO_LDFLAGS="-L$$ocr/lib" go build -trimpath -tags embedded -o bin/intray-static . && \
	cp $$ocr/NOTICES.txt bin/intray-static.NOTICES.txt
	@ls -l bin/intray-static

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

# WebAssembly on one goroutine, all of it: under the race detector these two take
# minutes and have nothing to race with.
WASM := '^TestCorpus(Pictures|PDFs)$$'

test:
	@sh installers/deps.sh test
	@$(MAKE) --no-print-directory lint
	go test -run $(WASM) ./daemon/worker
	go test -race -parallel 4 -timeout 60m -skip $(WASM) ./...

bench: build
	@sh installers/deps.sh bench
	go test -tags bench -count=1 -run '^TestBench$$' -timeout 120m -v ./daemon

microbench:
	@sh installers/deps.sh test
	go test -run '^$$' -bench . -benchmem ./...

soak:
	@sh installers/deps.sh test
	INTRAY_SOAK=1000 go test -run Soak -v -timeout 120m ./daemon/...

everything:
	@sh installers/deps.sh test
	INTRAY_EVERYTHING=1 go test -run 'EverythingThroughOneDaemon|MemoryDoes' -v -timeout 60m ./daemon

clean:
	rm -rf bin
