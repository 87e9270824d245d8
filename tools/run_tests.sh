#!/usr/bin/env bash
# Installs, lints and runs the tests.
#
#   bash tools/run_tests.sh                       everything
#   bash tools/run_tests.sh tests/test_engine     everything, but only these tests
#   bash tools/run_tests.sh tests -- -k locator   what follows -- goes to pytest
#
# Environment: those of tools/setup_env.sh (SLAN_VENV, SLAN_PYTHON, MMCV_FIND_LINKS, MAX_JOBS), and TEST_JOBS: how many
# tests run at once (default: one a core).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_help.sh"
paths=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do check_options "$1"; paths+=("$1"); shift; done
cd "$(dirname "${BASH_SOURCE[0]}")/.."
start=$SECONDS
say() { printf '[run_tests] %s\n' "$*"; }
failed=()

# check NAME COMMAND...: runs COMMAND; what fails is remembered, so that one run shows all there is to mend.
check() {
    local name=$1 begin=$SECONDS; shift
    say "$name"
    if "$@"; then say "$name: passed in $((SECONDS - begin)) s"; else failed+=("$name"); say "$name: FAILED"; fi
}

bash tools/setup_env.sh --tests
bin=${SLAN_VENV:-$PWD/.venv}/bin
jobs=${TEST_JOBS:-$(getconf _NPROCESSORS_ONLN)}
# Several tests run at once: each with one thread, or they fight for the cores.
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
# Some containers set it; then each process that a test starts compiles the package again.
unset PYTHONDONTWRITEBYTECODE

check 'ruff check' "$bin/ruff" check
check 'ruff format' "$bin/ruff" format --check
check mypy "$bin/mypy"
check codespell "$bin/codespell" --toml pyproject.toml
# The site of the documentation; strict: a dead link or anchor is an error.
check site env NO_MKDOCS_2_WARNING=1 "$bin/mkdocs" build --quiet
check pytest "$bin/python" -m pytest -n "$jobs" "${paths[@]}" "${@:2}"
# The app as a person sees it, where there is a browser.
[ ${#paths[@]} -gt 0 ] || check browser "$bin/python" -m pytest -m browser tests/test_app

if [ ${#failed[@]} -gt 0 ]; then
    say "FAILED after $((SECONDS - start)) s: $(IFS=,; echo "${failed[*]}")"
    exit 1
fi
say "all passed in $((SECONDS - start)) s"
