"""Every address of pages and API, composed of the rooms' own lists."""

from django.urls import include, path

import datasets.urls
import deployments.urls
import experiments.urls
import monitoring.urls
import projects.urls
import web.urls

handler400 = "web.errors.bad_request"
handler403 = "web.errors.forbidden"
handler404 = "web.errors.not_found"
handler500 = "web.errors.server_error"

ROOMS = [web, projects, datasets, experiments, deployments, monitoring]

urlpatterns = [
    path("", include([pattern for room in ROOMS for pattern in room.urls.urlpatterns])),
    path("api/v1/", include([pattern for room in ROOMS for pattern in room.urls.api_urls])),
]
