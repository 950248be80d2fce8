#!/bin/sh
# On the machine with the card, in the root of the tree: bench/gpu/borrow.sh TRIAL [options of bench.gpu run].
# Wheels that were carried in .whl are installed first. $OUT is where results go.
set -e
if ls .whl/*.whl >/dev/null 2>&1; then
    python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target /tmp/site .whl/*.whl
    PYTHONPATH=/tmp/site:$PYTHONPATH
fi
export PYTHONPATH=$PWD/src:$PWD:$PYTHONPATH PYTHONUNBUFFERED=1
exec python3 -m bench.gpu run "$@"
