#!/bin/sh
# Loads kits that `rimshot kit` makes into the programs they are for, or into independent parsers:
#
#     BUILD=build tests/infer/library/check_kit.sh FOLDER
#
# FOLDER: any drum sounds; they are only read. Hydrogen's h2cli (Debian package hydrogen) checks and
# installs the kit in a home of its own; sfzlint and sfzen (Python packages, in PYTHON's environment)
# parse the SFZ, and the files that it and the Decent Sampler preset name must be there. What is
# missing is skipped with a word.
set -eu
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/../../.."
program=$PWD/${BUILD:-build}/rimshot
python=${PYTHON:-python3}
bin=$(dirname "$(command -v "$python")")
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
say() { printf '%-10s %s\n' "$1" "$2"; }

"$program" kit "$folder" --per-drum 2 --name "Test Kit" --index "$here/index.h5" --quiet || [ $? = 1 ]
n_sounds=$(find kit/samples -name '*.wav' | wc -l)
say rimshot "$n_sounds sounds"

if command -v h2cli >/dev/null; then
    export HOME="$here" QT_QPA_PLATFORM=offscreen
    h2cli --check "kit/Test Kit.h2drumkit" 2>/dev/null | grep -q 'is valid' || { say h2cli "refuses the kit"; exit 1; }
    h2cli --install "kit/Test Kit.h2drumkit" >/dev/null 2>&1 || true
    installed=$(find .hydrogen -path '*Test Kit/*.wav' | wc -l)
    [ "$installed" = "$n_sounds" ] || { say h2cli "installs $installed sounds"; exit 1; }
    say h2cli "valid; installs $installed sounds"
else
    say h2cli "skipped: not installed"
fi

if [ -x "$bin/sfzlint" ]; then
    "$bin/sfzlint" "kit/Test Kit.sfz" && say sfzlint "no complaint"
else
    say sfzlint "skipped: not installed"
fi

if "$python" -c 'import sfzen' 2>/dev/null; then
    "$python" - "$n_sounds" <<'END'
import os, sys, sfzen
regions = list(sfzen.SFZ("kit/Test Kit.sfz").regions())
files = {region.sample for region in regions}
absent = [file for file in files if not os.path.exists(os.path.join("kit", file))]
print("%-10s %d regions, %d files, %d absent" % ("sfzen", len(regions), len(files), len(absent)))
sys.exit(absent != [] or len(files) != int(sys.argv[1]))
END
else
    say sfzen "skipped: not installed"
fi

"$python" - "$n_sounds" <<'END'
import os, sys, xml.etree.ElementTree
paths = [s.get("path") for s in xml.etree.ElementTree.parse("kit/Test Kit.dspreset").iter("sample")]
absent = [path for path in paths if not os.path.exists(os.path.join("kit", path))]
print("%-10s %d samples, %d absent" % ("dspreset", len(paths), len(absent)))
sys.exit(absent != [] or len(paths) != int(sys.argv[1]))
END
