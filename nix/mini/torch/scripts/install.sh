# SPDX-License-Identifier: MIT
# The outputs of nixpkgs' torch: out has the Python package, lib the libraries, dev the headers, cxxdev what CMake needs.
cmake --install build >/dev/null
package=$out/$PYTHON_SITE_PACKAGES/torch
mkdir -p "$package" "$lib" "$dev" "$cxxdev/share"
cp -r python/torch/. "$package/"
cp -r installed/lib "$lib/lib"
ln -s "$lib/lib" "$package/lib"
cp -r installed/include "$dev/include"
ln -s "$dev/include" "$package/include"
[ ! -d installed/share ] || cp -r installed/share/. "$cxxdev/share/"
echo "$lib" >"$cxxdev/share/torch-libraries"
built_cuda=None
[ ! -e installed/lib/libtorch_cuda.so ] || built_cuda="'$TORCH_CUDA_VERSION'"
cat >"$package/version.py" <<EOF
__version__ = '$PYTORCH_BUILD_VERSION'
debug = False
cuda = $built_cuda
git_version = 'mini'
hip = None
EOF
site=$(dirname "$package")
mkdir -p "$site/torch-$PYTORCH_BUILD_VERSION.dist-info"
printf 'Metadata-Version: 2.1\nName: torch\nVersion: %s\n' "$PYTORCH_BUILD_VERSION" >"$site/torch-$PYTORCH_BUILD_VERSION.dist-info/METADATA"
