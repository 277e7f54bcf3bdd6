"""What the tests of the datasets room share: a file on its way into a dataset, and a version made of it."""

from collections.abc import Callable
from typing import Any

import pytest

from datasets.models.versions import Ingestion, Version
from datasets.services import versions as services
from jobs.models import Job
from projects.permissions import Role
from tests.conftest import Cast

CUSTOMERS = b"id,plan,charge,leaves\n1,month,10.5,true\n2,year,20,false\n3,month,,false\n4,month,12.5,true\n"

Load = Callable[..., Ingestion]


@pytest.fixture
def load(cast: Cast) -> Load:
    """Start a load as the data engineer."""

    def start(content: bytes = CUSTOMERS, name: str = "customers", **options: Any) -> Ingestion:
        ingestion, _ = services.start_ingestion(
            cast.project,
            name=name,
            file_name="customers.csv",
            blob=services.keep_file([content]),
            options=options,
            by=cast[Role.DATA_ENGINEER],
        )
        return ingestion

    return start


@pytest.fixture
def make_version(load: Load, run_jobs: Callable[[], list[Job]]) -> Callable[..., Version]:
    """Load some bytes to the end, through the real child."""

    def make(content: bytes = CUSTOMERS, name: str = "customers", **options: Any) -> Version:
        ingestion = load(content, name, **options)
        (job,) = run_jobs()
        assert job.state == "succeeded", job.message
        return Version.objects.select_related("dataset__project").get(ingestion=ingestion)

    return make
