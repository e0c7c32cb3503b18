# Two targets matter: rehearse and test. Both put in place what the machine lacks first.

PLAN := ceremonies/first-root-notary1/plan.toml
ANSWERS := ceremonies/first-root-notary1/answers.toml
SECRETS := ceremonies/first-root-notary1/rehearsal-secrets

.PHONY: help rehearse test

help:
	@echo 'make rehearse   hold the shipped first-root rehearsal: on this screen, or by its script without a terminal'
	@echo 'make test       run every test, those against real clients and servers included'

# The program ends with where everything was written and how to verify it.
rehearse:
	@scripts/setup
	@cargo build --locked
	@if [ -t 0 ] && [ -t 1 ]; then \
		cargo run --quiet --locked -- rehearse $(PLAN); \
	else \
		cargo run --quiet --locked -- rehearse $(PLAN) --script $(ANSWERS) --passphrase-fd 3 3<$(SECRETS); \
	fi

test:
	@scripts/setup --tests
	cargo test --locked
