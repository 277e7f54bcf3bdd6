"""Zip archives: one file, all of one shape, folders of pictures and texts; bombs and tricks end in a named refusal."""

import gzip
import hashlib
import io
import stat
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.datasets.reading.conftest import Read

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + bytes(9)
GIF = b"GIF89a" + struct.pack("<HH", 3, 4) + bytes(5)
JPEG = b"\xff\xd8\xff\xe0" + struct.pack(">H", 4) + b"ab\xff\xc0" + struct.pack(">HBHH", 11, 8, 20, 10) + bytes(5)


def packed(*members: tuple[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    place = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(place, "w", kind) as archive:
            for name, content in members:
                archive.writestr(name, content)
    return place.getvalue()


def test_the_only_file_of_an_archive_is_read(read_bytes: Read) -> None:
    found = read_bytes(packed(("x/", b""), ("x/data.csv", b"a,b\n1,007\n2,008\n"), ("__MACOSX/x/._data.csv", b"\0")))
    assert found.rows == [{"a": 1, "b": "007"}, {"a": 2, "b": "008"}]
    assert found.report["format"] == "Delimited text, packed with zip"
    inner = read_bytes(packed(("data.csv.gz", gzip.compress(b"a,b\n1,2\n"))))
    assert inner.rows == [{"a": 1, "b": 2}]


def test_of_several_files_one_must_be_stated(read_bytes: Read) -> None:
    content = packed(("a.csv", b"a,b\n1,2\n"), ("b.csv", b"a,b\n3,4\n"))
    refusal = read_bytes(content).refusal
    assert refusal is not None
    assert (refusal.code, set(refusal.fields)) == ("choose_member", {"member"})
    assert read_bytes(content, member="b.csv").rows == [{"a": 3, "b": 4}]
    assert read_bytes(content, member="c.csv").refusal is not None


def test_all_files_of_one_shape_stand_under_each_other_with_types_that_hold_for_all(read_bytes: Read) -> None:
    content = packed(
        ("1.csv", b"a,b,c,d\n1,1,x,\n2,2,y,\n"),
        ("2.csv", b"a,b,c,d\n1.5,z,w,2026-01-01\n"),
        ("3.csv", b"a,b,c,d\n3,3,q,2026-01-01 10:00:00\n9,9\n" + b"3,3,q,2026-01-01 10:00:00\n" * 9),
    )
    found = read_bytes(content, member="*")
    assert found.types == {"archive_file": "text", "a": "number", "b": "text", "c": "text", "d": "datetime"}
    assert found.answer["rows"] == 13
    assert found.rows[0] == {"archive_file": "1.csv", "a": 1.0, "b": "1", "c": "x", "d": None}
    assert found.refused == [(3, "in 3.csv: it has 2 cells where 4 are expected")]
    other = read_bytes(packed(("1.csv", b"a,b\n1,2\n"), ("2.csv", b"a,c\n1,2\n")), member="*").refusal
    assert other is not None
    assert (other.code, "(c)" in other.text) == ("other_shape", True)


def test_pictures_are_a_table_of_references(read_bytes: Read) -> None:
    found = read_bytes(packed(("cats/1.png", PNG), ("cats/2.gif", GIF), ("dogs/3.jpg", JPEG)))
    assert found.rows[0] == {
        "path": "cats/1.png",
        "folder": "cats",
        "bytes": len(PNG),
        "sha256": hashlib.sha256(PNG).hexdigest(),
        "format": "PNG",
        "width": 640,
        "height": 480,
    }
    assert [(row["folder"], row["width"], row["height"]) for row in found.rows[1:]] == [
        ("cats", 3, 4),
        ("dogs", 10, 20),
    ]


def test_a_picture_that_is_none_is_refused_by_its_number(read_bytes: Read) -> None:
    good = [(f"{i}.png", PNG) for i in range(9)]
    found = read_bytes(packed(*good, ("x.png", b"<svg>"), ("y.jpg", JPEG[:8])))
    assert [line for line, _ in found.refused] == [10, 11]


def test_texts_are_a_table_with_their_content(read_bytes: Read) -> None:
    good = [(f"pos/{i}.txt", b"None of it\n") for i in range(9)]
    found = read_bytes(packed(*good, ("neg/b.txt", b"Caf\xe9")))
    assert found.guess("archive") == "texts"
    assert found.rows[0]["text"] == "None of it\n"
    assert found.refused == [(10, "it holds bytes that are not UTF-8")]
    stated = read_bytes(packed(*good, ("neg/b.txt", b"Caf\xe9")), encoding="windows-1252")
    assert stated.rows[9]["text"] == "Café"


def test_a_real_folder_of_pictures(read_file: Read, sample_data: Path) -> None:
    found = read_file(sample_data / "images/sign_digits_250.zip")
    assert (found.answer["rows"], found.answer["refused_rows"]) == (250, 0)
    assert {row["folder"] for row in found.rows} == set("0123456789")
    assert {(row["width"], row["height"]) for row in found.rows} == {(100, 100)}


def bomb() -> bytes:
    return packed(("a.csv", b"0" * 200_000_000))


def overlapping() -> bytes:
    """Many names for the same compressed bytes."""
    content = bytearray(packed(*[(f"{i}.csv", b"1" * 5_000) for i in range(30)]))
    start = content.find(b"PK\x01\x02")
    place = start
    while (place := content.find(b"PK\x01\x02", place)) >= 0:
        struct.pack_into("<I", content, place + 20, 5_000_000)
        place += 4
    return bytes(content)


def special(kind: int) -> bytes:
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w") as archive:
        info = zipfile.ZipInfo("passwd.csv")
        info.external_attr = (kind | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return place.getvalue()


def encrypted() -> bytes:
    content = bytearray(packed(("a.csv", b"a,b\n1,2\n")))
    content[6] |= 1
    content[content.find(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def lying() -> bytes:
    """The directory says ten bytes, the stream holds a million."""
    content = bytearray(packed(("a.csv", b"1" * 1_000_000)))
    struct.pack_into("<I", content, content.find(b"PK\x01\x02") + 24, 10)
    return bytes(content)


CSV = b"a,b\n1,2\n"
TRICKS: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb": (bomb, "unpacks_too_large"),
    "overlapping": (overlapping, "unpacks_too_large"),
    "lying": (lying, "damaged"),
    "dots": (lambda: packed(("../../etc/cron.d/x.csv", CSV)), "unsafe_archive"),
    "absolute": (lambda: packed(("/etc/x.csv", CSV)), "unsafe_archive"),
    "backslashes": (lambda: packed(("..\\x.csv", CSV)), "unsafe_archive"),
    "drive": (lambda: packed(("C:x.csv", CSV)), "unsafe_archive"),
    "same name": (lambda: packed(("a.csv", CSV), ("a.csv", CSV)), "unsafe_archive"),
    "same but for case": (lambda: packed(("a.csv", CSV), ("A.CSV", CSV)), "unsafe_archive"),
    "same but for the writing of accents": (lambda: packed(("é.csv", CSV), ("e\u0301.csv", CSV)), "unsafe_archive"),
    "link": (lambda: special(stat.S_IFLNK), "unsafe_archive"),
    "pipe": (lambda: special(stat.S_IFIFO), "unsafe_archive"),
    "device": (lambda: special(stat.S_IFCHR), "unsafe_archive"),
    "encrypted": (encrypted, "encrypted_archive"),
    "nested": (lambda: packed(("a.zip", packed(("b.zip", b"PK")))), "nested_archive"),
    "nested in gzip": (lambda: packed(("a.csv.gz", gzip.compress(packed(("b.csv", CSV))))), "nested_archive"),
    "many": (lambda: packed(*[(f"{i}", b"") for i in range(100_001)], kind=zipfile.ZIP_STORED), "too_many_files"),
    "empty": (lambda: packed(("x/", b"")), "empty_file"),
    "cut": (lambda: packed(("a.csv", CSV))[:-20], "damaged"),
    "program": (lambda: packed(("a.exe", b"MZ" + bytes(100))), "unknown_format"),
}


@pytest.mark.parametrize("trick", sorted(TRICKS))
def test_bombs_and_tricks_end_in_a_named_refusal(read_bytes: Read, trick: str) -> None:
    """F45, A28 and A29."""
    make, code = TRICKS[trick]
    refusal = read_bytes(make()).refusal
    assert refusal is not None
    assert refusal.code == code, refusal.text
    assert len(refusal.text) > 15


def tarred(*members: tuple[str, bytes | str], packing: str = "w") -> bytes:
    """A tar archive; a text instead of bytes is where a link leads."""
    place = io.BytesIO()
    with tarfile.open(fileobj=place, mode=packing) as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return place.getvalue()


@pytest.mark.parametrize("packing", ["w", "w:gz"])
def test_a_tar_archive_is_read_as_a_zip_archive_is(read_bytes: Read, packing: str) -> None:
    texts = read_bytes(tarred(("./pos/a.txt", b"good"), ("./neg/b.txt", b"schlecht"), packing=packing))
    assert [(row["path"], row["folder"], row["text"]) for row in texts.rows] == [
        ("pos/a.txt", "pos", "good"),
        ("neg/b.txt", "neg", "schlecht"),
    ]
    assert texts.report["format"] == "Tar archive of texts"
    one = read_bytes(tarred(("x/data.csv", b"a,b\n1,007\n"), packing=packing))
    assert (one.rows, one.report["format"]) == ([{"a": 1, "b": "007"}], "Delimited text, packed with tar")
    several = tarred(("1.csv", b"a\n1\n"), ("2.csv", b"a\n2\n"), packing=packing)
    assert read_bytes(several).refusal.code == "choose_member"  # type: ignore[union-attr]
    assert [row["a"] for row in read_bytes(several, member="*").rows] == [1, 2]


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ((("a.txt", b"x"), ("b.txt", "/etc/passwd")), "unsafe_archive"),
        ((("../a.txt", b"x"),), "unsafe_archive"),
        ((("/a.txt", b"x"),), "unsafe_archive"),
        ((("a.txt", b"x"), ("A.txt", b"y")), "unsafe_archive"),
        ((("n" * 600, b"x"),), "unsafe_archive"),
        ((("a.tar", tarred(("b.csv", b"a\n1\n"))),), "nested_archive"),
    ],
)
def test_a_tar_archive_with_tricks_is_refused(read_bytes: Read, members: tuple, code: str) -> None:
    refusal = read_bytes(tarred(*members)).refusal
    assert refusal is not None
    assert refusal.code == code


def test_a_tar_archive_that_is_cut_off_is_refused(read_bytes: Read) -> None:
    whole = tarred(("a.txt", bytes(range(32, 127)) * 300), ("b.txt", b"y"))
    refusal = read_bytes(whole[:10_000]).refusal
    assert refusal is not None
    assert refusal.code == "damaged"
