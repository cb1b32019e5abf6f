# SPDX-License-Identifier: MIT
# pkg-config sees the inputs and nothing else.
PKG_CONFIG_LIBDIR=
for input in ${buildInputs:-}; do
  for folder in "$input"/lib/pkgconfig "$input"/lib/*/pkgconfig "$input"/share/pkgconfig; do
    [ ! -d "$folder" ] || PKG_CONFIG_LIBDIR=$PKG_CONFIG_LIBDIR${PKG_CONFIG_LIBDIR:+:}$folder
  done
done
export PKG_CONFIG_LIBDIR
