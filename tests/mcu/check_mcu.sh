#!/bin/sh
# A model as a C header with 8-bit weights on a Cortex-M33 (QEMU, board mps2-an505):
#
#     BUILD=build tests/mcu/check_mcu.sh [MODEL [SOUND.wav...]]
#
# MODEL: one of the size of configs/small.yaml; without it, one trained in a moment on synthesised drums.
# SOUNDS: WAV files of 16 bits or floats at the model's rate; without them, 13 synthesised ones. Builds
# it with no warning into 160 kB for code and weights and 192 kB for memory (tests/mcu/cortex_m33.ld),
# prints what of them it takes, and fails unless it gives the answers of the same header on this
# machine, to 1e-6, and those of the header in double, to 1e-4.
# --tools only says which of its tools are missing.
# Needs gcc-arm-none-eabi, libnewlib-arm-none-eabi, qemu-system-arm and python3.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
[ "${1:-}" != "" ] || set --
missing=
for tool in arm-none-eabi-gcc qemu-system-arm python3; do
    command -v $tool >/dev/null || missing="$missing $tool"
done
echo '#include <math.h>' | arm-none-eabi-gcc -E - >/dev/null 2>&1 || missing="$missing newlib"
[ "$missing" = "" ] || {
    echo "skipped: there is no$missing"
    exit 0
}
[ "${1:-}" != --tools ] || exit 0
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
sources=tests/mcu
# -std=c99 keeps products and sums apart, as on the host
flags="-std=c99 -ffunction-sections -fdata-sections -Wall -Wextra -Wconversion -Wdouble-promotion -Wfloat-conversion -Werror"
target="-Os -mcpu=cortex-m33 -mthumb -mfloat-abi=hard -mfpu=fpv5-sp-d16"

if [ $# -gt 0 ]; then
    model=$1
    shift
else
    model=$here/run/model.h5
    "$build/rimshot" train configs/small.yaml --out "$here/run" --quiet train.epochs=2 \
        'dataset=[{source: synth, per_class: 10}, {source: decoys, per_kind: 4}]' >/dev/null
fi
[ $# -gt 0 ] || {
    "$build/rimshot" data synth "$here/drums" --per-class 1 --seed 5 --quiet
    set -- "$here"/drums/*/*.wav
}
"$build/rimshot" export "$model" --to c --int8 --out "$here/drum.h" --quiet >/dev/null
python3 $sources/sounds.py "$(sed -n 's/^#define DRUM_SAMPLE_RATE *//p' "$here/drum.h")" "$@" >"$here/sounds.h"

# shellcheck disable=SC2086
arm-none-eabi-gcc $flags $target -I"$here" -nostartfiles --specs=nano.specs -Wl,--gc-sections \
    -T $sources/cortex_m33.ld $sources/answers.c $sources/cortex_m33.c -lm -o "$here/drum.elf"
arm-none-eabi-size -A "$here/drum.elf" | awk '
    $1 == ".text" || $1 == ".ARM.exidx" { rom += $2 }
    $1 == ".data" { rom += $2; ram += $2 }
    $1 == ".bss" { ram += $2 }
    END { print "code and weights " rom " bytes of " 160 * 1024; print "data " ram " bytes" }'
for form in double single; do
    single=
    [ $form = double ] || single=-DDRUM_SINGLE
    # shellcheck disable=SC2086
    cc $flags -O2 $single -I"$here" $sources/answers.c $sources/host.c -lm -o "$here/host"
    "$here/host" >"$here/$form.txt"
done
qemu-system-arm -M mps2-an505 -display none -icount shift=0 -chardev file,id=said,path="$here/board.txt" \
    -semihosting-config enable=on,target=native,chardev=said -kernel "$here/drum.elf"
awk -v n=$# '/^stack/ { print $0 " bytes" } /^instructions/ { printf "%.0f million instructions a sound\n", $2 / n }' "$here/board.txt"
printf 'Cortex-M33 and host, in single: '
python3 $sources/compare.py 1e-6 "$here/board.txt" "$here/single.txt"
printf 'single and double: '
python3 $sources/compare.py 1e-4 "$here/single.txt" "$here/double.txt"
