# What a newcomer types: `make run` and `make test`. Everything that is missing is installed on the way.

SWIFT_FLAGS ?=
TEST_FLAGS ?=

# How many tests run side by side. All at once, they wait for each other's time slices longer than for anything else.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 8

.PHONY: run test crash bench format check-format setup setup-tests release example docc leaks clean

run: setup ## Run the demonstration pipeline against the embedded simulator.
	swift build $(SWIFT_FLAGS) --product runnel
	@scripts/demo.sh "$$(swift build $(SWIFT_FLAGS) --show-bin-path)/runnel"

test: setup-tests ## Run the tests.
	swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build --disable-xctest --skip RunnelCrashTests $(TEST_FLAGS)
	swift test $(SWIFT_FLAGS) --skip-build --disable-xctest --filter RunnelCrashTests $(TEST_FLAGS)

crash: setup-tests ## Kill real runs 250 times, and a server while 10,000 files come; see that nothing is lost.
	swift build $(SWIFT_FLAGS) --build-tests
	RUNNEL_KILLS=$${RUNNEL_KILLS:-250} RUNNEL_FILES=$${RUNNEL_FILES:-10000} swift test $(SWIFT_FLAGS) --skip-build --disable-xctest --filter RunnelCrashTests

bench: setup ## Measure beside peers: a chat stream beside httpx-sse, the journal beside huey, watching and hooks beside others, memory.
	Benchmarks/stream/run.sh
	Benchmarks/journal/run.sh
	Benchmarks/watch/run.sh
	Benchmarks/webhook/run.sh
	Benchmarks/serve/idle.sh

release: setup ## Build the release binary, .build/release/runnel.
	swift build -c release --product runnel --static-swift-stdlib

example: setup ## Build and test the plugin in Swift of examples/, with what is built of this package already.
	swift test $(SWIFT_FLAGS) --package-path examples/swift-plugin --scratch-path "$(CURDIR)/.build" --disable-xctest

docc: setup ## Make the documentation of the library products with DocC, in .build/documentation.
	@scripts/docc.sh

leaks: setup ## Check that the YAML wrapper gives back all memory, on every error path.
	scripts/leaks.sh

format: ## Format the sources.
	swift format -i -r Package.swift Sources plugins Tests Benchmarks examples

check-format: ## Fail where the sources are not formatted.
	swift format lint --strict -r Package.swift Sources plugins Tests Benchmarks examples

setup:
	@scripts/swift.sh
	@scripts/packages.sh

setup-tests:
	@scripts/swift.sh
	@scripts/packages.sh test
	@scripts/python.sh

clean:
	swift package clean
