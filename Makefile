SHELL := /bin/bash
.DEFAULT_GOAL := help
NODE := node_modules/.bin/node
CLUSTER_CLI := $(NODE) test/cluster/cli.ts

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

demo: node_modules/.package-lock.json ## The main job in minutes, without root: agents, an impostor, the verdicts
	$(NODE) demos/quickstart/run.ts

demo-down: node_modules/.package-lock.json ## Stop what make demo started
	$(NODE) demos/quickstart/run.ts --down

demo-node: node_modules/.package-lock.json ## The same on a real node with SPIRE, with packets
	$(NODE) demos/quickstart/run.ts --node

demo-node-down: node_modules/.package-lock.json ## Stop what make demo-node started
	$(NODE) demos/quickstart/run.ts --node --down

test: node_modules/.package-lock.json ## Everything: lint, stale files, unit, integration, end-to-end
	$(NODE) tools/test.ts

test-unit: node_modules/.package-lock.json ## Unit tests, in seconds
	npx vitest run --project unit

test-integration: node_modules/.package-lock.json ## Against a real API server
	npx vitest run --project integration

matrix: node_modules/.package-lock.json ## The API tests on older and newer API servers, which it builds (VERSIONS="1.30 1.36")
	$(NODE) tools/matrix.ts $(VERSIONS)

certificates: node_modules/.package-lock.json ## 10,000 random chains: OpenSSL, the handshake and our own rule must agree
	CERTIFICATE_CHAINS=10000 npx vitest run --project unit test/unit/spiffe/one-rule.test.ts

test-e2e: node_modules/.package-lock.json ## On real nodes with real SPIRE, three at most (E2E_NODES=1: on one)
	npx vitest run --project e2e

lint: node_modules/.package-lock.json ## Biome, the type checker, and actionlint over the workflows
	npm run -s lint

generate: node_modules/.package-lock.json ## Write CRD, RBAC, the chart's schema and README, and docs/reference.md from the source
	$(NODE) tools/generate.ts

verify: node_modules/.package-lock.json ## Fail when a generated file is stale, or a promise is broken in silence
	$(NODE) tools/generate.ts --check

image: node_modules/.package-lock.json ## Build the image (IMAGE=… names it; BASE_IMAGE=…, PLATFORM=…, BUILDER=…)
	$(NODE) tools/image.ts

chart: node_modules/.package-lock.json ## The chart as it is released, in dist/chart (IMAGE_REPOSITORY=…, IMAGE_DIGEST=…, SOURCE_URL=…)
	$(NODE) tools/chart.ts

sbom: node_modules/.package-lock.json ## What the image holds, as CycloneDX JSON in dist/
	$(NODE) tools/sbom.ts

audit: node_modules/.package-lock.json ## Lock file, licences and, with ADVISORIES=…, known vulnerabilities
	$(NODE) tools/audit.ts $(if $(ADVISORIES),--advisories $(ADVISORIES))

plugin: node_modules/.package-lock.json ## kubectl-agentcard as one file, with its completion, in dist/
	$(NODE) tools/plugin.ts

plugin-binary: node_modules/.package-lock.json ## The same with Node inside, for this kind of machine, in dist/plugin
	$(NODE) tools/plugin-binary.ts

krew: node_modules/.package-lock.json ## Checksums and the krew manifest of what lies in dist/plugin (SOURCE_URL=https://…)
	$(NODE) tools/krew.ts --source-url "$(SOURCE_URL)"

picture: node_modules/.package-lock.json ## The README's picture of kubectl agentcard ui
	$(NODE) tools/picture.ts

packages: node_modules/.package-lock.json ## The four libraries below src/ as tarballs for npm, in dist/packages
	$(NODE) tools/packages.ts

bench: node_modules/.package-lock.json ## Measure against the bare loop and the stored run (N=300 RUNS=3; SAVE=1 replaces it, BASELINE=… names its file)
	$(NODE) test/bench/run.ts

chaos: node_modules/.package-lock.json ## The worst hour: faults everywhere, then a hostile tenant; invariants checked all along
	$(NODE) test/chaos/run.ts
	$(NODE) test/chaos/hostile.ts

cluster: node_modules/.package-lock.json ## Start the test node and leave it running
	$(CLUSTER_CLI) up

cluster-down: node_modules/.package-lock.json ## Stop the test node, and those that tests started beside it
	$(CLUSTER_CLI) down

.PHONY: help demo demo-down demo-node demo-node-down test test-unit test-integration matrix certificates test-e2e lint generate verify image chart sbom audit plugin plugin-binary krew picture packages bench chaos cluster cluster-down
