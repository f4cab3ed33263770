"""The tori that the hardware tests build: small, and each with something the others have not."""

from fabric.hardware import FixedPoint, Torus

BUILDS = {
    "square": Torus(4, 4, depth=24, longest=8),
    "smallest": Torus(2, 2, depth=16, longest=4, sigmoid=False),
    "wide": Torus(2, 5, FixedPoint(8, 10, 4, 6, 7, 12), depth=24, longest=9, feed=9),
    "tall": Torus(5, 3, FixedPoint(12, 16, 6, 9, 12, 12), depth=32, longest=12, feed=12),
    "all nine bits": Torus(3, 4, FixedPoint(9, 9, 5, 8, 7, 8), banks=1, depth=48, longest=8, feed=8),
    "narrow words": Torus(3, 3, FixedPoint(5, 7, 2, 4, 5, 10), depth=16, longest=6, sigmoid=False),
    "dense ring": Torus(1, 6, depth=30, longest=12, feed=12),
    "one memory": Torus(4, 2, FixedPoint(10, 14, 5, 5, 10, 10), banks=1, depth=48, longest=8, feed=8),
}
