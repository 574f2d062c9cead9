# SPDX-License-Identifier: BSD-3-Clause
# The front door; what happens is in CMakeLists.txt and tools/. `make help` lists the targets.
#   PRESET=release|debug|asan|ubsan|tsan|arm64|clang   for build and test
#   PREFIX=DIR DESTDIR=DIR                             for install and uninstall
PRESET ?= release
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
BUILD = build/$(PRESET)

.PHONY: build all run test stress ci bench fuzz install uninstall format check layers tidy clean help
.DEFAULT_GOAL := build

help:          ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile | expand -t 12

# The preset is configured again only when asked: CMake itself notices a changed list of files.
$(BUILD)/build.ninja:
	@tools/setup --check build
	cmake --preset $(PRESET)

build: $(BUILD)/build.ninja   ## library and examples, in build/release
	cmake --build $(BUILD) -j $(JOBS) --target product

all: $(BUILD)/build.ninja     ## the tests as well
	cmake --build $(BUILD) -j $(JOBS)

run:           ## installs what is missing, builds, serves, loads and measures the httpd
	tools/setup build run
	$(MAKE) build PRESET=release
	tools/run-demo build/release

test:          ## installs what is missing if it can, builds and runs ctest
	-tools/setup build test
	cmake --preset $(PRESET) >/dev/null  # finds what is there now
	$(MAKE) all
	ctest --test-dir $(BUILD) -j $(JOBS) --output-on-failure --no-tests=error

stress:        ## the long tests, with seeds, at 1, 2 and 8 Ps
	-tools/setup --check stress
	$(MAKE) all
	ctest --test-dir $(BUILD) -C stress -L stress --output-on-failure --no-tests=error

ci:            ## everything that CI runs, with one summary line at its end
	tools/ci

bench:         ## measures gamp beside its peers; see bench/
	tools/setup build bench
	bench/run

fuzz:          ## every fuzzer for FUZZ_SECONDS (60)
	tools/fuzz

install:       ## to PREFIX (/usr/local), under DESTDIR
	$(MAKE) build PRESET=release
	DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || ldconfig

uninstall:     ## removes what install put there
	tools/uninstall build/release "$(PREFIX)" "$(DESTDIR)"

format:        ## rewrites the sources in the house style
	tools/check-format --fix

check:         ## floors, format, cppcheck, clang-tidy
	tools/check

layers:        ## floors alone
	tools/check-layers

tidy:          ## clang-tidy alone
	tools/check-tidy

clean:         ## removes build/
	rm -rf build compile_commands.json
