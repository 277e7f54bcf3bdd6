# Aliases; ./run and ./test are the two commands.
PYTHON ?= .venv/bin/python
export SECRET_KEY ?= $(shell $(PYTHON) -c "import secrets; print(secrets.token_urlsafe(64))")
export BATON_SEALING_KEYS ?= $(shell $(PYTHON) -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())")
export BATON_AUDIT_KEY ?= lint-only
export BATON_SERVING_KEY ?= lint-only

# What takes too long for every run: races, a hundred rounds each.
.PHONY: run test lint format lock bench faults large replays searches traffic loop streams batches engineer clients tensors scoring fuzz everywhere notebook night imports
run:
	./run
test:
	./test
lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	PYTHONPATH=platform:. $(dir $(PYTHON))lint-imports --no-cache
	$(PYTHON) -m djlint templates --lint --quiet
	$(PYTHON) manage.py makemigrations --check --dry-run
format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
lock:
	$(PYTHON) requirements/lock.py
bench:
	$(PYTHON) -m benchmarks
# Races that take too long for every run of the tests: a hundred rounds each.
faults:
	BATON_FAULT_ROUNDS=100 $(PYTHON) -m pytest -q tests/projects/test_many_at_once.py tests/web/test_sessions.py tests/deployments/test_server.py -k 'round_after_round or take_the_same_time or kill_9'
# Two hundred uploads of 50 MB at once, and 5 GB as one table: minutes, and 15 GB of disk below TMPDIR.
large:
	$(PYTHON) -m pytest -q -s tests/faults/large.py tests/experiments/limits.py
# Every window of the real streams of monitoring, and eighty shuffles of them: minutes.
replays:
	$(PYTHON) -m pytest -q tests/monitoring/replays.py
# Five real streams as requests to a real prediction server, with late outcomes: a quarter of an hour.
streams:
	$(PYTHON) -m pytest -q tests/monitoring/streams.py
# Five hundred trials on two workers, of which one is killed in the middle: minutes.
searches:
	BATON_TRIALS=500 $(PYTHON) -m pytest -q tests/faults/searches.py
# The closed loop by real processes, once well and once badly: minutes.
loop:
	$(PYTHON) -m pytest -q tests/monitoring/loop.py
# Two hundred requests a second while traffic is moved and rolled back: a minute.
traffic:
	BATON_TRAFFIC_RATE=200 BATON_TRAFFIC_SECONDS=8 $(PYTHON) -m pytest -q -s tests/deployments/test_live_traffic.py
# A batch of every method answers as the server does.
batches:
	BATON_ALL_METHODS=1 $(PYTHON) -m pytest -q tests/deployments/test_batch.py -k each_row
# The data engineer's way in a browser, from a workbook and from a table of MariaDB: minutes.
engineer:
	$(PYTHON) -m pytest -q tests/journeys/data_engineer.py
# Unchanged mlflow clients, the newest and one of 2.x, against a real instance; pip makes their environments: minutes.
clients:
	$(PYTHON) -m pytest -q -s tests/experiments/clients.py
# A genuine MLflow server is filled and imported, its worker killed meanwhile; pip makes its environment: minutes.
imports:
	$(PYTHON) -m pytest -q -s tests/experiments/imports.py
# NVIDIA's unchanged v2 client against a prediction server; pip makes its environment: a minute.
tensors:
	$(PYTHON) -m pytest -q -s tests/deployments/v2_clients.py
# MLflow's scoring client and wrk against a prediction server; pip makes the environment of the first: minutes.
scoring:
	$(PYTHON) -m pytest -q -s tests/deployments/outside_clients.py -k 'mlflow or wrk'
# Schemathesis, by the OpenAPI document of three deployments: 3,000 examples for each address and each of its phases; an hour.
fuzz:
	BATON_FUZZ_EXAMPLES=3000 $(PYTHON) -m pytest -q -s tests/deployments/outside_clients.py -k schemathesis
# The same thousand rows for every method: in process, server, batch, generated FastAPI and Flask projects: minutes.
everywhere:
	BATON_ALL_METHODS=1 $(PYTHON) -m pytest -q tests/deployments/test_everywhere.py
# The notebook of docs/ is executed against a real instance, in an environment of its own that pip makes: minutes.
notebook:
	$(PYTHON) -m pytest -q -s tests/experiments/notebooks.py
# Ten minutes of faults under many clients; then journal, database and disk must agree. The seed is printed.
night:
	$(PYTHON) -m pytest -q -s tests/faults/night.py
