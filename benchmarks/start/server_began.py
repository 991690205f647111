"""Imported first by the server that trials are forked from."""

from benchmarks.start.marks import mark

mark("server began")
