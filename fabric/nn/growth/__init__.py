"""Layers that change while they train: more middle routers, larger routers, frozen routers; `fabric.nn` lists them."""
