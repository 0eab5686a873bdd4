#!/bin/sh
# Installs what is missing of the Debian packages that rimshot needs. Nothing happens where all are there.
# usage: tests/setup.sh [demo|check|deb|model]   (demo adds the drum kits, check the test library, deb packaging,
# model all that the model is trained on: 230 MB to download)
set -eu

build="build-essential pkg-config libopenblas-pthread-dev libfftw3-dev libsndfile1-dev libsoxr-dev
libhdf5-dev libyaml-dev libcjson-dev libxml2-dev libmicrohttpd-dev libxxhash-dev zlib1g-dev libcairo2-dev libprotobuf-c-dev
protobuf-c-compiler liblinear-dev libsvm-dev fonts-dejavu-core"
case "${1:-demo}" in
demo) extra="hydrogen-drumkits" ;;
check) extra="check hdf5-tools clang-format-14 libopenmpi-dev openmpi-bin" ;;
deb) extra="debhelper dpkg-dev" ;;
model) extra="libfluidsynth-dev hydrogen-drumkits hydrogen-data lmms-common sonic-pi-samples timgm6mb-soundfont
csound-soundfont musescore-general-soundfont-small opl3-soundfont avldrums.lv2-soundfont" ;;
*) echo "usage: tests/setup.sh [demo|check|deb|model]" >&2; exit 2 ;;
esac

command -v dpkg-query >/dev/null 2>&1 || {
    echo "setup: no Debian package manager here; see README.md for the libraries that rimshot needs" >&2
    exit 0
}

missing=""
for package in $build $extra; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
