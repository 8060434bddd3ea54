# What a newcomer types: `make run` and `make test`. Everything that is missing is installed on the way.

SWIFT_FLAGS ?=
PREFIX ?= /usr/local
TEST_FLAGS ?=
RELEASE_FLAGS ?=

ifeq ($(shell uname -s),Linux)
# The linker leaves out unused functions and arranges the others by their use, so each has a section.
RELEASE_COMPILER_FLAGS = -Xswiftc -Xfrontend -Xswiftc -function-sections -Xcc -ffunction-sections -Xcc -fdata-sections \
	-Xswiftc -use-ld=$(CURDIR)/packaging/linker.py
# Packages are stripped. Without debug information, the build takes 12 % less CPU time.
RELEASE_COMPILER_FLAGS += -debug-info-format none
# Nothing that is loaded at run time looks for symbols of the program: 6 MB less, and fewer relocations at each start.
RELEASE_FLAGS += $(RELEASE_COMPILER_FLAGS) -Xlinker --no-export-dynamic
endif

# How many tests run side by side. All at once, they wait for each other's time slices longer than for anything else.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 8

.PHONY: run build-tests test postgres-test chaos browser prometheus phoenix openapi crash usage real-model trigger-crash alert-crash shutdown bench perf-check format check-format setup setup-tests benchmarks release install deb test-deb tarball test-tarball sbom example docc site recording leaks clean

run: setup ## Run the demonstration pipeline against the embedded simulator.
	swift build $(SWIFT_FLAGS) --product runnel
	@scripts/demo.sh "$$(swift build $(SWIFT_FLAGS) --show-bin-path)/runnel"

build-tests: setup-tests ## Build everything, with the tests.
	swift build $(SWIFT_FLAGS) --build-tests

test: build-tests ## Run the tests.
	scripts/test.sh $(SWIFT_FLAGS) --skip-build --disable-xctest --skip RunnelCrashTests --skip RunnelShutdownTests $(TEST_FLAGS)
	scripts/test.sh $(SWIFT_FLAGS) --skip-build --disable-xctest --filter RunnelCrashTests $(TEST_FLAGS)
	scripts/test.sh $(SWIFT_FLAGS) --skip-build --disable-xctest --filter RunnelShutdownTests $(TEST_FLAGS)
	.build/python/bin/python Tests/MailPluginTests/test_mail.py
	.build/python/bin/python Tests/TriggerPluginTests/test_triggers.py "$$(swift build $(SWIFT_FLAGS) --show-bin-path)/runnel"
	.build/python/bin/python Tests/ExamplePluginTests/test_plugins.py "$$(swift build $(SWIFT_FLAGS) --show-bin-path)/runnel"
	Tests/Chaos/alert.py "$$(swift build $(SWIFT_FLAGS) --show-bin-path)/runnel" 10 60

openapi: setup ## Compare the server with its OpenAPI document by schemathesis.
	swift build $(SWIFT_FLAGS) --product runnel
	scripts/openapi.sh

postgres-test: setup-tests ## Test the journal in PostgreSQL, on a server that the tests start: `make test` leaves it out.
	@scripts/packages.sh postgres
	swift build $(SWIFT_FLAGS) --build-tests
	RUNNEL_POSTGRES=on scripts/test.sh $(SWIFT_FLAGS) --skip-build --disable-xctest --filter RunnelStoreTests $(TEST_FLAGS)

chaos: setup ## Stop workers in the middle of answers and effects, then harm three and the PostgreSQL that they share, for RUNNEL_CHAOS seconds and RUNNEL_KILLS kills, while calls come in.
	@scripts/packages.sh postgres
	swift build $(SWIFT_FLAGS) --product runnel
	Tests/Chaos/takeover.py "$$(swift build $(SWIFT_FLAGS) --show-bin-path)/runnel"
	Tests/Chaos/chaos.py "$$(swift build $(SWIFT_FLAGS) --show-bin-path)/runnel" $${RUNNEL_CHAOS:-300} --kills $${RUNNEL_KILLS:-500}

browser: setup ## Test the dashboard in Chromium.
	swift build $(SWIFT_FLAGS) --product runnel
	scripts/browser.sh

prometheus: setup-tests ## Have a real Prometheus scrape the server, with the alert rules and the dashboard that ship.
	swift build $(SWIFT_FLAGS) --product runnel
	Tests/Prometheus/scrape.py "$$(swift build $(SWIFT_FLAGS) --show-bin-path)/runnel"

phoenix: setup-tests ## Show the spans of runs in Arize Phoenix from PyPI (900 MB, kept in .build/phoenix, with pictures).
	@scripts/packages.sh browser
	swift build $(SWIFT_FLAGS) --product runnel
	.build/python/bin/python Tests/Phoenix/traces.py "$$(swift build $(SWIFT_FLAGS) --show-bin-path)/runnel" .build/phoenix

crash: setup-tests ## Kill runs 250 times, a server while 10,000 files come, and harm servers that share a journal 1,000 times.
	swift build $(SWIFT_FLAGS) --build-tests
	RUNNEL_KILLS=$${RUNNEL_KILLS:-250} RUNNEL_FILES=$${RUNNEL_FILES:-10000} RUNNEL_ROUNDS=$${RUNNEL_ROUNDS:-1000} \
		RUNNEL_WORLDS=$${RUNNEL_WORLDS:-8} RUNNEL_OUTAGE=$${RUNNEL_OUTAGE:-60} \
		RUNNEL_CHATS=$${RUNNEL_CHATS:-1000} RUNNEL_USAGE_KILLS=$${RUNNEL_USAGE_KILLS:-40} \
		scripts/test.sh $(SWIFT_FLAGS) --skip-build --disable-xctest --filter RunnelCrashTests

usage: setup-tests ## A day of 1,000 chats over 40 kills: `runnel usage` says what the agent counted.
	swift build $(SWIFT_FLAGS) --build-tests
	RUNNEL_CHATS=$${RUNNEL_CHATS:-1000} RUNNEL_USAGE_KILLS=$${RUNNEL_USAGE_KILLS:-40} \
		scripts/test.sh $(SWIFT_FLAGS) --skip-build --disable-xctest --filter RunnelCrashTests.UsageCrashTests

real-model: setup ## Show how answers of a real model end, with llama.cpp from PyPI (500 MB, kept in .build/real-model).
	swift build $(SWIFT_FLAGS) --product runnel
	python3 Tests/RealModel/answers.py "$$(swift build $(SWIFT_FLAGS) --show-bin-path)/runnel" .build/real-model
trigger-crash: setup-tests ## Kill and freeze Runnel and the programs of its triggers 200 times while mails and messages come.
	swift build $(SWIFT_FLAGS) --product runnel
	RUNNEL_KILLS=$${RUNNEL_KILLS:-200} .build/python/bin/python Tests/TriggerPluginTests/test_triggers.py \
		"$$(swift build $(SWIFT_FLAGS) --show-bin-path)/runnel" -k whoever_is_killed

alert-crash: setup ## Kill the workers that fail and that alert 200 times, while 500 runs fail: one message tells of all.
	swift build $(SWIFT_FLAGS) --product runnel
	Tests/Chaos/alert.py "$$(swift build $(SWIFT_FLAGS) --show-bin-path)/runnel" $${RUNNEL_KILLS:-200} 500

shutdown: setup-tests ## Stop a server 1,000 times under up to 600 callers, with one signal and with two.
	swift build $(SWIFT_FLAGS) --build-tests
	RUNNEL_SHUTDOWNS=$${RUNNEL_SHUTDOWNS:-1000} scripts/test.sh $(SWIFT_FLAGS) --skip-build --disable-xctest --filter RunnelShutdownTests.LoadTests

bench: setup ## Measure beside peers: a chat stream beside httpx-sse, the journal beside huey, watching and hooks beside others, memory.
	Benchmarks/stream/run.sh
	Benchmarks/journal/run.sh
	Benchmarks/postgres/run.sh
	Benchmarks/watch/run.sh
	Benchmarks/webhook/run.sh
	Benchmarks/serve/idle.sh
	Benchmarks/dashboard/run.sh

benchmarks: setup ## Build the programs of the benchmarks, so that they do not fall behind what they measure.
	swift build --package-path Benchmarks --scratch-path .build

perf-check: release ## Count instructions, and fail where there are many more than Benchmarks/instructions/expected.txt says.
	Benchmarks/instructions/check.sh $(RELEASE_COMPILER_FLAGS)

release: setup ## Build the release binary, .build/release/runnel.
	@scripts/packages.sh release
	swift build -c release --product runnel --static-swift-stdlib $(RELEASE_FLAGS) $$(packaging/icu.py .build/icu)

install: ## Install .build/release/runnel (see `make release`) with its manual page, completions and systemd unit: PREFIX, DESTDIR.
	@test -x .build/release/runnel || { echo "There is no .build/release/runnel yet. Type: make release" >&2; exit 1; }
	packaging/stage.sh .build/release/runnel "$(DESTDIR)" "$(PREFIX)" $(UNITDIR)

deb: release ## Build the Debian package of the release binary, in .build/packages.
	packaging/deb.sh .build/release/runnel

test-deb: release ## Install, upgrade, remove and purge the Debian package in a chroot. Needs root.
	packaging/test-deb.sh .build/release/runnel

tarball: release ## Build an archive for other distributions, with the libraries it needs, in .build/packages.
	packaging/tarball.sh .build/release/runnel

test-tarball: release ## Install the archive in a chroot that has none of the libraries, and run a pipeline there. Needs root.
	packaging/test-tarball.sh .build/release/runnel

sbom: ## Write the software bill of materials (SPDX) of what is resolved, to .build/packages/runnel.spdx.json.
	@mkdir -p .build/packages
	packaging/sbom.py >.build/packages/runnel.spdx.json

example: setup ## Build and test the plugin in Swift of examples/, with what is built of this package already.
	scripts/test.sh $(SWIFT_FLAGS) --package-path examples/swift-plugin --scratch-path "$(CURDIR)/.build" --disable-xctest

docc: setup ## Make the documentation of the library products with DocC, in .build/documentation.
	@scripts/docc.sh

site: ## Make the site of docs/, in .build/site.
	scripts/site.sh

recording: ## Draw docs/images/terminal.svg anew, with the `runnel` of the debug build.
	scripts/recordings.sh

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
