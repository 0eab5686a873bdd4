#!/bin/sh
# Every command of docs/tutorial.md, typed as it stands there, does what the text says: the same words
# and layout, with exit status 0 or the one in brackets at the end. Numbers may differ, "..." stands
# for any lines.
. tests/test.sh

program=$(cd "${BUILD:-build}" && pwd)
PATH=$program:$PATH RIMSHOT_CACHE=$folder/cache
export PATH RIMSHOT_CACHE
mkdir "$folder/steps" "$folder/here"

# Cuts the page into steps, NUMBER.do and NUMBER.say, and into files to be saved, NUMBER.NAME.
awk -v steps="$folder/steps" '
/^<!-- file: / { name = $3; next }
/^```/ && inside { inside = 0; name = ""; next }
/^```console/ { inside = "console"; next }
/^```/ && name != "" { inside = "file"; n++; next }
inside == "file" { print > sprintf("%s/%02d.save.%s", steps, n, name); next }
inside == "console" && /^\$ / { n++; print substr($0, 3) > sprintf("%s/%02d.do", steps, n); at = n; next }
inside == "console" { print > sprintf("%s/%02d.say", steps, at) }
' docs/tutorial.md

# Digits, and what stands for none, are the same; so is white space of any width. Second guesses in
# brackets are those of one machine.
normal() {
    sed -e 's/  ([^)]*)$//' -e 's/·/0/g' -e 's/[-+]\{0,1\}[0-9][0-9.,e]*[0-9]\{0,1\}/0/g' -e 's/  */ /g' -e 's/-0/0/g' "$1"
}

# agrees WANT GOT: line by line; "..." takes as few lines as will do.
agrees() {
    normal "$1" >"$folder/want"
    normal "$2" >"$folder/got"
    awk 'NR == FNR { want[++n] = $0; next }
        { got[++m] = $0 }
        END {
            i = 1
            for (j = 1; j <= m; j++) {
                if (want[i] == got[j]) { i++; any = 0; continue }
                if (want[i] == "..." && i < n && want[i + 1] == got[j]) { i += 2; continue }
                if (want[i] != "...") {
                    print "line " j ": " got[j]; print "not: " want[i]; exit 1
                }
            }
            if (want[i] == "...") i++
            if (i <= n) { print "missing: " want[i]; exit 1 }
        }' "$folder/want" "$folder/got"
}

# says STEP: runs it, in the folder of the tutorial.
says() {
    want=$folder/steps/$1.say
    [ -e "$want" ] || : >"$want"
    status=$(sed -n 's/^\[\([0-9]*\)\]$/\1/p' "$want")
    sed -i '/^\[[0-9]*\]$/d' "$want"
    (cd "$folder/here" && sh "../steps/$1.do") >"$folder/output" 2>"$folder/errors"
    got=$?
    cat "$folder/errors"
    [ "$got" -eq "${status:-0}" ] && agrees "$want" "$folder/output"
}

for step in "$folder"/steps/*; do
    name=${step##*/}
    case $name in
    *.save.*) cp "$step" "$folder/here/${name#*.save.}" ;;
    *.do) check "$(cat "$step")" says "${name%.do}" ;;
    esac
done
check "the tutorial has commands" test "$checks" -ge 10
finish
