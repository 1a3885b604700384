# `make` lists the targets.

CARGO ?= cargo
TARGET = $(or $(CARGO_TARGET_DIR),target)
# A step that hangs must end by itself: compiling everything from nothing, and running all tests, which is done in 25 minutes on two
# cores that have nothing else to do.
BUILD_LIMIT ?= 25m
TEST_LIMIT ?= 40m

.DEFAULT_GOAL := help
.PHONY: help demo test features generate lint deny advisories install record instructions bench-jmx bench-cost bench-lag bench-delivery bench-zookeeper bench-index-size prove-backlog prove-delivery prove-fuzz prove-lag prove-matrix prove-outage prove-soak prove-zookeeper-types

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: install ## real servers, the agent, and what arrives in Elasticsearch; Ctrl-C ends it (DEMO_SECONDS=45: by itself)
	$(CARGO) build --release --bin brokerbeat
	$(CARGO) build --quiet -p stack --bin demo
	$(TARGET)/debug/demo $(TARGET)/release/brokerbeat

test: install ## all tests, against real servers
	timeout --foreground $(BUILD_LIMIT) $(CARGO) test --workspace --all-targets --no-run
	timeout --foreground $(TEST_LIMIT) $(CARGO) test --workspace --all-targets
	timeout --foreground $(TEST_LIMIT) $(CARGO) test --workspace --doc

prove-fuzz: ## fuzz what reads bytes from outside, FUZZ_MINUTES=20 a target, into docs/proofs/fuzz.md; goes on where it was (nightly toolchain)
	scripts/fuzz.sh

instructions: ## what decoding costs in instructions, against crates/jmx-rmi/benches/instructions.txt (valgrind)
	scripts/instructions.sh

record: install ## record the replies of real JVMs, ZooKeepers and disks anew for the tests; read the difference
	$(CARGO) run --quiet -p jmx-rmi --example record
	JMX_RMI_GOLDEN=write $(CARGO) test --quiet -p jmx-rmi --lib golden
	$(CARGO) run --quiet -p stack --example record_zookeeper
	$(CARGO) run --quiet -p stack --example record_disks
	BROKERBEAT_REWRITE_GOLDEN=1 $(CARGO) test --quiet --lib -- zookeeper disks

prove-matrix: install ## every attribute of every bean beside Java's client, over versions, JDKs and kinds of port, into docs/proofs/matrix.md
	mkdir -p docs/proofs
	BROKERBEAT_MATRIX_REPORT=$(CURDIR)/docs/proofs/matrix.md $(CARGO) test --test it matrix::every_attribute_of_every_server -- --nocapture

# SOAK_FRESH=1 forgets the runs so far.
prove-soak: install ## a broker restarted ten times in SOAK_MINUTES=60 while we read, into docs/proofs/soak.md; runs add up
	mkdir -p docs/proofs
	$(if $(SOAK_FRESH),rm -rf $(TARGET)/soak)
	$(CARGO) build --release --bin brokerbeat
	SOAK_MINUTES=$(or $(SOAK_MINUTES),60) BROKERBEAT_SOAK_AGENT=$(abspath $(TARGET))/release/brokerbeat \
		BROKERBEAT_SOAK_ROWS=$(abspath $(TARGET))/soak BROKERBEAT_SOAK_REPORT=$(CURDIR)/docs/proofs/soak.md \
		$(CARGO) test --test it soak:: -- --nocapture

# LAG_SEED=n repeats the dice of a run, LAG_FRESH=1 forgets the runs so far.
prove-lag: install ## every number of groups against a model, in LAG_MINUTES=5 of everything changing at once, into docs/proofs/lag.md; runs add up
	mkdir -p docs/proofs
	$(if $(LAG_FRESH),rm -rf $(TARGET)/lag)
	LAG_MINUTES=$(or $(LAG_MINUTES),5) BROKERBEAT_LAG_ROWS=$(abspath $(TARGET))/lag BROKERBEAT_LAG_REPORT=$(CURDIR)/docs/proofs/lag.md \
		$(CARGO) test --test it model::every_number -- --nocapture

# OUTAGE_FRESH=1 forgets the runs so far.
prove-outage: install ## two of three brokers stopped in mid-cycle, OUTAGE_ROUNDS=3 of each kind on each version, into docs/proofs/outage.md; runs add up
	mkdir -p docs/proofs
	$(if $(OUTAGE_FRESH),rm -rf $(TARGET)/outage)
	OUTAGE_ROUNDS=$(or $(OUTAGE_ROUNDS),3) BROKERBEAT_OUTAGE_ROWS=$(abspath $(TARGET))/outage BROKERBEAT_OUTAGE_REPORT=$(CURDIR)/docs/proofs/outage.md \
		$(CARGO) test --test it outage:: -- --nocapture

# DELIVERY_SEED=n repeats the dice of a run, DELIVERY_FRESH=1 forgets the runs so far.
prove-delivery: install ## an agent killed DELIVERY_DEATHS=50 times in front of an Elasticsearch to which everything happens, into docs/proofs/delivery.md; runs add up
	mkdir -p docs/proofs
	$(if $(DELIVERY_FRESH),rm -rf $(TARGET)/delivery)
	DELIVERY_DEATHS=$(or $(DELIVERY_DEATHS),50) BROKERBEAT_DELIVERY_ROWS=$(abspath $(TARGET))/delivery BROKERBEAT_DELIVERY_REPORT=$(CURDIR)/docs/proofs/delivery.md \
		$(CARGO) test --test it delivery:: -- --nocapture

# BACKLOG_FRESH=1 forgets the runs so far.
prove-backlog: install ## BACKLOG_DOCUMENTS=2000000 documents wait while Elasticsearch is away, into docs/proofs/backlog.md
	mkdir -p docs/proofs
	$(if $(BACKLOG_FRESH),rm -rf $(TARGET)/backlog)
	$(CARGO) build --release --bin brokerbeat
	BACKLOG_DOCUMENTS=$(or $(BACKLOG_DOCUMENTS),2000000) BROKERBEAT_BACKLOG_AGENT=$(abspath $(TARGET))/release/brokerbeat \
		BROKERBEAT_BACKLOG_ROWS=$(abspath $(TARGET))/backlog BROKERBEAT_BACKLOG_REPORT=$(CURDIR)/docs/proofs/backlog.md \
		$(CARGO) test --test it backlog:: -- --nocapture

# TYPES_FRESH=1 forgets the runs so far.
prove-zookeeper-types: install ## every value of real ZooKeepers under load against fields.yml, TYPES_MINUTES=60, into docs/proofs/zookeeper-types.md; runs add up
	mkdir -p docs/proofs
	$(if $(TYPES_FRESH),rm -rf $(TARGET)/types)
	TYPES_MINUTES=$(or $(TYPES_MINUTES),60) BROKERBEAT_TYPES_ROWS=$(abspath $(TARGET))/types BROKERBEAT_TYPES_REPORT=$(CURDIR)/docs/proofs/zookeeper-types.md \
		$(CARGO) test --test it zookeeper::types:: -- --nocapture

bench-jmx: install ## a full read beside Java's client, memory and cost, into docs/benchmarks.md; wants a quiet machine
	$(CARGO) bench --bench jmx_read -- --report $(CURDIR)/docs/benchmarks.md

bench-cost: install ## processor time and bytes that a cycle costs the broker's JVM, beside Jolokia
	$(CARGO) bench --bench jmx_read -- cost

bench-lag: install ## the lag of 500 and of 5,000 groups beside Java's admin client, into docs/benchmarks-lag.md; wants a quiet machine
	$(CARGO) bench --bench kafka_lag -- --report $(CURDIR)/docs/benchmarks-lag.md

bench-delivery: install ## documents a second from the collectors' channel to the acknowledged document, into docs/benchmarks-delivery.md; wants a quiet machine
	$(CARGO) bench --bench delivery -- --report $(CURDIR)/docs/benchmarks-delivery.md

bench-zookeeper: install ## a tick over an ensemble of three with 2,000 sessions each, into docs/benchmarks-zookeeper.md; wants a quiet machine
	$(CARGO) bench --bench zookeeper -- --report $(CURDIR)/docs/benchmarks-zookeeper.md

bench-index-size: install ## bytes a document in Elasticsearch, with and without time series, into docs/benchmarks-index.md; MINUTES=360
	$(CARGO) bench --bench index_size -- --minutes $(or $(MINUTES),360) --report $(CURDIR)/docs/benchmarks-index.md

generate: ## what is generated from fields.yml: templates and docs/fields.md
	rm -rf elasticsearch-templates
	$(CARGO) run --quiet --bin brokerbeat -- export template --dir elasticsearch-templates
	$(CARGO) run --quiet --bin brokerbeat -- export ilm --dir elasticsearch-templates
	$(CARGO) run --quiet --bin brokerbeat -- export fields > docs/fields.md.new
	mv docs/fields.md.new docs/fields.md

lint: ## formatting and clippy, with warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

# Not part of `test`: librdkafka is built a second time for them.
features: ## clippy and tests of the features gssapi (against a KDC) and oidc, which need some packages more
	@scripts/install.sh features
	$(CARGO) clippy --features gssapi,oidc --all-targets -- -D warnings
	timeout --foreground $(BUILD_LIMIT) $(CARGO) test --features gssapi,oidc --lib --test it --no-run
	timeout --foreground $(TEST_LIMIT) $(CARGO) test --features gssapi,oidc --lib collect::kafka::config
	timeout --foreground $(TEST_LIMIT) $(CARGO) test --features gssapi,oidc --test it kerberos::

deny: ## licences, bans and sources of the dependencies
	command -v cargo-deny > /dev/null || $(CARGO) install --locked cargo-deny@0.20.2
	$(CARGO) deny check licenses bans sources

advisories: ## known vulnerabilities of the dependencies, where the database can be reached
	command -v cargo-deny > /dev/null || $(CARGO) install --locked cargo-deny@0.20.2
	scripts/advisories.sh

install: ## what the build, the tests and the demo need (Debian and Ubuntu)
	@scripts/install.sh
