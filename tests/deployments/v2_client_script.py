"""What a caller writes with `tritonclient`; run by `v2_clients.py` in an environment that has nothing of ours."""

import json
import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

address, name, key, file = sys.argv[1:]
# Each call gets a copy: the client writes the length of a head into it, which a later call would send again.
headers = {"Authorization": f"Bearer {key}"}
client = http.InferenceServerClient(address)
assert client.is_server_live(headers=headers)
assert client.is_server_ready(headers=headers)
assert client.is_model_ready(name, headers=headers)
assert "binary_tensor_data" in client.get_server_metadata(headers=headers)["extensions"]
described = client.get_model_metadata(name, headers=headers)
with open(file) as opened:
    columns = json.load(opened)
TYPES = {"BYTES": np.object_, "INT64": np.int64, "FP64": np.float64, "BOOL": np.bool_}


# Its JSON cannot say a gap, so what it sends as JSON are the rows without one.
whole = [
    not any(isinstance(value, float) and value != value for value in row) for row in zip(*columns.values(), strict=True)
]


def inputs(binary):
    found = []
    for one in described["inputs"]:
        values = np.array(columns[one["name"]], dtype=TYPES[one["datatype"]])
        values = values if binary else values[np.array(whole)]
        found.append(http.InferInput(one["name"], [len(values)], one["datatype"]))
        found[-1].set_data_from_numpy(values, binary_data=binary)
    return found


said = []
for binary in (True, False):
    for outputs in (None, *([http.InferRequestedOutput("probability", binary_data=out)] for out in (True, False))):
        answer = client.infer(name, inputs(binary), outputs=outputs, headers=dict(headers), request_id="mine")
        assert answer.get_response()["id"] == "mine"
        said.append(answer.as_numpy("probability").tolist())
for packed in ("gzip", "deflate"):
    answer = client.infer(name, inputs(True), headers=dict(headers), request_compression_algorithm=packed)
    assert answer.as_numpy("probability").tolist() == said[0]
few = [chance for chance, kept in zip(said[0], whole, strict=True) if kept]
assert [len(one) for one in said] == 3 * [len(whole)] + 3 * [len(few)]
assert all(one == (said[0] if len(one) == len(whole) else few) for one in said)
words = client.infer(name, inputs(True), headers=dict(headers)).as_numpy("answer")
refusals = []
for wrong in (
    lambda: client.infer("nothing", inputs(True), headers=dict(headers)),
    lambda: client.infer(name, inputs(True)[:1], headers=dict(headers)),
    lambda: client.infer(name, inputs(True), headers={}),
):
    try:
        wrong()
    except InferenceServerException as refusal:
        refusals.append([refusal.status(), refusal.message()])
sys.stdout.write(json.dumps({"chances": said[0], "answers": [word.decode() for word in words], "refusals": refusals}))
