# What a user types. Every target installs what it needs first and says so.

SWIFT ?= swift
BUILD := .build/release/spanbridge

.PHONY: build run demo test bench soak setup setup-test check-proto

build: setup
	$(SWIFT) build -c release

run: build
	$(BUILD) serve

demo: build
	.ci/demo $(BUILD)

test: setup-test
	.ci/test

# With Rotel beside it, which is fetched from PyPI.
bench: setup-test build
	.ci/setup bench
	.build/release/spanbridge-bench --peer .build/bench/rotel-agent
	.build/release/spanbridge-bench scaling
	.build/release/spanbridge-bench idle

# Random worlds against the model of joining: make soak SPANS=1000000 [FEATURES=name,name|all]. SPANBRIDGE_SEED repeats a run.
SPANS ?= 100000000
soak: setup
	SPANBRIDGE_SOAK=1 $(SWIFT) build -c release --product spanbridge-soak
	.build/release/spanbridge-soak $(SPANS) $(FEATURES)

# The Debian packages that building needs.
setup:
	@.ci/setup build

# The ones that tests need besides: senders and scrapers that nobody here wrote.
setup-test:
	@.ci/setup test

# Proves that the checked-in C code is what protoc-c makes of proto/.
check-proto: setup
	proto/generate.sh --check
