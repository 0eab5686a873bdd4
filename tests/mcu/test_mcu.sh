#!/bin/sh
# The small model on a microcontroller, where the tools for it are installed.
. tests/test.sh

export BUILD="${BUILD:-build}"

# section NAME FILE: what a configuration says under a key.
section() {
    awk -v name="$1:" '/^[a-z]/ { inside = $1 == name } inside && !/^ *#/' "$2"
}
hears_the_same() {
    for key in dataset audio features augment; do
        section $key configs/model.yaml >"$folder/model"
        section $key configs/small.yaml >"$folder/small"
        [ -s "$folder/model" ] || return 1
        diff "$folder/model" "$folder/small" || return 1
    done
}
check "small.yaml hears what model.yaml does" hears_the_same

fits() {
    tests/mcu/check_mcu.sh >"$folder/report" && cat "$folder/report"
}
does_not_fit() {
    ! tests/mcu/check_mcu.sh models/rimshot.h5 >"$folder/link" 2>&1 && grep "region .FLASH. overflowed" "$folder/link"
}
if grep -q -e __asan_init -e __tsan_init "$BUILD/rimshot"; then
    echo "note: the microcontroller is left to builds without sanitizers"
elif said=$(tests/mcu/check_mcu.sh --tools) && [ "$said" != "" ]; then
    echo "note: the Cortex-M33 is left out: ${said#skipped: }"
else
    check "the small model fits a Cortex-M33 and answers as on the host" fits
    sed 's/^/note: /' "$folder/report"
    check "a model that needs more does not link" does_not_fit
fi
finish
