# SPDX-License-Identifier: MIT
# The outputs of nixpkgs' torch: out has the Python package, lib the libraries, dev the headers and what CMake finds, cxxdev what users
# of its C++ side need besides, dist the wheel.
cmake --install build >/dev/null
package=$out/$PYTHON_SITE_PACKAGES/torch
mkdir -p "$package" "$lib" "$dev" "$cxxdev/nix-support" "$dist"
cp -r python/torch/. "$package/"
cp -r installed/lib "$lib/lib"
ln -s "$lib/lib" "$package/lib"
cp -r installed/include "$dev/include"
cp -r installed/include "$package/include"
cp -r installed/share "$dev/share"
substituteInPlace "$dev/share/cmake/Torch/TorchConfig.cmake" --replace-fail '${TORCH_INSTALL_PREFIX}/lib"' "$lib/lib\""
echo "$lib" >"$cxxdev/nix-support/propagated-build-inputs"
built_cuda=None
[ ! -e installed/lib/libtorch_cuda.so ] || built_cuda="'$TORCH_CUDA_VERSION'"
cat >"$package/version.py" <<EOF
__version__ = '$PYTORCH_BUILD_VERSION'
debug = False
cuda = $built_cuda
git_version = 'mini'
hip = None
triton = '$(<.ci/docker/triton_version.txt)'
EOF
site=$(dirname "$package")
mkdir -p "$site/torch-$PYTORCH_BUILD_VERSION.dist-info"
printf 'Metadata-Version: 2.1\nName: torch\nVersion: %s\n' "$PYTORCH_BUILD_VERSION" >"$site/torch-$PYTORCH_BUILD_VERSION.dist-info/METADATA"
# As uncarved as the build: what carves leaves it out.
(cd "$site" && python3 -S -m zipfile -c "$dist/torch-$PYTORCH_BUILD_VERSION-py3-none-linux_$(uname -m).whl" torch torch-*.dist-info)
