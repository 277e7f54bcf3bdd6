"""PURE: the two questions to an object storage, signed: which objects are there, and one of them."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from datasets.connectors.base import Outside, Params
from datasets.connectors.web_asking import Asker, refused
from jobs.report import Report
from outbound.bodies import Asked, Body
from problems.problem import Problem, TooLarge

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
PLAIN = "/-_.~"
WHY = {
    "NoSuchBucket": "There is no such bucket.",
    "NoSuchKey": "There is no such object any more.",
    "AccessDenied": "It does not let us read there. Look at the rights of the key.",
    "InvalidAccessKeyId": "It does not know this access key.",
    "SignatureDoesNotMatch": "The secret key is not that of this access key.",
    "AuthorizationHeaderMalformed": "The region is not that of the bucket.",
    "PermanentRedirect": "The bucket lies at another endpoint or in another region.",
    "RequestTimeTooSkewed": "Its clock and ours differ too much.",
}


@dataclass(frozen=True)
class Object:
    """One object as the list tells it."""

    key: str
    size: int
    etag: str
    changed: str

    @property
    def name(self) -> str:
        """The last part of its key."""
        return posixpath.basename(self.key) or "object"


class Storage(Asker):
    """One bucket. Each try is signed anew; the signature goes to this endpoint alone."""

    def __init__(self, p: Params, outside: Outside, report: Report | None = None, *, tries: int = 5) -> None:
        super().__init__({"auth": "none", "per_second": 100.0}, outside, report, tries=tries)
        self.s3 = p
        self.base = base_of(p)

    def _asked(
        self, url: str, method: str, body: bytes, headers: Mapping[str, str], enough: int | None, signed: bool
    ) -> Asked:
        asked = super()._asked(url, method, body, headers, enough, False)
        return replace(asked, secret_headers=self._signature(url)) if self.s3["auth"] == "keys" else asked

    def _signature(self, url: str) -> dict[str, str]:
        """The headers that prove who asks, by the signer of the makers of this protocol."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        parts = urlsplit(url)
        request = AWSRequest("GET", url, headers={"Host": parts.netloc, "X-Amz-Content-SHA256": EMPTY})
        secret, token = str(self.s3.get("secret") or ""), self.s3.get("token") or None
        S3SigV4Auth(Credentials(self.s3["access_key"], secret, token), "s3", self.s3["region"]).add_auth(request)
        return {name: value for name, value in request.headers.items() if name.lower() != "host"}

    def page(self, prefix: str, after: str = "", most: int = 1000) -> tuple[list[Object], str]:
        """Some objects in the order of their keys, and what asks for the next ones."""
        values = {"list-type": "2", "prefix": prefix, "max-keys": str(most)}
        if after:
            values["continuation-token"] = after
        url = f"{self.base}?{_query(values)}"
        answer = self.ask(url)
        _check(answer)
        return _listed(answer.content)

    def objects(self, prefix: str, most: int) -> Iterator[Object]:
        """All objects below a prefix but those that stand for folders."""
        after, count = "", 0
        while True:
            found, after = self.page(prefix, after)
            for one in found:
                if one.key.endswith("/") and not one.size:
                    continue
                count += 1
                if count > most:
                    text = f"There are more than {most:,} objects. Nothing was kept; state a longer prefix."
                    raise TooLarge(text, code="too_many_objects")
                yield one
            if not after:
                return

    def bring(self, one: Object, place: Path) -> None:
        """The object in a file; what changed since it was listed is refused."""
        answer = self.ask(f"{self.base}{quote(one.key, safe=PLAIN)}", headers={"If-Match": one.etag}, place=place)
        if answer.status == 412:
            raise Problem(f"{one.key[:200]} was changed while it was being fetched. Load again.", code="changed")
        if answer.status // 100 != 2:
            with place.open("rb") as file:
                _check(replace(answer, content=file.read(10_000)))


def base_of(p: Params) -> str:
    """The address of the bucket, with the bucket in the path or in the name of the host."""
    parts = urlsplit(p["endpoint"])
    path = parts.path.rstrip("/")
    if p["path_style"]:
        return f"{parts.scheme}://{parts.netloc}{path}/{p['bucket']}/"
    return f"{parts.scheme}://{p['bucket']}.{parts.netloc}{path}/"


def _query(values: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(values.items()))


def _check(answer: Body) -> None:
    """An error of the storage in words."""
    if 200 <= answer.status < 300:
        return
    root = _tree(answer.content)
    code = _text(root, "Code") if root is not None else ""
    if code in WHY:
        raise Problem(WHY[code], code="not_let_in" if answer.status in (401, 403) else "storage_error")
    if problem := refused(answer.status):
        raise problem


def _tree(content: bytes) -> Any:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        return fromstring(content)
    except (ParseError, DefusedXmlException, ValueError):
        return None


def _listed(content: bytes) -> tuple[list[Object], str]:
    root = _tree(content)
    if root is None or not root.tag.endswith("ListBucketResult"):
        raise Problem("It did not answer as an object storage does.", code="odd_answer")
    found = []
    for one in root.iterfind("{*}Contents"):
        size = _text(one, "Size")
        key = _text(one, "Key")
        if not size.isdigit() or not key:
            raise Problem("It did not answer as an object storage does.", code="odd_answer")
        found.append(Object(key, int(size), _text(one, "ETag"), _text(one, "LastModified")))
    more = _text(root, "IsTruncated") == "true"
    return found, _text(root, "NextContinuationToken") if more else ""


def _text(root: Any, name: str) -> str:
    found = root.find(f"{{*}}{name}")
    if found is None:
        found = root.find(name)
    return (found.text or "") if found is not None else ""
