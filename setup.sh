#!/bin/sh
# Install what is missing; do nothing when nothing has changed. Every make target calls it first.
# An active conda environment named "fabric" (environment.yml) is used as it is; otherwise .venv is made here.
set -eu
cd "$(dirname "$0")"

# need COMMAND PACKAGE: a system tool. Root on Debian gets it installed, everyone else is told how.
need() {
    command -v "$1" >/dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "setup: installing $2" >&2
        apt-get install -qq -y "$2" >/dev/null 2>&1 || { apt-get update -qq && apt-get install -qq -y "$2" >/dev/null; }
    else
        echo "setup: $1 is missing; install it with: sudo apt-get install $2" >&2
        exit 1
    fi
}

need g++ g++
need verilator verilator
need iverilog iverilog
if [ "${CONDA_DEFAULT_ENV:-}" = fabric ]; then
    python -c "from importlib.metadata import version; version('fabric')" 2>/dev/null ||
        python -m pip install --quiet --no-deps --no-build-isolation --editable .
    exit
fi
cmp -s requirements.lock .venv/installed.lock && exit
need python3 python3
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "setup: Python 3.11 or newer is needed, python3 is $(python3 --version)" >&2
    exit 1
}
python3 -c "import ensurepip" 2>/dev/null || {
    [ "$(id -u)" = 0 ] || { echo "setup: venv is missing; install it with: sudo apt-get install python3-venv" >&2; exit 1; }
    apt-get update -qq && apt-get install -qq -y python3-venv >/dev/null
}
echo "setup: installing the packages of requirements.lock into .venv (about a minute)" >&2
rm -f .venv/installed.lock
python3 -m venv .venv
pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip install --quiet"
# The CPU build of PyTorch first: a wheel at hand, or PyTorch's own index. The default one brings gigabytes of CUDA.
torch=$(grep '^torch==' requirements.lock)
$pip --no-index --no-deps "$torch" 2>/dev/null ||
    $pip --no-deps --index-url https://download.pytorch.org/whl/cpu "$torch"
$pip --requirement requirements.lock
$pip --no-deps --no-build-isolation --editable .
cp requirements.lock .venv/installed.lock
