"""PURE: what of a person's text reaches a database: a name in quotes, or a query as the inside of one SELECT."""

from problems.problem import Invalid

LONGEST_QUERY = 20_000
OPENERS, CLOSER = ("SELECT", "WITH", "TABLE", "VALUES", "("), ")"
WRITES_FILES = ("OUTFILE", "DUMPFILE")
QUOTED = {"STRING", "IDENTIFIER", "RAW_STRING", "HEREDOC_STRING", "NATIONAL_STRING", "BYTE_STRING", "UNICODE_STRING"}


def check_query(text: str, dialect: str) -> None:
    """Refuse, before anything is dialled, what is not the inside of one SELECT.

    This is for a clear answer at once. The wall is the server: one statement, by a role that may only read.
    """
    words = _words(text, dialect)
    if not words or words[0] not in OPENERS:
        raise _wrong("begins with SELECT or WITH")
    _check_one(words)
    if dialect == "mysql" and ("/*!" in text or "/*M!" in text):
        raise _wrong("holds a comment that the server would run")
    if dialect == "mysql" and set(words) & set(WRITES_FILES):
        raise _wrong("writes a file")


def _check_one(words: list[str]) -> None:
    """One statement, whose brackets close where they should."""
    if words[-1] == ";":
        raise _wrong("ends with a semicolon; leave it out")
    if ";" in words:
        raise _wrong("holds more than one statement")
    depth = 0
    for word in words:
        depth += (word == "(") - (word == CLOSER)
        if depth < 0:
            raise _wrong("closes more brackets than it opens")
    if depth:
        raise _wrong("opens more brackets than it closes")


def _words(text: str, dialect: str) -> list[str]:
    """The words and marks without comments and quoted texts, as the dialect has them."""
    import sqlglot  # late: a large library, needed only when a query is saved or run
    from sqlglot.errors import TokenError

    try:
        tokens = sqlglot.tokenize(text, read=dialect)
    except TokenError:
        raise _wrong("has a quote or a comment that does not end") from None
    return ["''" if one.token_type.name in QUOTED else one.text.upper() for one in tokens]


def _wrong(what: str) -> Invalid:
    text = f"The query {what}." if not what.startswith("begins") else f"A query {what}."
    return Invalid(text, fields={"query": text}, code="bad_query")


def quoted(name: str, mark: str) -> str:
    """A name as SQL has it."""
    return mark + name.replace(mark, mark * 2) + mark
