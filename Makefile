# Every target makes .venv from the hashed lock first; that is quick when nothing has changed. `make` prints this help.
#
#   make up      the whole system: servers, five services, gateway, sample clinics; Ctrl-C stops all of it
#                  DETACH=1 returns when ready      FRESH=1 deletes all data first      ROOT=dir instead of .vetwire
#                  BROKER=noida|host:port           EVENTSTORE=esdb://...               MONGODB=mongodb://...
#                  GATEWAY_PORT=8080, and so EVENTSTORE_PORT KAFKA_PORT MONGODB_PORT SMTP_PORT MAILBOX_PORT
#   make down    stop what runs in the background, and what a crash left behind
#   make test    every test, on the embedded servers (STACK=env|containers, BROKER=noida, ARGS="-k ..." for pytest)
#   make check   style, format, types, import contracts, lock files
#   make docs    approve new event types, and make the documents that come from the code
#   make fmt     put the code into its one format
#   make bench   benchmarks, each against a baseline measured in the same run
#                  ARGS="g3 g8": some rows      ARGS=--quick: whether they run      ARGS=--write-docs: see docs/performance.md
#   make mutation  small wrong changes to the code that decides and remembers, each to be noticed (SUBJECTS="kernel deciders checkpoints")
#   make chaos   kill processes of a running system and account for every event, about ten minutes
#                  ARGS="--chaos-rounds=200 --chaos-seed=7": more rounds, or those of a seed again

PYTHON ?= python3
VENV := $(PYTHON) deploy/embedded/environment.py
BIN := .venv/bin
TESTS := $(BIN)/pytest --stack=$(or $(STACK),embedded) --broker=$(or $(BROKER),kafka)

IMPORTS := PYTHONPATH=.:services/referral-svc:services/portal-svc:services/messaging-svc:services/scheduling-svc:services/pims-sync-svc

# Compiled modules are kept, also where the environment says otherwise: a dozen processes share them.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help up down test check docs fmt bench mutation chaos
help: ; @sed -n 's/^# \{0,1\}//p' Makefile
up: ; @$(VENV) && exec $(BIN)/python -m deploy.embedded up
down: ; @$(VENV) && $(BIN)/python -m deploy.embedded down
test: ; @$(VENV) && $(TESTS) $(ARGS)
check: ; @$(VENV) && $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(IMPORTS) $(BIN)/lint-imports && $(BIN)/python -m deploy.embedded.locks
docs: ; @$(VENV) && $(BIN)/python -m shared.events.catalogue write && $(IMPORTS) $(BIN)/python -m ops.documents write
fmt: ; @$(VENV) && $(BIN)/ruff check --fix . && $(BIN)/ruff format .
bench: ; @$(VENV) && $(BIN)/python -m benchmarks $(ARGS)
chaos: ; @$(VENV) && $(TESTS) -s -m chaos tests/integration --chaos-rounds=30 $(ARGS)
mutation: ; @$(VENV) && $(BIN)/python -m tests.mutation $(SUBJECTS) $(ARGS)
