#!/usr/bin/env bash
# Makes pseudo-labels in several processes; without GPUs they are CPU processes that talk over gloo.
#   bash tools/dist_pseudo_label.sh CONFIG CHECKPOINT DATA PROCESSES [options of tools/pseudo_label.py]
# Environment: NNODES, NODE_RANK, MASTER_ADDR and PORT for several machines; PYTHON names the interpreter.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_help.sh"
check_arguments 4 "$@"
config=$1 checkpoint=$2 data=$3 processes=$4
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    --nproc_per_node="$processes" "$root/tools/pseudo_label.py" "$config" "$checkpoint" "$data" \
    --launcher pytorch "${@:5}"
