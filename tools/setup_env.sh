#!/usr/bin/env bash
# Installs everything slan_mm needs into a virtual environment, and checks it.
#
#   bash tools/setup_env.sh                          what training, evaluation and inference need
#   bash tools/setup_env.sh --extra video captions   ... and these extras of slan_mm/extras.py; --extra all: all of them
#   bash tools/setup_env.sh --tests                  ... and what the tests and the linters need, all extras included
#
# Environment variables:
#   SLAN_VENV        where the virtual environment is (default: .venv in the repository)
#   SLAN_PYTHON      the Python that makes it (default: python3; 3.10, 3.11 or 3.12)
#   MMCV_FIND_LINKS  a folder or page with a compiled onedl-mmcv wheel for this Python and torch; without one,
#                    or when it holds none that fits, mmcv is compiled from source
#   MAX_JOBS         how many compilers run at once while mmcv is built (default: one a core)
#
# Safe to run again at any time: a step that is done is skipped, one that was interrupted is taken up again.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_help.sh"
check_options "$@"
cd "$(dirname "${BASH_SOURCE[0]}")/.."

with_tests=0 extras=() option=
for arg in "$@"; do
    case "$option$arg" in
        *--tests) with_tests=1 option= ;;
        *--extra) option=extra: ;;
        extra:[a-z]*) extras+=("$arg") ;;
        *) refuse "unknown argument $arg" ;;
    esac
done

venv=${SLAN_VENV:-$PWD/.venv}
python=${SLAN_PYTHON:-python3}
say() { printf '[setup_env] %s\n' "$*"; }
die() { printf '[setup_env] ERROR: %s\n' "$*" >&2; exit 1; }

command -v "$python" >/dev/null || die "no $python on PATH: install Python 3.10-3.12 or name one in SLAN_PYTHON"
"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' ||
    die "$("$python" --version) is not supported: name a Python 3.10, 3.11 or 3.12 in SLAN_PYTHON"

[ "$option" != extra: ] || [ ${#extras[@]} -gt 0 ] || die "--extra needs a name, or all"
table="import runpy; table = runpy.run_path('slan_mm/extras.py')['EXTRAS']"
known=$("$python" -c "$table; print(*table)")
for extra in "${extras[@]}"; do
    [[ " $known all " = *" $extra "* ]] || die "there is no extra '$extra'; there are: $known, and all"
done

# An interrupted `python -m venv` leaves a folder without pip; making it again repairs it.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    say "making the virtual environment $venv"
    "$python" -m venv --clear "$venv" || die "python -m venv failed (on Debian: apt-get install python3-venv)"
fi
py=$venv/bin/python
"$py" -c 'import pip, sys; sys.exit(int(pip.__version__.split(".")[0]) < 22)' ||
    "$py" -m pip install --quiet --upgrade 'pip>=22' || die "pip in $venv is older than 22 and could not be renewed"
stamps=$venv/slan_mm_stamps
mkdir -p "$stamps"

# run_once NAME FILES... -- COMMAND...: runs COMMAND unless it has succeeded with these FILES' contents before.
run_once() {
    local name=$1 files=(); shift
    while [ "$1" != -- ]; do files+=("$1"); shift; done
    shift
    # The folder belongs to it: the package is installed from where this clone is.
    local key; key=$({ pwd; cat "${files[@]}"; } | sha256sum)
    if [ "$(cat "$stamps/$name" 2>/dev/null)" = "$key" ]; then say "$name: up to date"; return; fi
    say "$name: installing"
    local start=$SECONDS
    "$@" || die "$name failed (above is why); run this script again to go on from here"
    echo "$key" > "$stamps/$name"
    say "$name: done in $((SECONDS - start)) s"
}

pip_install() { "$py" -m pip install --quiet --disable-pip-version-check "$@"; }

# One is run: those that were compiled for another torch are imported without an error, and then do not work.
run_nms='import torch, mmcv.ops; mmcv.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)'
has_mmcv_ops() { "$py" -W ignore -c "$run_nms" >/dev/null 2>&1; }

install_mmcv() {
    local pin; pin=$(grep '^onedl-mmcv==' requirements/mminstall.txt)
    # Another clone may have compiled it, into an environment that both use.
    if "$py" -m pip list --format freeze | grep -x "$pin" >/dev/null && has_mmcv_ops; then return; fi
    if [ -n "${MMCV_FIND_LINKS:-}" ]; then
        say "looking for a compiled $pin in $MMCV_FIND_LINKS"
        if pip_install --find-links "$MMCV_FIND_LINKS" --only-binary onedl-mmcv "$pin" && has_mmcv_ops; then return; fi
        say "no compiled $pin there that works with this Python and torch"
    fi
    command -v c++ >/dev/null || command -v g++ >/dev/null ||
        die "mmcv has to be compiled and there is no C++ compiler: install one (on Debian: apt-get install g++)"
    "$py" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null ||
        die "mmcv has to be compiled and Python's headers are not there (on Debian: apt-get install python3-dev)"
    local jobs=${MAX_JOBS:-$(getconf _NPROCESSORS_ONLN)}
    say "compiling $pin with $jobs jobs: 6 to 25 minutes on two cores, once; pip keeps the wheel in its cache"
    # Without --no-build-isolation the build sees no torch and leaves the operators (mmcv._ext) out, silently.
    # -g0 leaves debugging symbols out, which saves a part of the time and of the disk.
    MMCV_WITH_OPS=1 MAX_JOBS=$jobs CFLAGS="${CFLAGS:-} -g0" \
        pip_install --no-build-isolation --no-binary onedl-mmcv --force-reinstall --no-deps "$pin" &&
        pip_install "$pin"
}

run_once build requirements/build.txt -- pip_install -r requirements/build.txt
run_once mmcv requirements/build.txt requirements/mminstall.txt -- install_mmcv
# The package asks for ranges of versions; of these, the tested ones are taken.
pins=(requirements/build.txt requirements/mminstall.txt requirements/runtime.txt requirements/extras.txt)
package=(pyproject.toml setup.py slan_mm/version.py slan_mm/extras.py)
install_package() { pip_install --no-build-isolation "${pins[@]/#/--constraint=}" --editable "$1"; }
run_once slan_mm "${package[@]}" "${pins[@]}" -- install_package .
for extra in "${extras[@]}"; do
    run_once "extra-$extra" "${package[@]}" "${pins[@]}" -- install_package ".[$extra]"
done
if [ "$with_tests" = 1 ]; then
    run_once tests requirements/tests.txt requirements/extras.txt -- pip_install -r requirements/tests.txt
fi

# yapf, by which MMEngine prints configs, writes its grammar into the user's cache at its first import after an
# installation: of several processes that start together one would read half of it.
check="$run_nms; import mmdet, mmpretrain, slan_mm, yapf.yapflib.yapf_api"
key=$(cat "$stamps"/build "$stamps"/mmcv "$stamps"/slan_mm | sha256sum)
if [ "$(cat "$stamps/checked" 2>/dev/null)" != "$key" ]; then
    say "checking the installation"
    if ! "$py" -W ignore -c "$check"; then
        has_mmcv_ops || { rm -f "$stamps/mmcv"; die "mmcv's compiled operators (mmcv._ext) are missing, or were compiled for another torch. \
Run this script again: it compiles them. If that fails too, 'python tools/doctor.py' says what is missing."; }
        die "the installation is incomplete (above is why); 'python tools/doctor.py' says more"
    fi
    echo "$key" > "$stamps/checked"
fi
say "ready: $py"
