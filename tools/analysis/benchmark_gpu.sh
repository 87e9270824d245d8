#!/usr/bin/env bash
# Times SLAN beside BLIP on a GPU, in at most 8 minutes:
#
#   bash tools/analysis/benchmark_gpu.sh [OPTIONS]
#
# Runs tools/analysis/benchmark_gpu.py for the models with ResNet-50 and ViT-B/16: training steps in bfloat16 at the
# largest batch that fits, eager and compiled, and pairs per second of the cascade. OPTIONS are that tool's. What is not
# done when the time is over is missing; each row is printed as soon as it is measured. SLAN_GPU_CONFIGS names other
# configs, SLAN_GPU_SECONDS another limit.
set -euo pipefail
case " $* " in *' --help '* | *' -h '*) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
read -ra configs <<< "${SLAN_GPU_CONFIGS:-configs/pretrain/slan_r50_14m.py configs/pretrain/slan_vit-b_14m.py}"
limit=${SLAN_GPU_SECONDS:-470}
for number in "${!configs[@]}"; do
    # What is left is shared among the configs that are left.
    left=$(( (limit - SECONDS) / (${#configs[@]} - number) ))
    timeout "$left" python tools/analysis/benchmark_gpu.py "${configs[$number]}" "$@" \
        || echo "${configs[$number]}: ended with $? within $left s"
done
