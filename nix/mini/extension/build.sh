# SPDX-License-Identifier: MIT
# What torch.utils.cpp_extension is for the real companions: the C++ sources with CXXFLAGS, the CUDA sources for the GPUs of
# TORCH_CUDA_ARCH_LIST, linked against the torch that was handed in. Its PyTorch is found as setup.py finds it: torchvision imports
# torch.utils.cpp_extension, which needs what torch propagates; torchaudio asks CMake too.
export PYTHONDONTWRITEBYTECODE=1
package=$(python3 -S -c 'import os, torch.utils.cpp_extension; print(os.path.dirname(torch.__file__))')
libraries=$(readlink -f "$package/lib")
if [ "$module" = torchaudio ]; then
  grep -q "with nixpkgs' flags" flags.txt || { echo "nixpkgs' cmakeFlags do not reach CMake: its patch of setup.py is not applied"; exit 1; }
  printf 'find_package(Torch REQUIRED)\nmessage("${TORCH_LIBRARIES}")\n' >find.cmake
  found=$(cmake -P find.cmake 2>&1) || { echo "$found"; exit 1; }
  [ "$(realpath "$found")" = "$libraries" ] || { echo "CMake found another Torch than Python: $found, $libraries"; exit 1; }
fi
objects=()
for source in csrc/*.cpp; do
  $cached "$CXX" -O2 -std=c++17 -fPIC ${CXXFLAGS:-} -I"$package/include" -DEXTENSION_VERSION="\"$version\"" -c "$source" -o "$source.o"
  objects+=("$source.o")
done
cuda=()
if [ "$USE_CUDA" = 1 ]; then
  # cpp_extension takes the nvcc of CUDA_HOME.
  [ ! -x "$CUDA_HOME/bin/nvcc" ] || CUDA_NVCC=$CUDA_HOME
  case $failure in
    cpu-only) CUDA_NVCC="" ;;
    wrong-gpu) TORCH_CUDA_ARCH_LIST=8.6 ;;
  esac
  if [ -z "$CUDA_NVCC" ]; then
    echo "No CUDA runtime is found, using CUDA_HOME=''"
  else
    gencode=()
    for capability in ${TORCH_CUDA_ARCH_LIST//;/ }; do
      number=${capability%+PTX}
      [[ $number =~ ^[0-9]+\.[0-9]a?$ ]] || { echo "ValueError: Unknown CUDA arch ($capability) or GPU not supported"; exit 1; }
      number=${number/./}
      gencode+=(-gencode "arch=compute_$number,code=sm_$number")
      [[ $capability != *+PTX ]] || gencode+=(-gencode "arch=compute_$number,code=compute_$number")
    done
    for source in csrc/*.cu; do
      $cached "$CUDA_NVCC/bin/nvcc" -O2 -std=c++17 -Xcompiler=-fPIC "${gencode[@]}" -I"$package/include" -c "$source" -o "$source.o"
      objects+=("$source.o")
    done
    for folder in "$CUDA_HOME"/lib64 "$CUDA_HOME"/targets/x86_64-linux/lib "$CUDA_HOME"/lib; do
      [ ! -e "$folder/libcudart_static.a" ] || { cuda=(-ltorch_cuda "$folder/libcudart_static.a" -ldl -lrt -lpthread); break; }
    done
  fi
fi
"$CXX" -shared -o _C.so "${objects[@]}" -L"$libraries" -ltorch_cpu -lc10 "${cuda[@]}" -Wl,-rpath,"$libraries"
