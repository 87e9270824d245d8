#!/usr/bin/env bash
# Runs every fenced command of README.md, CONTRIBUTING.md and docs/ as written, and docs/tutorial.ipynb, where a user
# would run them: in a fresh clone of the last commit, with what tools/setup_env.sh installs and nothing else. Trainings
# are smoke runs (SLAN_SMOKE=1).
#
#   bash tools/check_docs.sh                            all pages
#   bash tools/check_docs.sh README.md docs/search.md   these pages
#
# What a page marks as not to be run, and why, is listed at the end. Environment: SLAN_DOCS_DIR names the folder for
# the clone (default: a new one; one that is there is used again), SLAN_DATA a folder of data sets for the commands that
# need them, SLAN_PYTHON, MMCV_FIND_LINKS and MAX_JOBS are those of tools/setup_env.sh.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_help.sh"
check_options "$@"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
say() { printf '[check_docs] %s\n' "$*"; }

dir=${SLAN_DOCS_DIR:-$(mktemp -d)}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
[ -z "${SLAN_DATA:-}" ] || SLAN_DATA=$(cd "$SLAN_DATA" && pwd)
say "the clone, the environment and a reader's home are in $dir"
[ -z "$(git status --porcelain)" ] || say 'what is not committed is not in the clone'
if [ -d "$dir/slan_mm" ]; then
    git -C "$dir/slan_mm" fetch --quiet "$PWD" HEAD
    git -C "$dir/slan_mm" checkout --quiet --force --detach FETCH_HEAD
else
    git clone --quiet --no-hardlinks . "$dir/slan_mm"
fi
cd "$dir/slan_mm"
unset SLAN_VENV
bash tools/setup_env.sh
bin=$PWD/.venv/bin

# The runner's packages lie outside of the environment: one of them must not hide a package that is missing there.
[ -d "$dir/runner" ] || "$bin/python" -m pip install --quiet --disable-pip-version-check --target "$dir/runner" \
    -r requirements/docs.txt
rm -rf "$dir/home" work_dirs data
mkdir data
[ -z "${SLAN_DATA:-}" ] || ln -s "$SLAN_DATA"/*/ data/
unset SLAN_DATA
"$bin/python" -W ignore tests/documentation/make_home.py "$dir/home"

pages=("$@")
[ ${#pages[@]} -gt 0 ] || pages=(README.md CONTRIBUTING.md docs)
PIP_CACHE_DIR=$("$bin/python" -m pip cache dir)
export PIP_CACHE_DIR HOME="$dir/home" VIRTUAL_ENV="$PWD/.venv" PATH="$bin:$PATH" SLAN_SMOKE=1
PYTHONPATH="$dir/runner:$PWD/tests/documentation" exec python -W ignore -m pytest -p documentation_plugin --nbmake \
    -c /dev/null --rootdir . --verbose "${pages[@]}"
