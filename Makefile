# The targets mirror the jobs in .github/workflows/ci.yml; .ci/run runs those that a merge depends on.

GO ?= go
FUZZTIME ?= 30s
INSTANCES ?= 100000

# The emulator's launcher installs and starts the storage emulator, runs the command with the environment that points
# to it, and stops it again. Without npm it runs the command alone and says what that skips.
EMULATOR = scripts/with-azurite

# The command line is a module of its own; what checks packages does so in each module.
EACH = .ci/modules

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: ## Run all tests, those against the storage emulator included
	$(EMULATOR) $(EACH) $(GO) test ./...

.PHONY: unit
unit: ## Run the tests that need nothing but Go
	$(EACH) $(GO) test ./...

.PHONY: race
race: ## Run the unit tests under the race detector, in random order
	$(EACH) $(GO) test -race -shuffle=on -timeout=20m ./...

.PHONY: lint
lint: ## Run golangci-lint
	tool=$$(.ci/tool golangci-lint) && $(EACH) "$$tool" run

.PHONY: fmt
fmt: ## Format the source
	tool=$$(.ci/tool golangci-lint) && $(EACH) "$$tool" fmt

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (30s)
	FUZZTIME=$(FUZZTIME) .ci/fuzz

.PHONY: fuzz-smoke
fuzz-smoke: ## Run every fuzz target for 10000 inputs
	FUZZTIME=10000x .ci/fuzz

.PHONY: bench
bench: ## Run the benchmarks, those at the storage emulator included, with 100,000 instances
	DURABLE_BENCH_ROWS=100000 $(EMULATOR) $(EACH) $(GO) test -run='^$$' -bench=. -benchmem -timeout=60m ./...

.PHONY: bench-smoke
bench-smoke: ## Run every benchmark once, so that none rots
	$(GO) test -run='^$$' -bench=. -benchtime=1x ./...

.PHONY: large
large: ## Check up on INSTANCES (100000) at the emulator: ten minutes and 3 GB
	DURABLE_TEST_REQUIRE_STORAGE=1 DURABLE_TEST_INSTANCES=$(INSTANCES) $(EMULATOR) \
		$(GO) test -count=1 -v -timeout=60m -run='^TestDiagnoseLargeAzurite$$' ./operate

.PHONY: cover
cover: ## Measure how much of the source all tests cover
	$(EMULATOR) $(GO) test -coverpkg=./... -coverprofile=coverage.out ./...
	$(GO) tool cover -func=coverage.out | tail -n 1
	@echo "for the lines: $(GO) tool cover -html=coverage.out"

.PHONY: tidy
tidy: ## Check that go.mod and go.sum are tidy
	$(EACH) $(GO) mod tidy -diff

.PHONY: vuln
vuln: ## Look for known vulnerabilities in what the module calls
	tool=$$(.ci/tool govulncheck) && $(EACH) "$$tool" ./...

.PHONY: examples
examples: ## Build every program and run the examples of the documentation
	$(EACH) $(GO) build ./...
	$(EACH) $(GO) test -count=1 -run='^Example' ./...

.PHONY: man
man: ## Write the manual pages of the durable command into bin/man
	$(GO) -C cmd/durable run ./internal/man ../../bin/man

.PHONY: tools
tools: ## Install the pinned development tools into the user's cache
	@.ci/tool golangci-lint
	@.ci/tool govulncheck

.PHONY: ci
ci: ## Run all that a merge depends on
	.ci/run
