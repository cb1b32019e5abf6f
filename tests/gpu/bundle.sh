#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bundle.sh BINARY FOLDER: the program with every library that it loads, the loader included, for a machine that has none.
set -euo pipefail
binary=$1 folder=$2
mkdir -p "$folder/lib"
cp "$binary" "$folder/torchlathe.bin"
strip "$folder/torchlathe.bin"
ldd "$binary" | grep -o '/[^ ]*' | sort -u | xargs -I{} cp -L {} "$folder/lib/"
loader=$(basename "$(ls "$folder"/lib/ld-linux*)")
cat >"$folder/torchlathe" <<SCRIPT
#!/bin/sh
here=\$(cd "\$(dirname "\$0")" && pwd)
exec "\$here/lib/$loader" --library-path "\$here/lib" "\$here/torchlathe.bin" "\$@"
SCRIPT
chmod +x "$folder/torchlathe"
"$folder/torchlathe" --version
