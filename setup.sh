#!/bin/sh
# Install what is missing; do nothing when nothing has changed. Every make target calls it first.
#   ./setup.sh [FOLDER]   FOLDER is the environment that is made, .venv if none is given.
# An active conda environment named "fabric" (environment.yml) is used as it is.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")"
venv=${1:-.venv}
case "$venv" in /*) ;; *) venv=$PWD/$venv ;; esac

say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 1; }

# apt_get PACKAGE: waits while another process installs.
apt_get() {
    export DEBIAN_FRONTEND=noninteractive
    set -- apt-get -o DPkg::Lock::Timeout=300 install -qq -y "$1"
    "$@" >/dev/null 2>&1 || { apt-get update -qq && "$@" >/dev/null; }
}

# need COMMAND PACKAGE: a system tool. Root on Debian gets it installed, everyone else is told how.
need() {
    command -v "$1" >/dev/null 2>&1 && return
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || die "$1 is missing; install it with: sudo apt-get install $2"
    say "installing $2"
    apt_get "$2" || die "apt-get could not install $2"
}

# runs_this PYTHON: whether its fabric is the one of this checkout.
runs_this() {
    "$1" -P -c 'if True:
        import os, fabric
        from importlib.metadata import version
        version("sparse-fabric")
        raise SystemExit(not os.path.samefile(fabric.__path__[0], "fabric"))' 2>/dev/null
}

# What an environment is made for. The place counts: a moved or copied environment runs the code of the old place.
stamp() { pwd -P; cat requirements.lock pyproject.toml; }
is_fresh() { [ -x "$venv/bin/python" ] && stamp | cmp -s - "$venv/installed.lock"; }

need g++ g++
need verilator verilator
need iverilog iverilog
if [ "${CONDA_DEFAULT_ENV:-}" = fabric ]; then
    runs_this python || python ci/editable.py
    exit
fi
if [ -h "$venv" ]; then  # somebody's own arrangement
    runs_this "$venv/bin/python" && exit
    die "$venv is a link to an environment that runs the code of another checkout; remove the link, or set PYTHONPATH=$PWD"
fi
is_fresh && exit
need python3 python3
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "Python 3.11 or newer is needed, python3 is $(python3 --version)"
python3 -c "import ensurepip" 2>/dev/null || {
    [ "$(id -u)" = 0 ] || die "venv is missing; install it with: sudo apt-get install python3-venv"
    apt_get python3-venv || die "apt-get could not install python3-venv"
}

mkdir -p "$venv" 2>/dev/null && [ -w "$venv" ] ||
    die "$venv cannot be written; let everything go to another folder with: make figures BUILD=/path/of/a/folder"
# One set-up at a time. The lock ends with the last process of the set-up: pip may outlive a killed shell.
exec 9<"$venv"
lock='import fcntl, sys; fcntl.flock(9, fcntl.LOCK_EX | (fcntl.LOCK_NB if "now" in sys.argv else 0))'
python3 -c "$lock" now 2>/dev/null || { say "waiting for another set-up of $venv"; python3 -c "$lock"; }
is_fresh && exit

made_for=$(head -n 1 "$venv/installed.lock" 2>/dev/null) || [ -z "$(ls -A "$venv")" ] ||
    die "$venv was not made by setup.sh; move it away, and one is made in its place"
if [ "$made_for" != "$(pwd -P)" ] || [ ! -x "$venv/bin/python" ]; then  # moved, copied, or unfinished
    echo unfinished >"$venv/installed.lock"
    find "$venv" -mindepth 1 -maxdepth 1 ! -name installed.lock -exec rm -rf {} +
fi
say "installing the packages of requirements.lock into $venv (about a minute)"
echo unfinished >"$venv/installed.lock"
python3 -m venv "$venv"
mkdir -p "$venv/tmp"  # gigabytes that a killed pip would leave elsewhere
pip() { env TMPDIR="$venv/tmp" "$venv/bin/python" -m pip --quiet --disable-pip-version-check install "$@"; }
# The CPU build of PyTorch first: a wheel at hand, or PyTorch's own index. The default one brings gigabytes of CUDA.
torch=$(grep '^torch==' requirements.lock)
pip --no-index --no-deps "$torch" 2>/dev/null ||
    pip --no-deps --index-url https://download.pytorch.org/whl/cpu "$torch"
pip --requirement requirements.lock
"$venv/bin/python" ci/editable.py
"$venv/bin/python" -m fabric.nn.kernels build >/dev/null || say "the CPU kernel is not built: layers compute with PyTorch's own operators"
rm -rf "$venv/tmp"
stamp >"$venv/installed.lock"
