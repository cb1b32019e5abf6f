# SPDX-License-Identifier: MIT
site=$out/$PYTHON_SITE_PACKAGES
mkdir -p "$site/$module" "$site/$module-$version.dist-info" "$dist"
cp python/*.py "$site/$module/"
install -m 755 _C.so "$site/$module/_C.so"
printf "__version__ = '%s'\ncuda = %s\n" "$version" "${TORCH_CUDA_VERSION:+'$TORCH_CUDA_VERSION'}" | sed 's/= $/= None/' >"$site/$module/version.py"
printf 'Metadata-Version: 2.1\nName: %s\nVersion: %s\nRequires-Dist: torch\n' "$module" "$version" >"$site/$module-$version.dist-info/METADATA"
(cd "$site" && python3 -S -m zipfile -c "$dist/$module-$version-py3-none-linux_$(uname -m).whl" "$module" "$module-$version.dist-info")
