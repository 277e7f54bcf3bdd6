"""Fixtures of the monitoring tests."""

from pathlib import Path

import pytest

from experiments.packaging import Bundle
from monitoring import demo_story
from tests.conftest import Cast
from tests.monitoring.world import Live, Trained, go_live, train


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model of the sample's story."""
    return train(tmp_path_factory.mktemp("trained"), demo_story.history(customers=3000))


@pytest.fixture(scope="session")
def bundle(trained: Trained) -> Bundle:
    """Its opened bundle."""
    return Bundle.open(trained.bundle)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder as a job has it."""
    return tmp_path


@pytest.fixture
def live(cast: Cast, trained: Trained, bundle: Bundle, tmp_path: Path) -> Live:
    """A model in use, with its monitor."""
    return go_live(cast, trained, bundle, tmp_path)
