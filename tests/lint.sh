#!/bin/sh
# Checks what the compiler does not: which folder may include which, where third-party headers stand,
# what libraries must not call. Prints each offence as file:line: text; exit status 1 if any.
set -eu
cd "$(dirname "$0")/.."
offences=$(mktemp)
trap 'rm -f "$offences"' EXIT

# allow_only FOLDER PATTERN: a folder includes only folders that match.
allow_only() {
    grep -Hn '^#include "[a-z/]*/' "$1"/*.[ch] | grep -Ev "#include \"($2)/[a-z0-9_]*(\.pb-c)?\.(h|def)\"" |
        sed "s#\$#   ($1 includes only: $2)#" >>"$offences" || true
}
allow_only base 'base'
allow_only dsp 'base|dsp'
allow_only nn/kernels 'base|nn/kernels'
allow_only nn 'base|nn/kernels|nn'
allow_only nn/layers 'base|nn/kernels|nn|nn/layers'
allow_only nn/classifiers 'base|nn/kernels|nn|nn/classifiers'
allow_only data 'base|dsp|data'
allow_only data/sources 'base|dsp|data|data/sources'
below_infer='base|dsp|nn/kernels|nn|nn/layers|nn/classifiers|data'
allow_only infer "$below_infer|infer"
allow_only infer/import "$below_infer|infer|infer/import"
allow_only infer/export "$below_infer|infer|infer/export"
below_train="$below_infer|infer|infer/import|infer/export"
allow_only train "$below_train|train"
allow_only train/report 'base|dsp|train|train/report'
allow_only train/study "$below_train|train|train/report|train/study"
allow_only cli "$below_train|data/sources|train|train/report|train/study|cli"

libraries='base dsp nn data infer train'

# only_in HEADERS FILES: third-party headers that match stand in these files alone.
only_in() {
    # shellcheck disable=SC2086
    find $libraries cli -name '*.[ch]' -exec grep -HnE "^#include <($1)" {} + |
        grep -Ev "^($2):" | sed "s#\$#   (belongs to $2)#" >>"$offences" || true
}
only_in 'cblas|openblas_config' 'nn/kernels/gemm\.c'
only_in 'fftw3' 'dsp/fft\.c'
only_in 'sndfile' 'dsp/sound_memory\.h'
only_in 'soxr' 'dsp/resample\.c'
only_in 'hdf5' 'base/h5\.c'
only_in 'yaml' 'base/yaml\.c'
only_in 'libxml/' 'data/sources/hydrogen\.c'
only_in 'xxhash' 'base/file\.c'
only_in 'cairo' 'train/report/plot_canvas\.[ch]'
only_in 'cjson/' 'train/facts\.c|infer/import/safetensors\.c'
only_in 'protobuf-c' 'train/tensorboard\.c'
only_in 'linear' 'nn/classifiers/linear\.c'
only_in 'libsvm/' 'nn/classifiers/svm\.c'

# without_comments: code lines as file:line:text, comments and strings left out.
without_comments() {
    # shellcheck disable=SC2086
    find $libraries "$@" -name '*.[ch]' -exec awk '
        FNR == 1 { inside = 0 }
        {
            line = $0
            gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
            if (inside && sub(/^.*\*\//, "", line)) inside = 0
            if (inside) next
            gsub(/\/\*[^*]*\*+([^\/*][^*]*\*+)*\//, "", line)
            if (sub(/\/\*.*$/, "", line)) inside = 1
            print FILENAME ":" FNR ":" line
        }' {} +
}

without_comments | grep -E '[^a-z_.>](printf|puts|putchar|vprintf|perror|exit|_exit|abort) *\(' |
    grep -Ev '^base/(status|isolated)\.c:' | sed 's|$|   (libraries never print or exit)|' >>"$offences" || true
without_comments cli |
    grep -E '[^a-z_.>](strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|rand|srand) *\(' |
    grep -Ev '^nn/classifiers/linear\.c:[0-9]+: *srand\(' | sed 's|$|   (banned)|' >>"$offences" || true

if command -v shellcheck >/dev/null 2>&1; then
    shellcheck tests/*.sh >>"$offences" || true
fi

cat "$offences"
[ ! -s "$offences" ]
