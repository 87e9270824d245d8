#!/usr/bin/env bash
# From a fresh clone to a trained model: installs what is missing; shows within a minute what the shipped model finds, in
# work_dirs/quickstart/shipped; then pre-trains the tiny SLAN on generated shapes data on the CPU, evaluates it, and
# leaves metrics.json, regions.png, retrieval.png and log in work_dirs/quickstart.
#
#   bash tools/quickstart.sh                  at most a quarter of an hour on two cores, after the installation
#   bash tools/quickstart.sh --smoke          the same path in half a minute, with a model that has learned nothing
#   bash tools/quickstart.sh --fresh          throws an earlier run away first
#   bash tools/quickstart.sh --work-dir DIR   another folder
#   bash tools/quickstart.sh --threads N      CPU threads (default: one a core, at most 8)
#
# Interrupted? The same command goes on from the last checkpoint. Environment: that of tools/setup_env.sh.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_help.sh"
check_options "$@"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/setup_env.sh
exec "${SLAN_VENV:-$PWD/.venv}/bin/python" -W ignore tools/quickstart.py "$@"
