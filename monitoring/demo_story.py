"""PURE: the story of the sample project: a broadband company, its customers, and what changed in the last weeks.

Everything follows from one seed. A customer's chance to leave grows with a monthly contract, support tickets and the
fee, and falls with the months as a customer. In the last weeks a new contract type `flex` is sold and fees rise.
"""

import csv
import io
import math
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

SEED = 20_261
CUSTOMERS = 6_000
WEEKS_BEFORE, WEEKS_CHANGED = 4, 2
ROWS_A_WEEK = 420
TARGET, POSITIVE, NEGATIVE = "will_leave", "yes", "no"
_CONTRACTS = {"month": 0.54, "year": 0.31, "two_year": 0.15}
_CHANGED_CONTRACTS = {"month": 0.36, "year": 0.29, "two_year": 0.14, "flex": 0.21}
_REGIONS = {"north": 0.28, "south": 0.31, "west": 0.24, "islands": 0.17}
_PAYMENTS = {"direct_debit": 0.46, "card": 0.29, "invoice": 0.17, "transfer": 0.08}
_PROMOTIONS = {"none": 0.62, "welcome": 0.18, "summer": 0.12, "loyalty": 0.08}
_FEES = {"month": 44.0, "year": 38.0, "two_year": 33.0, "flex": 49.0}
_LEAVING = {"month": 0.9, "year": -0.5, "two_year": -1.3, "flex": 1.5}


@dataclass(frozen=True)
class Customer:
    """One customer on one day; None is missing."""

    customer_id: str
    contract_type: str
    region: str
    payment: str | None
    promo: str
    tenure_months: int
    monthly_fee: float
    data_use_gb: float | None
    support_tickets: int
    router_age_years: float | None
    paperless: bool
    will_leave: str

    def row(self) -> dict[str, Any]:
        """What is asked of the model: the inputs alone."""
        return {name: value for name, value in asdict(self).items() if name not in ("customer_id", TARGET)}


COLUMNS = [column.name for column in fields(Customer)]


def history(seed: int = SEED, customers: int = CUSTOMERS) -> list[Customer]:
    """The customers of the past year, before anything changed."""
    chance = _dice(str(seed))
    return [_customer(chance, f"C{i:06d}", changed=False) for i in range(customers)]


def week(number: int, seed: int = SEED, rows: int = ROWS_A_WEEK) -> list[Customer]:
    """The customers asked about in one of the last weeks, from 0; the last `WEEKS_CHANGED` are changed."""
    chance = _dice(f"{seed} week {number}")
    changed = number >= WEEKS_BEFORE
    return [_customer(chance, f"W{number}{i:05d}", changed=changed) for i in range(rows)]


def weeks(seed: int = SEED) -> list[list[Customer]]:
    """All of the last weeks, oldest first."""
    return [week(number, seed) for number in range(WEEKS_BEFORE + WEEKS_CHANGED)]


def newer_history(seed: int = SEED, customers: int = CUSTOMERS) -> list[Customer]:
    """What the company knows some time later: the history, and customers after the change."""
    chance = _dice(f"{seed} after")
    return history(seed, customers) + [_customer(chance, f"N{i:06d}", changed=True) for i in range(customers // 3)]


def as_csv(customers: Iterable[Customer]) -> bytes:
    """Customers as a CSV file: a header, missing values as empty cells, booleans as true and false."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for customer in customers:
        writer.writerow([_cell(value) for value in asdict(customer).values()])
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _customer(chance: random.Random, identifier: str, *, changed: bool) -> Customer:
    contract = _one_of(chance, _CHANGED_CONTRACTS if changed else _CONTRACTS)
    tenure = min(120, int(chance.expovariate(1 / (10 if contract in ("month", "flex") else 32))) + 1)
    fee = max(15.0, chance.gauss(_FEES[contract], 6.5)) * (1.14 if changed else 1.0)
    tickets = min(12, _poisson(chance, 1.5 if contract in ("month", "flex") else 0.9))
    data = chance.lognormvariate(4.6, 0.7)
    payment = _one_of(chance, _PAYMENTS)
    promo = _one_of(chance, _PROMOTIONS)
    score = (
        -1.75
        + _LEAVING[contract]
        + 0.42 * tickets
        + 0.05 * (fee - 40)
        - 0.028 * tenure
        + (0.5 if payment == "invoice" else 0.0)
        - (0.4 if promo == "loyalty" else 0.0)
        - 0.001 * data
    )
    leaves = chance.random() < 1 / (1 + math.exp(-1.35 * score))
    return Customer(
        customer_id=identifier,
        contract_type=contract,
        region=_one_of(chance, _REGIONS),
        payment=None if chance.random() < 0.02 else payment,
        promo=promo,
        tenure_months=tenure,
        monthly_fee=round(fee, 2),
        data_use_gb=None if chance.random() < 0.04 else round(data, 1),
        support_tickets=tickets,
        router_age_years=None if chance.random() < 0.07 else round(chance.uniform(0, 9), 1),
        paperless=chance.random() < 0.6,
        will_leave=POSITIVE if leaves else NEGATIVE,
    )


def _dice(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311  a story, not a secret


def _one_of(chance: random.Random, shares: dict[str, float]) -> str:
    return chance.choices(list(shares), weights=list(shares.values()))[0]


def _poisson(chance: random.Random, mean: float) -> int:
    limit, count, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        count += 1
        product *= chance.random()
    return count
