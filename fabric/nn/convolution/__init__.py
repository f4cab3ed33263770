"""Convolutions as cascades: with Clos routers, or of any topology; `fabric.nn` is the contents page."""
