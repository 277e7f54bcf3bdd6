"""What a caller writes with MLflow's scoring client; run by `outside_clients.py` in an environment without ours.

The client knows no keys: it is given one as any use of `requests` is, by a session's default.
"""

import functools
import json
import sys

import pandas
import requests
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

host, port, key, file = sys.argv[1:]


class WithKey(requests.auth.AuthBase):
    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {key}"
        return request


requests.post = functools.partial(requests.post, auth=WithKey())
client = ScoringServerClient(host, int(port))
client.wait_server_ready(timeout=10)
with open(file) as opened:
    rows = json.load(opened)
frame = pandas.DataFrame(rows)  # its gaps are NaN, and so the client sends them
said = {}
for name, data in (("frame", frame), ("lists", [list(row.values()) for row in rows])):
    found = client.invoke(data).get_predictions()
    said[name] = found.iloc[:, 0].tolist()
try:
    client.invoke(frame.assign(charge="much"))
    said["refusal"] = ""
except Exception as refusal:
    said["refusal"] = str(refusal)
sys.stdout.write("\n" + json.dumps(said))
