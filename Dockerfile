# slan_mm in a container. The steps are those of an installation by hand: docs/install.md.
#
#   docker build -t slan_mm .                                                              # CPU
#   docker build -t slan_mm --build-arg BASE=nvidia/cuda:12.8.1-devel-ubuntu24.04 .        # GPU
#   docker run --rm slan_mm --help
#   docker run --rm --gpus all -v "$PWD/work_dirs:/slan_mm/work_dirs" slan_mm train configs/pretrain/slan_tiny_shapes.py
#
# A GPU needs a base with nvcc: mmcv's CUDA operators are compiled. Extras: --build-arg EXTRAS='app video', or all.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
ARG EXTRAS=app
# An index of your own, if PyPI is not to be asked.
ARG PIP_INDEX_URL
ARG DEBIAN_FRONTEND=noninteractive

RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv python3-dev g++ libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /slan_mm
# What takes long comes first: mmcv is not compiled again when only the code has changed.
COPY pyproject.toml setup.py README.md LICENSE requirements.txt ./
COPY requirements requirements
COPY tools tools
COPY slan_mm slan_mm
RUN PIP_NO_CACHE_DIR=1 bash tools/setup_env.sh --extra ${EXTRAS}
COPY . .
RUN .venv/bin/python tools/doctor.py

ENV PATH=/slan_mm/.venv/bin:$PATH
ENTRYPOINT ["slan"]
CMD ["--help"]
