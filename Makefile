# Thin calls: what they do is in scripts/ and in the poms. Each prints what it is doing.

.PHONY: help quickstart build build-release test lint bench clean
.DEFAULT_GOAL := help

help: ## show this help
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

quickstart: ## build, start three nodes with mTLS, write and read through etcdctl, leave them running
	@scripts/quickstart

build: ## compile everything with all static analysis, and package the jars
	@echo "==> building all modules"
	@scripts/mvn -DskipTests package

build-release: ## dist/lattice and dist/lattice-VERSION-linux-ARCH.tar.gz
	@scripts/dist

test: ## run all tests
	@echo "==> building the programs that tests run beside Lattice"
	@scripts/tools/build
	@echo "==> running all tests"
	@scripts/mvn verify
	@echo "==> checking the load generator, the benchmark and the wire definitions"
	@scripts/tools/check

lint: ## formatting, Error Prone, NullAway, shell syntax, systemd unit, Dockerfile
	@echo "==> checking the format"
	@scripts/mvn -q spotless:check
	@echo "==> compiling with Error Prone and NullAway as errors"
	@scripts/mvn -q test-compile
	@echo "==> checking the shell scripts"
	@scripts/lint-shell
	@echo "==> checking the systemd unit and the Dockerfile"
	@scripts/lint-packaging
	@echo "lint: no complaints"

bench: ## etcd and Lattice side by side (ARGS="--quick" for a first impression)
	@scripts/bench/run $(ARGS)

clean: ## remove everything that builds have made; a cluster in .cluster stays
	@echo "==> removing target/, dist/ and build-output/"
	@scripts/mvn -q clean
	@rm -rf dist build-output
