"""The deployments room: registers its jobs and what it shows on project pages."""

from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"

    def ready(self) -> None:
        from deployments import discarding, jobs, moving, overview  # noqa: F401  they register themselves
        from deployments.services.gates import judge_again
        from projects.rejudging import on_new_targets

        on_new_targets(judge_again)
