# SPDX-License-Identifier: MIT
# Tools and libraries of a Debian machine under the names that nixpkgs gives them: each a folder of links to the files of its Debian
# packages. CMake and pkg-config are shown these folders and nothing else (setup hooks below), so that an input which an expression
# forgot is missing here as it is in nixpkgs.
{ mkDerivation }:
let
  package =
    hook: pname: debian:
    mkDerivation {
      inherit pname hook debian;
      version = "0";
      buildCommand = ''
        dpkg-query -L $debian | sort -u | while IFS= read -r file; do
          case $file in
            /usr/share/doc/*) continue ;;
            /usr/include/* | /usr/lib/* | /usr/share/* | /usr/bin/*) target=$out/''${file#/usr/} ;;
            /lib/*) target=$out/''${file#/} ;;
            *) continue ;;
          esac
          if [ -d "$file" ]; then
            mkdir -p "$target"
          elif [ -e "$file" ]; then
            mkdir -p "''${target%/*}"
            ln -sfn "$file" "$target"
          fi
        done
        [ -z "$hook" ] || install -D -m644 "$hook" $out/nix-support/setup-hook
      '';
    };
  library = package "";
in
{
  cmake = package ./hooks/cmake.sh "cmake" "cmake";
  ninja = package ./hooks/ninja.sh "ninja" "ninja-build";
  pkg-config = package ./hooks/pkg-config.sh "pkg-config" "pkgconf pkgconf-bin";
  bzip2 = library "bzip2" "libbz2-dev libbz2-1.0";
  cli11 = library "cli11" "libcli11-dev";
  fmt = library "fmt" "libfmt-dev libfmt9";
  gbenchmark = library "gbenchmark" "libbenchmark-dev libbenchmark1debian";
  gtest = library "gtest" "libgtest-dev libgmock-dev";
  libdeflate = library "libdeflate" "libdeflate-dev libdeflate0";
  lz4 = library "lz4" "liblz4-dev liblz4-1";
  nlohmann_json = library "nlohmann_json" "nlohmann-json3-dev";
  openssl = library "openssl" "libssl-dev libssl3";
  re2 = library "re2" "libre2-dev libre2-9";
  sqlite = library "sqlite" "libsqlite3-dev libsqlite3-0";
  tomlplusplus = library "tomlplusplus" "libtomlplusplus-dev libtomlplusplus3";
  xz = library "xz" "liblzma-dev liblzma5";
  zlib = library "zlib" "zlib1g-dev zlib1g";
  zstd = library "zstd" "libzstd-dev libzstd1";
  zydis = library "zydis" "libzydis-dev libzydis4.0 libzycore-dev libzycore1.4";
}
