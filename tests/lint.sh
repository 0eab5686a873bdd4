#!/bin/sh
# Checks what the compiler does not: which folder may include which, circles, where third-party
# headers stand, what is declared above its definition, what libraries must not call.
# usage: tests/lint.sh [TREE]   Prints each offence as file:line: text; exit status 1 if any.
#
# The tables of docs/architecture.md are the rules: the folders from the top down with what each may
# include, and the files that wrap a library's header.
set -eu
cd "${1:-$(dirname "$0")/..}"
offences=$(mktemp)
trap 'rm -f "$offences"' EXIT
folders=$(MAKEFLAGS='' make -s folders)

sources() { # the sources of the folders, one a line; arguments for find come after a path each
    for folder in $folders; do
        find "$folder" -maxdepth 1 -name '*.[ch]'
    done | sort
}

# Every folder's row may name only folders below it, which are those before it in the Makefile.
# shellcheck disable=SC2046
awk -v folders="$folders" '
    function complain(text) { print FILENAME ":" FNR ": " text }
    function expand(word,   i, all) { # "nn/*" is nn and its sub-folders, "*" everything
        all = ""
        for (i = 1; i <= n; i++) {
            if (word == "*" || order[i] == word ||
                (word ~ /\/\*$/ && index(order[i] "/", substr(word, 1, length(word) - 1)) == 1)) {
                all = all " " i
            }
        }
        return all
    }
    BEGIN { n = split(folders, order, " "); next_row = n }
    FNR == NR {
        if ($0 !~ /^\| `[a-z\/]*\/` \|/) next
        split($0, cell, / *\| */)
        folder = cell[2]
        gsub(/`|\/`/, "", folder)
        sub(/\/$/, "", folder)
        if (next_row < 1 || folder != order[next_row]) {
            complain("the row of " folder " is out of place: the Makefile has " order[next_row])
        }
        may[folder, folder] = 1
        rest = cell[4]
        while (match(rest, /`[^`]+`/)) {
            word = substr(rest, RSTART + 1, RLENGTH - 2)
            rest = substr(rest, RSTART + RLENGTH)
            m = split(expand(word), hit, " ")
            if (m == 0) complain("no folder is called " word)
            for (i = 1; i <= m; i++) {
                if (word != "*" && hit[i] >= next_row) {
                    complain(folder " may not include " order[hit[i]] ", which is above it")
                }
                may[folder, order[hit[i]]] = 1
            }
        }
        next_row--
        next
    }
    FNR == 1 {
        if (next_row > 0) {
            print "docs/architecture.md:1: no row for " order[next_row]
            next_row = 0
        }
        own = FILENAME
        sub(/\/[^\/]*$/, "", own)
    }
    /^ *# *include *"/ {
        other = $0
        sub(/^[^"]*"/, "", other)
        sub(/".*$/, "", other)
        sub(/\/?[^\/]*$/, "", other)
        if (!((own, other) in may)) complain($0 "   (" own " must not include " other ")")
    }' docs/architecture.md $(sources) >>"$offences"

# A unit is a source with its header; units must not include each other in a circle. UNIT_* is a part
# of UNIT: it may include the header of the whole.
# shellcheck disable=SC2046
awk '
    function unit(path) { sub(/\.[ch]$/, "", path); return path }
    function leads(start, goal,   todo, seen, left, at, i) {
        todo[left = 1] = start
        seen[start] = 1
        while (left > 0) {
            at = todo[left--]
            if (at == goal) return 1
            for (i = first[at]; i > 0; i = another[i]) {
                if (from[i] == "" || to[i] in seen) continue
                seen[to[i]] = 1
                todo[++left] = to[i]
            }
        }
        return 0
    }
    FNR == 1 { own = unit(FILENAME) }
    /^ *# *include *"/ {
        other = $0
        sub(/^[^"]*"/, "", other)
        sub(/".*$/, "", other)
        other = unit(other)
        if (other == own) next
        n++
        from[n] = own; to[n] = other; place[n] = FILENAME ":" FNR ": " $0
        another[n] = first[own]; first[own] = n
    }
    END {
        for (i = 1; i <= n; i++) {
            if (index(from[i], to[i] "_") == 1) from[i] = ""
        }
        for (i = 1; i <= n; i++) {
            if (from[i] != "" && leads(to[i], from[i])) print place[i] "   (part of a circle)"
        }
    }' $(sources) >>"$offences"

# Third-party headers stand in the files of the second table alone: | library | header | files |
# shellcheck disable=SC2046
awk '
    FNR == NR {
        if ($0 !~ /^\| [^|]+ \| `<[^|]+ \| `/) next
        split($0, cell, / *\| */)
        gsub(/[`<>,]/, " ", cell[3])
        gsub(/[`,]/, " ", cell[4])
        n = split(cell[3], header, " ")
        m = split(cell[4], file, " ")
        for (i = 1; i <= n; i++) {
            wrapped[header[i]] = 1
            for (j = 1; j <= m; j++) may[header[i], file[j]] = 1
        }
        next
    }
    /^ *# *include *</ {
        header_name = $0
        sub(/^[^<]*</, "", header_name)
        sub(/>.*$/, "", header_name)
        for (key in wrapped) {
            if (header_name != key && !(key ~ /\/$/ && index(header_name, key) == 1)) continue
            if (!((key, FILENAME) in may)) {
                print FILENAME ":" FNR ": " $0 "   (belongs to the files that wrap it)"
            }
        }
    }' docs/architecture.md $(sources) >>"$offences"

# without_comments FILE...: code lines as file:line:text, without comments and strings.
without_comments() {
    awk '
        FNR == 1 { inside = 0 }
        {
            line = $0
            gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
            if (inside && sub(/^.*\*\//, "", line)) inside = 0
            if (inside) next
            gsub(/\/\*[^*]*\*+([^\/*][^*]*\*+)*\//, "", line)
            if (sub(/\/\*.*$/, "", line)) inside = 1
            print FILENAME ":" FNR ":" line
        }' "$@"
}

# A function is defined above its uses. Only functions that call each other are declared before.
# shellcheck disable=SC2046
without_comments $(sources | grep '\.c$') | awk '
    function name_of(text) {
        if (!match(text, /[^A-Za-z0-9_][a-z_][a-z0-9_]*\(/)) return ""
        return substr(text, RSTART + 1, RLENGTH - 2)
    }
    function reaches(start, goal,   todo, seen, n, at, i, key, parts) {
        n = 1; todo[1] = start; seen[start] = 1
        while (n > 0) {
            at = todo[n--]
            for (i = 1; i <= n_functions; i++) {
                if (!((at, functions[i]) in uses) || functions[i] in seen) continue
                if (functions[i] == goal) return 1
                seen[functions[i]] = 1
                todo[++n] = functions[i]
            }
        }
        return 0
    }
    function finish(   i, p, f, fine) {
        for (p = 1; p <= n_declared; p++) {
            fine = 0
            for (i = 1; i <= n_functions && !fine; i++) {
                f = functions[i]
                if (line_of[f] > declared_at[p] && line_of[f] < line_of[declared[p]] &&
                    (f, declared[p]) in uses) fine = reaches(declared[p], f)
            }
            if (!fine) {
                print file ":" declared_at[p] ": " declared[p] \
                    " is declared above its definition   (define it before its use)"
            }
        }
        n_declared = n_functions = 0
        split("", uses); split("", line_of)
        head = ""; current = ""
    }
    {
        match($0, /^[^:]*:[0-9]+:/)
        place = substr($0, 1, RLENGTH - 1)
        text = substr($0, RLENGTH + 1)
        number = place; sub(/^.*:/, "", number); number += 0
        sub(/:[0-9]+$/, "", place)
        if (place != file) { finish(); file = place }
    }
    current != "" { # within a function, up to the brace in the first column
        if (text ~ /^}/) { current = ""; next }
        while (match(text, /[A-Za-z_][A-Za-z0-9_]*/)) {
            uses[current, substr(text, RSTART, RLENGTH)] = 1
            text = substr(text, RSTART + RLENGTH)
        }
        next
    }
    text ~ /^#/ || text ~ /\\$/ { head = ""; next }
    head == "" && text ~ /^[a-z_]/ { head = " "; head_line = number }
    head != "" {
        head = head text " "
        if (text ~ /; *$/) {
            if (head ~ /\) *; *$/ && head !~ /=/ && head !~ /^ (typedef|extern|_)/) {
                n_declared++
                declared[n_declared] = name_of(head)
                declared_at[n_declared] = head_line
                if (declared[n_declared] == "") n_declared--
            }
            head = ""
        } else if (text ~ /{ *$/) {
            if (head !~ /=/ && name_of(head) != "") {
                current = name_of(head)
                functions[++n_functions] = current
                line_of[current] = head_line
            }
            head = ""
        }
    }
    END { finish() }' >>"$offences"

# shellcheck disable=SC2046
without_comments $(sources | grep -v '^cli/') |
    grep -E '[^a-z_.>](printf|puts|putchar|vprintf|perror|exit|_exit|abort) *\(' |
    grep -Ev '^base/(status|isolated)\.c:' | sed 's|$|   (libraries never print or exit)|' >>"$offences" || true
# shellcheck disable=SC2046
without_comments $(sources) |
    grep -E '[^a-z_.>](strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|rand|srand) *\(' |
    grep -Ev '^nn/classifiers/linear\.c:[0-9]+: *srand\(' | sed 's|$|   (banned)|' >>"$offences" || true

if command -v shellcheck >/dev/null 2>&1; then
    shellcheck tests/*.sh tests/*/*.sh >>"$offences" || true
fi

cat "$offences"
[ ! -s "$offences" ]
