"""The service: jobs over HTTP, the page to work in, and live analysis (``mien serve``).

Needs the extra ``server``. Nothing below this package imports it, and only this package imports
FastAPI, so that ``import mien`` and the other commands stay light.
"""
