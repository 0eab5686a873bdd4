#!/bin/sh
# Holds the C header and the ONNX export of many random networks against the program:
#
#     BUILD=build tests/infer/check_networks.sh [N]
#
# The networks and the check of their headers are those of tests/infer/export/test_networks.c, of which
# `make check` builds a few; here N more of them (200), and each model is exported to ONNX with
# --verify. python3 needs numpy and onnxruntime (1.32.0). Fails where a probability differs by more
# than 1e-4.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
RIMSHOT_NETWORKS=${1:-200} RIMSHOT_KEEP=$here "$build/tests/infer/export/test_networks"
for model in "$here"/*.h5; do
    if ! "$build/rimshot" export "$model" --to onnx --verify --quiet --out "$here/net.onnx" >>"$here/log"; then
        sed -n "s,#include \"$(basename "$model" .h5).h\",network:,p" "$here/all.c"
        exit 1
    fi
done
awk '$NF > most { most = $NF } END { print NR " networks in onnxruntime, largest difference " most }' "$here/log"
