"""PURE: what the generated projects share: the source of the module that answers, and of the tests of a project."""

MODEL = '''"""This model, ready to answer: by its compiled form where that passes its stored rows."""

import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "code"))

from experiments.packaging import Bundle  # noqa: E402
from experiments.signatures import check_rows  # noqa: E402

MOST_ROWS = 1000
MOST_BYTES = 1_000_000
MOST_ERRORS = 100


class Refused(Exception):
    """A request that cannot be answered: the status, and what is wrong with which row and field."""

    def __init__(self, status, detail, errors=()):
        super().__init__(detail)
        self.status, self.body = status, {"detail": detail, "errors": list(errors)}


def check_sums():
    """Stop if a file is not the one that was packed."""
    for line in (HERE / "SHA256SUMS").read_text().splitlines():
        wanted, name = line.split("  ", 1)
        if hashlib.sha256((HERE / name).read_bytes()).hexdigest() != wanted:
            raise SystemExit(f"{name} was changed after it was packed.")


def shown(one):
    """One answer as JSON."""
    found = {"answer": one.answer, "probability": one.probability}
    if one.chances is not None:
        found["chances"] = dict(one.chances)
    if one.ends is not None:
        found["low"], found["high"] = one.ends
    if one.score is not None:
        found["score"] = one.score
    return found


def same(one, other):
    """Equal, or as near as another machine computes."""
    if isinstance(one, float) and isinstance(other, (int, float)):
        return abs(one - other) <= 1e-9 * max(1.0, abs(other))
    return one == other


class Model:
    """The opened package."""

    def __init__(self):
        check_sums()
        bundle = Bundle.open(HERE / "bundle.zip")
        self.signature = json.loads((HERE / "signature.json").read_text())
        self.facts = json.loads((HERE / "package.json").read_text())
        self._signature, self._predictor = bundle.signature, self._chosen(bundle)

    def _chosen(self, bundle):
        try:
            compiled = bundle.compiled()
        except Exception:
            return bundle.predictor()
        golden = bundle.golden
        said = [shown(one) for one in compiled.predict(golden["rows"])]
        pairs = [(one, then) for one, then in zip(said, golden["answers"])]
        good = all(same(one[key], then[key]) for one, then in pairs for key in set(one) & set(then))
        return compiled if good else bundle.predictor()

    def rows_in(self, content):
        """The rows of a body: {"rows": [...]} or {"row": {...}}."""
        if len(content) > MOST_BYTES:
            raise Refused(413, f"A request has at most {MOST_BYTES} bytes.")
        try:
            asked = json.loads(content)
        except (ValueError, RecursionError):
            raise Refused(400, "The body is not JSON.") from None
        rows = asked.get("rows", [asked["row"]] if "row" in asked else None) if isinstance(asked, dict) else None
        if not isinstance(rows, list) or not rows:
            raise Refused(422, "Send {\\"rows\\": [{...}, ...]} or {\\"row\\": {...}}.")
        if len(rows) > MOST_ROWS:
            raise Refused(413, f"A request has at most {MOST_ROWS} rows.")
        return rows

    def answer(self, rows):
        """One answer for each row; Refused names every row and field that does not fit."""
        clean, errors = check_rows(self._signature, rows)
        if errors:
            raise Refused(422, f"{len(errors)} values do not fit the model.", errors[:MOST_ERRORS])
        return [shown(one) for one in self._predictor.predict(clean)]

    def reply(self, content, request_id):
        """The whole answer to one request."""
        predictions = self.answer(self.rows_in(content))
        return {**self.facts, "request_id": request_id, "predictions": predictions}

    @property
    def example(self):
        """A body that is answered."""
        return {"rows": json.loads((HERE / "sample_input.json").read_text())}

    @property
    def openapi(self):
        """The body of a request, for the description of the API."""
        kinds = {"integer": "integer", "number": "number", "boolean": "boolean", "history": "array"}
        fields = {}
        for one in self.signature["inputs"]:
            kind = kinds.get(one["type"], "string")
            fields[one["name"]] = {"type": [kind, "null"] if one["nullable"] else kind}
        needed = [one["name"] for one in self.signature["inputs"] if not one["nullable"]]
        row = {"type": "object", "properties": fields, "required": needed}
        return {"type": "object", "properties": {"rows": {"type": "array", "items": row}}, "example": self.example}
'''

TESTS = '''"""It answers its sample as when it was packed, and says what is wrong with bad input."""

import json
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SAMPLE = json.loads((HERE / "sample_input.json").read_text())
EXPECTED = json.loads((HERE / "expected_output.json").read_text())

{client}

def near(value):
    return pytest.approx(value, rel=1e-9, abs=1e-9) if type(value) is float else value


def test_it_answers_its_sample_as_when_it_was_packed():
    status, body = post({{"rows": SAMPLE}})
    assert status == 200
    assert body["request_id"]
    assert len(body["predictions"]) == len(EXPECTED)
    for one, wanted in zip(body["predictions"], EXPECTED):
        for key in set(wanted) & set(one):
            assert one[key] == near(wanted[key])


def test_one_row_is_answered_as_among_others():
    one = post({{"row": SAMPLE[0]}})[1]["predictions"][0]
    among = post({{"rows": SAMPLE}})[1]["predictions"][0]
    assert one["answer"] == near(among["answer"])


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b"{{}}", b'{{"rows": []}}', b'{{"rows": 3}}', b"[" * 100_000])
def test_what_is_no_request_is_refused(body):
    assert send(body)[0] in (400, 422)


def test_a_row_that_does_not_fit_is_named():
    name = json.loads((HERE / "signature.json").read_text())["inputs"][0]["name"]
    status, body = post({{"rows": [SAMPLE[0], {{**SAMPLE[0], name: {{"no": "value"}}}}]}})
    assert status == 422
    assert (body["errors"][0]["row"], body["errors"][0]["field"]) == (1, name)


def test_too_many_rows_are_refused():
    assert send(b'{{"rows": [' + b"{{}}," * 1001 + b"{{}}]}}")[0] == 413


def test_it_says_that_it_is_well():
    assert get("/healthz") == 200
'''


def post_tests(client: str) -> str:
    """The tests, with how this project is asked."""
    return TESTS.format(client=client.strip() + "\n")
