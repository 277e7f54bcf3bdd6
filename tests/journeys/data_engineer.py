"""The data engineer's whole way in the browser, which takes minutes: `make engineer` runs it."""

from pathlib import Path

from tests.datasets.connectors.servers import open_mariadb
from tests.journeys import engineer
from tests.journeys.test_browser import Stage, stage

__all__ = ["stage"]


def test_the_data_engineer_reads_a_workbook_as_she_corrects_it(stage: Stage, sample_data: Path) -> None:
    engineer.reads_a_workbook(stage.open("data_engineer"), sample_data / "messy/superstore.xls")


def test_the_data_engineer_connects_a_database_mends_its_table_and_hands_over(stage: Stage) -> None:
    """A blocking rule stops the recipe and then a training run; each page says so, with the way out."""
    with open_mariadb() as server:
        visit = stage.open("data_engineer")
        engineer.connects(visit, server)
        engineer.holds_it_back(visit)
        engineer.mends_it(visit)
        engineer.hands_over(visit)
        engineer.is_refused_to_train(stage.open("data_scientist"))
