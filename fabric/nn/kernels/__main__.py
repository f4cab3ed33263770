"""python -m fabric.nn.kernels build: compile the CPU kernel into the user's cache, where all later runs find it."""

import argparse
import sys

from fabric.nn.kernels import KernelBuildError, build


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fabric.nn.kernels", description=__doc__)
    parser.add_argument("command", choices=["build"], help="compile the kernel, unless it is compiled")
    parser.parse_args()
    try:
        print(build())
    except KernelBuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
