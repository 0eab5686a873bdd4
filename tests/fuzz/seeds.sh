#!/bin/sh
# usage: RIMSHOT=build/rimshot tests/fuzz/seeds.sh CORPUS   Makes the first inputs of every target.
set -eu
corpus=$1
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
for target in h5 model yaml network csv safetensors npz keras audio hydrogen; do
    mkdir -p "$corpus/$target"
done

cat >"$temporary/tiny.yaml" <<'END'
name: tiny
dataset: {source: synth, per_class: 4, classes: [kick, snare, clap]}
audio: {sample_rate: 8000, seconds: 0.25}
features: {n_fft: 256, hop: 128, n_mels: 16}
network: [{conv2d: {out: 4, kernel: 3, pad: same}}, batch_norm, relu, {max_pool: 2}, to_sequence, {gru: 4}, {time_pool: mean}, {linear: classes}]
train: {epochs: 1, batch: 8}
folds: {k: 2}
END
export RIMSHOT_CACHE="$temporary/cache"
"$RIMSHOT" train "$temporary/tiny.yaml" --out "$temporary/run" --quiet
model=$temporary/run/model.h5
for kind in h5 model; do
    tail -c +513 "$model" >"$corpus/$kind/model"
    tail -c +513 "$temporary/run/fold1/last.h5" >"$corpus/$kind/checkpoint"
done
"$RIMSHOT" export "$model" --to safetensors -o "$corpus/safetensors/model" >"$temporary/log"
"$RIMSHOT" export "$model" --to npz -o "$corpus/npz/model" >"$temporary/log"
cp "$temporary/run/folds.csv" "$temporary/run/manifest.csv" "$corpus/csv"
printf 'path,label,n\n"a, ""b""\n",kick,1\r\n' >"$corpus/csv/quoted"
cp "$temporary/tiny.yaml" "$temporary/run/config.yaml" configs/demo.yaml "$corpus/yaml"
cp configs/systems/networks/resnet34.yaml "$corpus/yaml"
layers='[{conv2d: {out: 4, kernel: 3, pad: same}}, batch_norm, relu, {max_pool: {kernel: 3, stride: 2, pad: 1}}'
printf 'abc%s, to_sequence, {gru: {hidden: 4, bidirectional: true}}, {time_pool: [mean, max, std]}, {linear: classes}]' "$layers" >"$corpus/network/recurrent"
printf 'abc%s, {residual: {body: [{conv2d: {out: 4, kernel: [1, 3], pad: same, groups: 4}}, {gate: [global_pool, {linear: 4}, sigmoid]}]}}, {concat: [[], [{avg_pool: 2}]]}, flatten, layer_norm, {dropout: 0.1}, {linear: classes}]' "$layers" >"$corpus/network/nested"
printf 'abc[{repeat: {for: {out: [2, 4]}, body: [{conv2d: 3}, {batch_norm: {eps: 1e-3}}, gelu, {adaptive_pool: [4, 4]}]}}, {permute: [1, 0, 2]}, {to_sequence: {}}, {lstm: 3}, {rnn: 2}, {forest: {trees: 2, depth: 2}}]' >"$corpus/network/repeated"
"$RIMSHOT" data synth "$temporary/sounds" --per-class 1 >"$temporary/log"
find "$temporary/sounds" -name '*.wav' | head -n 1 | while read -r sound; do
    head -c 4000 "$sound" >"$corpus/audio/wav"
done
cat >"$corpus/hydrogen/kit" <<'END'
<?xml version="1.0"?><drumkit_info xmlns="http://www.hydrogen-music.org/drumkit"><name>kit</name><instrumentList>
<instrument><id>0</id><name>Kick</name><filename>a.wav</filename><layer><filename>b.flac</filename><min>0</min><max>1</max></layer>
<instrumentComponent><layer><filename>c.wav</filename></layer></instrumentComponent></instrument></instrumentList></drumkit_info>
END
printf 'c\0c/kernel:0\0\004\0\0\0\0\0\0\0\001\0\0\0\0\0\0\0\001\0\0\0\0\0\0\0\001\0\0\0\0\0\0\0\002\0\0\0\0\0\0\0abcdefgh' >"$corpus/keras/kernel"
printf 'g\0g/gru_cell/recurrent_kernel:0\0\002\0\0\0\0\0\0\0\001\0\0\0\0\0\0\0\003\0\0\0\0\0\0\0abcdefghijkl' >"$corpus/keras/gru"
