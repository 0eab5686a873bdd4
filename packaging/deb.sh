#!/bin/sh
# Builds the Debian packages from the files of the working tree, in a copy of it (make deb).
set -eu
place=$BUILD/deb
tree=$place/rimshot-$VERSION
rm -rf "$place"
mkdir -p "$tree"
if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files -co --exclude-standard
else
    find . -type f ! -path './build*' | sed 's,^\./,,'
fi | tar -cf - --verbatim-files-from -T - | tar -xf - -C "$tree"
mv "$tree/packaging/debian" "$tree/debian"
(cd "$tree" && dpkg-buildpackage -b -us -uc >../build.log 2>&1) || { tail -30 "$place/build.log" >&2; exit 1; }
rm -rf "$tree"
ls "$place"/*.deb
if command -v lintian >/dev/null 2>&1; then
    lintian --fail-on error,warning "$place"/*.changes
fi
