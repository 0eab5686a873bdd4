#!/bin/sh
# Measures exported C headers against the program on real sounds:
#
#     BUILD=build tests/infer/check_export_c.sh MODEL FOLDER [PREDICTIONS]
#
# FOLDER: any sounds. PREDICTIONS: a fold's predictions.csv, if the model is that fold's, for the
# share that is right on sounds not trained on. Builds the header, as floats, in single precision and
# as integers, with every compiler that is there, checks its flags, symbols and test vectors, prints
# sizes, largest difference and time per sound. Fails where one with float weights differs by more
# than 1e-4.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
model=$1 folder=$2 predictions=${3:-}
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
strict="-Wall -Wextra -Wconversion -Wdouble-promotion -Werror"
packages="openblas fftw3 sndfile soxr hdf5 yaml-0.1 libcjson libxml-2.0 libxxhash zlib cairo libprotobuf-c"

header_source() {
    printf '#define DRUM_MODEL_IMPLEMENTATION\n#include "drum_model.h"\n'
    printf 'const size_t header_work_bytes = sizeof(drum_model_work);\n'
    printf 'int header_classify(const float *x, int channels, int n, void *work, float *p);\n'
    printf 'int header_classify(const float *x, int channels, int n, void *work, float *p) {\n'
    printf '    return drum_model_classify(x, channels, n, (drum_model_work *)work, p);\n}\n'
}

# check COMPILER LIMIT
check() {
    "$1" -std=c99 -O3 $strict $single -c "$here/header.c" -o "$here/header.o"
    if nm -u "$here/header.o" | grep -qE 'alloc|free'; then
        echo "the header allocates" >&2
        exit 1
    fi
    "$1" -std=c99 -O3 $strict $single -DDRUM_MODEL_TEST -x c "$here/drum_model.h" -lm -o "$here/self"
    "$here/self" | tail -1 | sed 's/^/  test vectors: /'
    # shellcheck disable=SC2046,SC2086
    cc -std=c11 -D_GNU_SOURCE -O2 -I. -DLIMIT="$2" $(pkg-config --cflags $packages) \
        tests/infer/check_export_c.c "$here/header.o" "$build/librimshot.a" \
        $(pkg-config --libs $packages) -llinear -lsvm -lm -pthread -o "$here/check"
    "$here/check" "$model" "$folder" $predictions
    size -A "$here/header.o" | awk '/^\.text|^\.rodata|^\.data/ { n += $2 } END { print "  object: " n " bytes" }'
}

header_source > "$here/header.c"
for form in float single int8; do
    limit=1e-4
    flag=
    single=
    if [ $form = single ]; then single=-DDRUM_MODEL_SINGLE; fi
    if [ $form = int8 ]; then limit=1 flag=--int8; fi
    "$build/rimshot" export "$model" --to c $flag --out "$here/drum_model.h" --quiet > /dev/null
    for compiler in gcc clang; do
        command -v $compiler > /dev/null || continue
        echo "$form, $compiler: header of $(wc -c < "$here/drum_model.h") bytes"
        check $compiler $limit
    done
    sed -n '/^ \* Weights/p' "$here/drum_model.h"
done
