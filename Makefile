.PHONY: help demo test bench format build

help:  ## What there is to do here
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1	/'

demo:  ## Animate the bundled photograph: installs what is missing, builds, makes demo/landscape.mp4
	@scripts/demo.sh

test:  ## All checks and tests: installs what is missing, builds, lints, tests
	@scripts/check.sh

bench:  ## Measure the renderer, the media path, whole generations and the Replicate client
	@scripts/bench.sh
	@scripts/bench-latency.sh --quick
	@scripts/bench-generation.sh --record
	@scripts/bench-client.sh

build:  ## Build the zoetrope program
	swift build -c release --product zoetrope

format:  ## Format the code in place
	swift format --in-place --parallel --recursive Package.swift Sources Tests Benchmarks Examples
