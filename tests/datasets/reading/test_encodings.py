"""F37, encodings: known by their marks and bytes, or guessed and said to be guessed."""

import pytest

from tests.datasets.reading.conftest import Read

TEXT = "Stadt,n\nKöln,1\nÉvreux,2\nŁódź,3\n"
WESTERN = "Stadt,n\nKöln,1\nÉvreux,2\n"


@pytest.mark.parametrize(
    ("codec", "said"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16 little-endian"),
        ("utf-16-le", "UTF-16 little-endian"),
        ("utf-16-be", "UTF-16 big-endian"),
    ],
)
def test_unicode_is_recognised_with_and_without_a_mark(read_bytes: Read, codec: str, said: str) -> None:
    found = read_bytes(TEXT.encode(codec))
    assert found.guess("encoding") == said
    assert [row["Stadt"] for row in found.rows] == ["Köln", "Évreux", "Łódź"]


def test_western_text_is_a_guess_that_says_so_and_where(read_bytes: Read) -> None:
    found = read_bytes(WESTERN.encode("windows-1252"))
    guess = found.report["guesses"][0]
    assert (guess["value"], guess["sure"]) == ("Windows-1252 (Western European)", False)
    assert "Line 2" in guess["text"]
    assert found.rows[0]["Stadt"] == "Köln"


def test_bytes_that_windows_lacks_are_latin_1(read_bytes: Read) -> None:
    found = read_bytes(b"a,b\n\x81\xe9,1\n")
    assert found.guess("encoding") == "ISO 8859-1 (Latin-1)"
    assert found.rows[0]["a"] == "\x81é"


def test_another_encoding_can_be_stated(read_bytes: Read) -> None:
    content = "名前,n\n東京,1\n".encode("shift_jis")
    assert read_bytes(content).rows[0] != {"名前": "東京", "n": 1}
    found = read_bytes(content, encoding="shift_jis")
    assert found.rows == [{"名前": "東京", "n": 1}]
    assert found.report["guesses"][0]["sure"] is True


def test_a_wrong_statement_is_refused_with_the_line(read_bytes: Read) -> None:
    refusal = read_bytes(b"a,b\n1,x\n2,\x81\n", encoding="windows-1252").refusal
    assert refusal is not None
    assert refusal.code == "encoding"
    assert refusal.facts["line"] == 3
    assert "encoding" in refusal.fields


def test_single_broken_bytes_in_utf_8_refuse_their_rows(read_bytes: Read) -> None:
    rows = "".join(f"Köln,{i}\n" for i in range(20)).encode()
    found = read_bytes(b"a,b\n" + rows + b"K\xf6ln,99\n" + rows)
    assert found.answer["rows"] == 40
    assert found.refused == [(22, "cell 1 holds bytes that are not UTF-8")]


def test_a_mark_inside_the_file_is_part_of_its_cell(read_bytes: Read) -> None:
    found = read_bytes("a,b\n\ufeffx,1\ny,2\n".encode())
    assert found.rows[0]["a"] == "\ufeffx"
