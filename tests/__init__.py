"""Tests; a package, since packages on the index install a `tests` of their own."""
