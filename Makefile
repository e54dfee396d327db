# Everything there is to do, by name. `make help` lists it.

CARGO := cargo
NPM := npm --prefix web-client
VENV := .venv
# What manifests and packages are checked with.
CHECKS := target/checks
SCHEMATHESIS := target/schemathesis
AUTOBAHN := target/autobahn
WEB := web-client/app/dist/index.html
WEB_SOURCES := $(shell find web-client/sdk web-client/drop web-client/elements web-client/app web-client/*.ts \
	-type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Steps follow one another: each would otherwise take what the others need, and failures would mix.
.NOTPARALLEL:
.PHONY: help run build deb test check test-rust test-web k8s packaging e2e e2e-long fuzz schemathesis autobahn storm clips load bench \
	bench-data bench-feeds bench-peers bench-turn profile clean \
	need-build need-test

help: ## List what there is to do
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s  %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: build ## Build and start the server; ARGS="--set server.http_port=0" passes arguments on
	@exec target/release/oriel $(ARGS)

build: need-build $(WEB) ## Build target/release/oriel, the whole product in one file
	@$(CARGO) build --locked --release --package signaling --bin oriel

test: need-test check k8s test-web test-rust packaging schemathesis autobahn e2e ## Run everything that must pass before a change lands

check: need-build $(WEB) ## Format, lints and types
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(NPM) run check

test-rust: need-build $(WEB) ## Rust tests
	@scripts/need namespaces coturn pebble
	$(CARGO) test --locked --workspace

test-web: web-client/node_modules/.package-lock.json ## TypeScript unit tests, sizes, packages
	$(NPM) test
	$(NPM) run size
	$(NPM) run packages

# `--all-targets` as in `cargo test`: with the same features nothing is compiled twice.
e2e: need-test $(WEB) $(VENV)/pyvenv.cfg ## Calls between real browsers; ARGS="whip -g aiortc" picks some
	$(CARGO) build --locked --workspace --all-targets
	$(NPM) run e2e --workspace @oriel/e2e -- $(ARGS)

k8s: $(CHECKS)/pyvenv.cfg ## Render the Kubernetes manifests and check them
	@cd k8s/checks && ../../$(CHECKS)/bin/python -B check.py
	@cd k8s/checks && ../../$(CHECKS)/bin/python -B -m unittest --quiet test_rules

packaging: $(CHECKS)/pyvenv.cfg $(WEB) ## Check container, compose.yaml, systemd unit and Debian package
	@scripts/need systemd dpkg
	$(CARGO) build --locked --workspace --all-targets
	@cd packaging && BINARY=../target/debug/oriel ../$(CHECKS)/bin/python -B -m unittest --quiet test_packaging

deb: build ## Build a Debian package of the release
	@scripts/need dpkg
	@scripts/deb target/release/oriel

fuzz: need-build ## Fuzz the cores, a minute for each target; ARGS="600 room_ops" chooses
	@scripts/need c++
	@scripts/fuzz $(ARGS)

schemathesis: $(WEB) $(SCHEMATHESIS)/pyvenv.cfg ## Ask REST everything that its document allows; ARGS="--seed=2" passes on
	$(CARGO) build --locked --workspace --all-targets
	@$(SCHEMATHESIS)/bin/python scripts/schemathesis/run.py $(abspath target/debug/oriel) $(ARGS)

autobahn: need-build $(AUTOBAHN)/ported ## Ask WebSockets what the Autobahn test suite knows; ARGS="6.*,7.1.1" picks some
	$(CARGO) build --locked --workspace --all-targets
	@$(AUTOBAHN)/bin/python -W ignore scripts/autobahn/run.py target/debug/examples/websocket_echo $(ARGS)

# Speeds are of what people run.
e2e-long: export ORIEL_BINARY = $(abspath target/release/oriel)
e2e-long: export LOAD_BINARY = $(abspath target/release/load)
e2e-long: need-test $(WEB) $(VENV)/pyvenv.cfg ## A file of 2 GiB, across the end of a page, and speeds; ORIEL_LONG_MIB=512 for less
	$(CARGO) build --locked --release --workspace --bins
	ORIEL_LONG=1 $(NPM) run e2e --workspace @oriel/e2e -- --grep @long $(ARGS)

storm: need-build $(WEB) ## 300 participants join one room; ARGS="--within 5 --json" passes arguments on
	@scripts/need cmake
	$(CARGO) build --locked --release --workspace
	@scripts/with-server storm $(ARGS)

clips: ## Make the clips that bots send as their cameras
	@scripts/clips

load: need-build $(WEB) clips ## A load test; SCENARIO=conference-10, ARGS="--for 60" passes arguments on
	@scripts/need cmake
	@test -n "$(SCENARIO)" || { echo "oriel: say which: make load SCENARIO=conference-10 (or webinar-1x500, ...)" >&2; exit 1; }
	$(CARGO) build --locked --release --workspace
	@scripts/load $(SCENARIO) $(ARGS)

bench: need-build ## Measure what forwarding costs, without a network
	$(CARGO) bench --locked --workspace --bench forward

profile: need-build ## Draw where forwarding spends its time; ARGS="--pid N --seconds 10" watches a server
	@scripts/need perf python
	@scripts/profile $(ARGS)

bench-turn: need-build ## The TURN server beside coturn; ARGS="udp idle-tls --interval 5" picks some
	@scripts/need coturn openssl
	@$(CARGO) build --locked --release --package turn-server --bin oriel-turn
	@scripts/bench-turn $(ARGS)

bench-data: need-build $(WEB) ## What relaying a data message costs, each way; ARGS="--only channels"
	$(CARGO) build --locked --release --workspace
	@scripts/bench-data $(ARGS)

bench-feeds: need-build $(WEB) ## Fan-out to 9,000 readers, beside nchan and ws; ARGS="--readers 1000 --only oriel"
	@scripts/need cmake network nchan
	$(CARGO) build --locked --release --workspace
	@scripts/bench-feeds $(ARGS)

bench-peers: need-build $(WEB) ## Oriel and Debian's Janus under the same load; ARGS="--rounds 1 --shapes 1x1x20"
	@scripts/need cmake network janus
	$(CARGO) build --locked --release --workspace
	@scripts/bench-peers $(ARGS)

clean: ## Delete everything that was built or installed here
	rm -rf target $(VENV) web-client/node_modules web-client/*/node_modules web-client/*/dist web-client/test-results

need-build:
	@scripts/need rust node compiler

need-test:
	@scripts/need rust rust-lints node compiler cmake chromium firefox sound python namespaces certificates coturn pebble

web-client/node_modules/.package-lock.json: web-client/package-lock.json
	@scripts/need node
	@$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(WEB): web-client/node_modules/.package-lock.json $(WEB_SOURCES)
	@$(NPM) run build
	@touch $@

$(CHECKS)/pyvenv.cfg: packaging/requirements.txt
	@scripts/need python
	@python3 -m venv $(CHECKS)
	@$(CHECKS)/bin/pip install --quiet --disable-pip-version-check --root-user-action=ignore --requirement $<
	@touch $@

$(SCHEMATHESIS)/pyvenv.cfg: scripts/schemathesis/requirements.txt
	@scripts/need python
	@python3 -m venv $(SCHEMATHESIS)
	@$(SCHEMATHESIS)/bin/pip install --quiet --disable-pip-version-check --root-user-action=ignore --requirement $<
	@touch $@

# The suite asks for what Python 2 had: it gets what Python 3 has, and is ported.
$(AUTOBAHN)/ported: scripts/autobahn/requirements.txt scripts/autobahn/port.py
	@scripts/need python
	@rm -rf $(AUTOBAHN)
	@python3 -m venv $(AUTOBAHN)
	@$(AUTOBAHN)/bin/pip install --quiet --disable-pip-version-check --root-user-action=ignore \
		--requirement scripts/autobahn/requirements.txt
	@$(AUTOBAHN)/bin/pip install --quiet --disable-pip-version-check --root-user-action=ignore \
		--no-deps --no-compile --no-build-isolation autobahntestsuite==25.10.1
	@$(AUTOBAHN)/bin/python scripts/autobahn/port.py
	@touch $@

$(VENV)/pyvenv.cfg: web-client/e2e/aiortc/requirements.txt
	@scripts/need python
	@python3 -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --root-user-action=ignore --requirement $<
	@touch $@
