"""The data engineer's way in a real browser: from a workbook, and from a table of MariaDB, to data that others use."""

import re
from pathlib import Path
from typing import Any

from tests.datasets.connectors.servers import HERE, NAME, PASSWORD, READER, Server

LONG = 120_000  # for a job, on a machine that does other things too
LOOKS = (("light", "light", 1440), ("dark", "dark", 1440), ("phone", "light", 390))
VALUES = {"Host": HERE, "Port": "3306", "Database": NAME, "User name": READER, "Password": PASSWORD,
          "Table or view": "orders", "Name": "Shop orders", "It fills the dataset": "orders"}  # fmt: skip


def looks_right(visit: Any, name: str) -> None:
    """No page is wider than its window, in both themes and on a phone, and none complains."""
    for look, scheme, width in LOOKS:
        visit.page.emulate_media(color_scheme=scheme)
        visit.page.set_viewport_size({"width": width, "height": 1000})
        wide = visit.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{name} is {wide} px wider than a {look} window"
        visit.picture(f"{name}-{look}")
    visit.page.emulate_media(color_scheme="light")
    visit.page.set_viewport_size({"width": 1440, "height": 1000})
    visit.calm()


def settles(visit: Any) -> None:
    """What is under way on this page ends, and the page shows what came of it."""
    visit.page.locator("[data-live]").first.wait_for(state="detached", timeout=LONG)
    visit.page.wait_for_load_state("load")


def sends(visit: Any) -> None:
    """The button of the page's form."""
    visit.page.locator("main form button[type=submit]").last.click()
    visit.page.wait_for_load_state("load")


def adds_a_step(visit: Any, recipe: str, kind: str, **values: Any) -> None:
    visit.project(f"recipes/{recipe}/add/{kind}/")
    for name, value in values.items():
        field = visit.page.locator(f"main form [name={name}]")
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    visit.page.locator("main form button[type=submit]").first.click()
    visit.page.wait_for_url(re.compile(f"/recipes/{recipe}/$"))


def reads_a_workbook(visit: Any, place: Path) -> None:
    """Every guess is shown; the number of a row is a name and no amount; what came is described and held true."""
    visit.project("data/upload/")
    visit.page.get_by_label("File", exact=True).set_input_files(place)
    visit.page.get_by_label("Dataset", exact=True).fill("superstore")
    visit.page.get_by_label("Show me the guesses first").check()
    visit.click("Upload and read")
    visit.page.get_by_role("button", name="Read it so").wait_for(timeout=LONG)
    visit.sees(re.compile("9.994 rows of 21 columns, none refused"))
    chosen = visit.page.get_by_role("columnheader", name=re.compile("RowID")).locator("select")
    assert chosen.input_value() == "integer"
    chosen.select_option("text")
    visit.click("Look again")
    visit.page.get_by_role("button", name="Read it so").wait_for(timeout=LONG)
    assert chosen.input_value() == "text"
    looks_right(visit, "workbook")
    visit.click("Read it so")
    visit.page.wait_for_url(re.compile("/superstore/v1/"), timeout=LONG)
    assert visit.page.get_by_role("row", name=re.compile("RowID text")).count() == 1
    visit.project("data/superstore/quality/")
    rule = visit.page.get_by_role("listitem").filter(has_text="Segment is one of “Consumer”")
    rule.get_by_role("button", name="Accept").click()
    visit.project("data/superstore/v1/")
    visit.click(re.compile("^Check"))
    settles(visit)
    visit.sees("1 pass")
    visit.click("Publish v1")
    visit.sees(re.compile("superstore v1 is published"))
    looks_right(visit, "workbook-published")


def connects(visit: Any, server: Server) -> None:
    """Three ticks; a preview; then a draft with its profile."""
    server.run(
        f"USE {NAME}",
        "CREATE TABLE orders (id int PRIMARY KEY, plan varchar(20), amount decimal(8,2), phone varchar(20))",
        """INSERT INTO orders SELECT seq, ELT(1 + seq % 3, 'Year', 'year', 'month'), IF(seq % 37, seq / 2, NULL),
           LPAD(seq, 9, '0') FROM seq_1_to_400""",
    )
    visit.project("sources/")
    visit.page.get_by_role("link", name=re.compile("MySQL or MariaDB")).first.click()
    for label, value in VALUES.items():
        visit.page.get_by_label(label, exact=True).fill(value)
    visit.page.get_by_label("Encryption", exact=True).select_option("off")
    visit.click("Register the source")
    visit.page.get_by_role("button", name="Test", exact=True).click()
    visit.sees("4 columns: id, plan, amount, phone.")
    assert visit.page.get_by_text("Works", exact=True).count() == 3
    looks_right(visit, "source")
    visit.click("Approve")
    visit.click("Look at how it is read")
    visit.page.get_by_role("button", name="Read it so").wait_for(timeout=LONG)
    visit.sees("400 rows of 4 columns, none refused.")
    visit.click("Read it so")
    visit.page.wait_for_url(re.compile("/orders/v1/"), timeout=LONG)
    visit.sees(re.compile("amount is empty in 10 rows"))
    visit.sees("000000001")


def holds_it_back(visit: Any) -> None:
    """A rule of her own that blocks; the failing rows stand with it; nobody may use the version."""
    visit.project("data/orders/quality/add/not_missing/")
    assert visit.page.get_by_text("(optional)").count() == 0
    visit.page.get_by_label("Columns").select_option("amount")
    visit.page.get_by_label("When it does not hold").select_option("block")
    visit.click("Add the rule")
    visit.project("data/orders/v1/")
    visit.click(re.compile("^Check"))
    settles(visit)
    visit.sees("10 of 400 rows; allowed: no row.")
    assert visit.page.get_by_role("button", name="Publish v1").get_attribute("aria-disabled") == "true"
    looks_right(visit, "held-back")


def mends_it(visit: Any) -> None:
    """The recipe says which rule stands in the way; after the waiver it runs, and its result is published."""
    visit.project("new-recipe/?source=orders")
    visit.page.get_by_label("Name of the recipe").fill("clean-orders")
    sends(visit)
    adds_a_step(visit, "clean-orders", "fill_missing", columns="amount", method="median")
    adds_a_step(visit, "clean-orders", "map_values", column="plan", values="Year => year")
    settles(visit)
    visit.sees("orders v1 must not be used.")
    visit.sees("133 cells of plan")
    looks_right(visit, "recipe-held-back")
    visit.page.get_by_role("link", name="Waive rule 1 for orders v1").click()
    visit.page.locator("main form textarea").fill("The recipe fills them in.")
    visit.click("Waive it for this version")
    visit.project("recipes/clean-orders/")
    visit.click("Run on v1")
    settles(visit)
    visit.project("data/orders-prepared/v1/")
    visit.sees(re.compile("400 rows made of orders v1. No cell is empty"))
    visit.click("Publish v1")
    visit.sees(re.compile("orders-prepared v1 is published"))


def hands_over(visit: Any) -> None:
    """The checklist is filled from what the platform knows."""
    visit.project("handoffs/new/?to_role=data_scientist")
    visit.sees("A version is published")
    visit.page.get_by_label(re.compile("^Note")).fill(
        "Amounts were missing in 10 orders; the middle value stands there."
    )
    looks_right(visit, "hand-over")
    visit.click(re.compile("^Offer it to"))
    visit.sees("Waits for an answer")
    visit.project("data/orders-prepared/quality/add/in_range/")
    visit.page.get_by_label("Column", exact=True).select_option("amount")
    visit.page.get_by_label("At most").fill("100")
    visit.page.get_by_label("When it does not hold").select_option("block")
    visit.click("Add the rule")
    visit.project("data/orders-prepared/v1/")
    visit.click(re.compile("^Check"))
    settles(visit)
    visit.sees("Must not be used")


def is_refused_to_train(visit: Any) -> None:
    """The form says why and who may let it pass; whoever sends it all the same reads the same words."""
    visit.project("train/new/?data=orders-prepared/v1&target=plan")
    visit.sees("orders-prepared v1 must not be used")
    visit.sees(re.compile("A rule is waived by"))
    looks_right(visit, "training-held-back")
    visit.page.evaluate("document.querySelector('#run-form').requestSubmit()")
    visit.sees(re.compile("Rule 1 fails: amount is at most 100"))
    visit.sees(re.compile("It needs to be mended or waived"))
