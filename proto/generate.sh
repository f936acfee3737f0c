#!/bin/sh
# Generates Sources/COTLP from the .proto files here with protoc-c.
#
#   proto/generate.sh          writes the code
#   proto/generate.sh --check  fails if the code in the repository is not what would be written
#
# Debian 12: apt-get install protobuf-c-compiler protobuf-compiler (protobuf-c 1.4.1; other versions write other code).
set -eu
export LC_ALL=C

proto=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=$proto/../Sources/COTLP
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT

mkdir "$new/raw" "$new/include"
cd "$proto"
find . -name '*.proto' | sed 's|^\./||' | sort | xargs protoc-c --proto_path=. --c_out="$new/raw"

# Headers go under include/, which is what importers see; sources stay outside, in the same folders.
cd "$new/raw"
find . -name '*.pb-c.h' | sed 's|^\./||' | sort | while read -r header; do
    mkdir -p "$new/include/$(dirname "$header")"
    mv "$header" "$new/include/$header"
    echo "    header \"$header\""
done > "$new/headers"
cp -r "$new/raw/." "$new/"
rm -r "$new/raw"

{
    echo "// Written by proto/generate.sh."
    echo "module COTLP {"
    cat "$new/headers"
    echo "    export *"
    echo "}"
} > "$new/include/module.modulemap"
rm "$new/headers"

if [ "${1-}" = --check ]; then
    if ! diff -r "$new" "$target" >&2; then
        echo "Sources/COTLP is not what proto/generate.sh writes: run it and commit the result" >&2
        exit 1
    fi
    echo "Sources/COTLP is current"
    exit 0
fi

rm -rf "$target"
mkdir -p "$target"
cp -r "$new/." "$target/"
