"""PURE: Problem, an error whose text may be shown to a person."""

from typing import Any


class Problem(Exception):
    """An expected refusal. `text` says what is wrong and where; `code` is its stable name for programs."""

    status = 400
    code = "bad_request"

    def __init__(
        self, text: str, *, code: str | None = None, fields: dict[str, str] | None = None, **facts: Any
    ) -> None:
        super().__init__(text)
        self.text = text
        self.code = code or type(self).code
        self.fields = fields or {}
        self.facts = facts

    @property
    def headers(self) -> dict[str, str]:
        """What an HTTP answer says beside its body."""
        if "retry_after" in self.facts:
            return {"Retry-After": str(self.facts["retry_after"])}
        return {"Retry-After": "10"} if self.status == 503 else {}

    def as_dict(self) -> dict[str, Any]:
        """The body of an API answer."""
        body: dict[str, Any] = {"code": self.code, "detail": self.text}
        if self.fields:
            body["fields"] = self.fields
        return body | self.facts


class Invalid(Problem):
    """The request was understood and cannot be carried out as written; `fields` names each wrong field."""

    status = 422
    code = "invalid"


class NotSignedIn(Problem):
    """The caller did not prove who they are."""

    status = 401
    code = "not_signed_in"


class Denied(Problem):
    """The person is known and lacks a right; `facts` may carry `holders` and `action`."""

    status = 403
    code = "forbidden"


class Missing(Problem):
    """There is no such object for this caller."""

    status = 404
    code = "not_found"


class Conflict(Problem):
    """The state of the object does not allow this now; `blocked_by` in `facts` lists what stands in the way."""

    status = 409
    code = "conflict"


class Gone(Problem):
    """It was here once, and has been used or has expired."""

    status = 410
    code = "gone"


class TooLarge(Problem):
    """More bytes, rows or columns than the documented limit."""

    status = 413
    code = "too_large"


class TooMany(Problem):
    """Too many requests of this kind; `retry_after` in `facts` is the wait in whole seconds."""

    status = 429
    code = "too_many"


class Unavailable(Problem):
    """Something that this needs is not there now; trying again later can help."""

    status = 503
    code = "unavailable"


class NoRoom(Problem):
    """The disk has no room for it."""

    status = 507
    code = "no_room"


class Corrupted(Problem):
    """Stored bytes do not match their hash; they are never served."""

    status = 503
    code = "corrupted"
