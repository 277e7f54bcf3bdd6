"""Every list of the API comes in pages."""

from rest_framework.pagination import PageNumberPagination


class Pages(PageNumberPagination):
    """Every list comes in pages."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
