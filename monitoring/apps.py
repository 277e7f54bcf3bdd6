"""The monitoring room: registers its jobs and what it shows on project pages."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"

    def ready(self) -> None:
        from monitoring import discarding, jobs, moving, overview, picking, trials  # noqa: F401  they register themselves
        from monitoring.services import windows
        from projects.rejudging import on_new_targets

        on_new_targets(windows.judge_again)
