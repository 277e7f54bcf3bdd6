"""Which files the web process serves, and how they are stored: hashed names, gzip beside each."""

from typing import Any

from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

# What the packages bring and no page uses: Redoc, DRF's browsable API, and all of Plotly's wheel but plotly.min.js.
UNUSED = ["redoc", "rest_framework", "datasets", "templates", "widgetbundle.js"]


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types
    """WhiteNoise's storage without Brotli, which takes a minute for what gzip does in a second."""

    keep_only_hashed_files = True

    def create_compressor(self, **options: Any) -> Compressor:
        """Called once by each collection."""
        return Compressor(**options | {"use_brotli": False})
