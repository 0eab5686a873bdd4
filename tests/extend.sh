#!/bin/sh
# Follows CONTRIBUTING.md in a copy of the tree: adds an elementwise layer, a layer with arithmetic
# of its own, an effect, a data source, an export format and a metric, counts the files that each of
# them touches, builds, trains an epoch with all of them and exports the model. What is added stands
# in tests/extend/.
. tests/test.sh

build=${BUILD:-build}
tree=$folder/tree
before=$folder/before
sources=$(make -s folders | tr ' ' '\n' | cut -d / -f 1 | sort -u)

mkdir -p "$tree/$build"
# shellcheck disable=SC2086
cp -a Makefile $sources "$tree"
cp -a "$tree" "$before"
for made in obj generated librimshot.a; do cp -a "$build/$made" "$tree/$build"; done

# touches N WHAT: what was done since the last call touched at most N files.
touches() {
    diff -rqN -x "$build" "$before" "$tree" >"$folder/touched"
    check "$2 touches $1 files: $(cat "$folder/touched")" \
        test "$(wc -l <"$folder/touched")" -le "$1" -a -s "$folder/touched"
    rm -rf "$before"
    mkdir "$before"
    # shellcheck disable=SC2086
    (cd "$tree" && cp -a Makefile $sources "$before")
}
# put FILE PATTERN: puts standard input before the first line of the file that matches.
put() {
    awk -v pattern="$2" '
        FNR == NR { text = text $0 "\n"; next }
        !done && $0 ~ pattern { printf "%s", text; done = 1 }
        { print }' - "$tree/$1" >"$folder/edited" && cat "$folder/edited" >"$tree/$1"
}

cp tests/extend/hard_swish.c "$tree/nn/layers"
echo 'NN_LAYER(hard_swish)' >>"$tree/nn/layers.def"
touches 2 "an elementwise layer"

cp tests/extend/feature_scale.c "$tree/nn/layers"
echo 'NN_LAYER(feature_scale)' >>"$tree/nn/layers.def"
cat >>"$tree/infer/export/c/layers.c" <<'EOF'

static void model_feature_scale(const float *x, float *y, int rows, int width,
        const float *weight) {
    for (int i = 0; i < rows * width; i++) y[i] = x[i] * weight[i % width];
}
EOF
put infer/export/onnx_layers.c '^/. ---- the network' <<'EOF'
static infer_onnx_value emit_feature_scale(const infer_onnx_layer *call) {
    return INFER_OP(call->onnx, "Mul", call->x[0], weight_of(call, "weight"));
}

EOF
put infer/export/onnx_layers.c '^    {&nn_layer_permute, ' <<'EOF'
    {&nn_layer_feature_scale, emit_feature_scale, KEEPS_ZEROS},
EOF
touches 4 "a layer with arithmetic of its own"

cp tests/extend/reverse.c "$tree/data"
echo 'DATA_EFFECT(reverse)' >>"$tree/data/effects.def"
touches 2 "an effect"

cp tests/extend/tones.c "$tree/data/sources"
echo 'DATA_SOURCE(tones)' >>"$tree/data/sources.def"
touches 2 "a data source"

cp tests/extend/shapes.c "$tree/infer/export"
echo 'INFER_EXPORTER(shapes)' >>"$tree/infer/export/exporters.def"
touches 2 "an export format"

put train/metrics.c '^/. The first five' <<'EOF'
static double error_rate(const train_predictions *p, const train_metrics *m) {
    return 1 - accuracy(p, m);
}

EOF
sed -i 's/^\(  *{{"calibration", .*}\)};$/\1,\n             {{"error", "error rate", true, false}, error_rate}};/' \
    "$tree/train/metrics.c"
touches 1 "a metric"

# Compiled without optimisation, which takes a quarter of the time.
flags="$(make -s print-CFLAGS) -O0"
check "it builds" make -s -C "$tree" -j2 CFLAGS="$flags" "$build/rimshot"

cat >"$folder/all.yaml" <<'EOF'
name: all
dataset: {source: tones, per_class: 8}
audio: {sample_rate: 8000, seconds: 0.25}
features: {kind: log_mel, n_fft: 256, hop: 256, n_mels: 8}
augment:
  - reverse: {p: 0.5}
network:
  - conv2d: {out: 4, kernel: 3, pad: same}
  - batch_norm
  - hard_swish
  - to_sequence
  - feature_scale
  - time_pool: mean
  - hard_swish
  - linear: classes
train: {epochs: 1, batch: 8}
folds: {k: 2}
EOF
rimshot=$tree/$build/rimshot
run=$folder/run
export RIMSHOT_CACHE="$folder/cache"
check "it trains" "$rimshot" train "$folder/all.yaml" --out "$run"
check "the metric is reported" grep -q '"error"' "$run/summary.json"
for format in onnx c shapes; do
    check "it exports to $format" "$rimshot" export "$run/model.h5" --to "$format" -o "$run/model.$format"
done
check "the exported C gives the model's numbers" \
    "$rimshot" export "$run/model.h5" --to c --with-features -o "$run/model.h" --verify
# A format without `verify`; the mistake is told before anything is written.
"$rimshot" export "$run/model.h5" --to shapes -o "$run/never" --verify 2>"$folder/refused" && status=0 || status=$?
check "what cannot be verified is refused (exit status $status)" test "$status" -eq 2
check "the message names the format" grep -q 'shapes cannot be verified' "$folder/refused"
check "nothing is written then" test ! -e "$run/never"
check "the new format is written" grep -q 'feature_scale.weight\|weight,32' "$run/model.shapes"

finish
