#!/bin/sh
# Makes .venv and installs MAESTRO into it; with the argument `dev`, also what generates, checks and tests it.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

say() { printf 'setup: %s\n' "$*" >&2; }

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    say "MAESTRO needs Python 3.11 or newer; set PYTHON to one, as in: make PYTHON=python3.12 demo"
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    # Debian ships the part of Python that makes virtual environments as a package of its own.
    package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    say "installing $package"
    root=""
    [ "$(id -u)" = 0 ] || root=sudo
    $root apt-get update -qq && $root apt-get install -qq -y "$package" >/dev/null || {
        say "cannot install $package; install it, then run make again"
        exit 1
    }
fi
if [ ! -x .venv/bin/python ]; then
    say "making .venv"
    "$python" -m venv .venv
fi
[ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
say "installing MAESTRO${1:+ and its tools}"
VIRTUAL_ENV=$PWD/.venv .venv/bin/uv pip install --quiet --compile-bytecode -c constraints.txt \
    -e gen -e clients/python -e '.[deployed]' --group "${1:-demo}"
