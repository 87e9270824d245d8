#!/usr/bin/env bash
# Evaluates under Slurm, one task a GPU.
#   GPUS=8 bash tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]
# Environment: GPUS (8), GPUS_PER_NODE (8), CPUS_PER_TASK (5), SRUN_ARGS; PYTHON names the interpreter.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_help.sh"
check_arguments 4 "$@"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
per_node=${GPUS_PER_NODE:-8}
# shellcheck disable=SC2086  # SRUN_ARGS holds several arguments
PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" exec srun -p "$1" --job-name="$2" \
    --gres="gpu:$per_node" --ntasks="${GPUS:-8}" --ntasks-per-node="$per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$root/tools/test.py" "$3" "$4" --launcher slurm "${@:5}"
