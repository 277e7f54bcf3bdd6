"""The table that people read of who can do what, held against the one that the sweep of roles holds every address to."""

import csv
import io

from projects.permissions import ACTIONS, Role, allows
from tests.attacks.sweep import Hands


def test_the_table_that_people_read_is_what_the_doors_do(hands: Hands) -> None:
    """`test_each_role_is_refused_exactly_where_the_table_says_so` asks every address by this table."""
    answer = hands.browser(hands.world.cast[Role.VIEWER]).get("/p/churn/team/rights.csv")
    rows = {row["action"]: row for row in csv.DictReader(io.StringIO(answer.content.decode()))}
    assert set(rows) == set(ACTIONS)
    for action, row in rows.items():
        said = {role for role in Role if row[role.value] == "yes"}
        assert said == {role for role in Role if allows(frozenset({role}), action)}, action
