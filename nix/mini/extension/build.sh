# SPDX-License-Identifier: MIT
# What torch.utils.cpp_extension is for the real companions: the C++ sources with CXXFLAGS, the CUDA sources for the GPUs of
# TORCH_CUDA_ARCH_LIST, linked against the torch that was handed in. Its PyTorch is found where Python would find it.
package=$torch/$PYTHON_SITE_PACKAGES/torch
libraries=$(readlink -f "$package/lib")
objects=()
for source in csrc/*.cpp; do
  g++ -O2 -std=c++17 -fPIC ${CXXFLAGS:-} -I"$package/include" -DEXTENSION_VERSION="\"$version\"" -c "$source" -o "$source.o"
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
      "$CUDA_NVCC/bin/nvcc" -O2 -std=c++17 -Xcompiler=-fPIC "${gencode[@]}" -I"$package/include" -c "$source" -o "$source.o"
      objects+=("$source.o")
    done
    for folder in "$CUDA_HOME"/lib64 "$CUDA_HOME"/targets/x86_64-linux/lib "$CUDA_HOME"/lib; do
      [ ! -e "$folder/libcudart_static.a" ] || { cuda=(-ltorch_cuda "$folder/libcudart_static.a" -ldl -lrt -lpthread); break; }
    done
  fi
fi
g++ -shared -o _C.so "${objects[@]}" -L"$libraries" -ltorch_cpu -lc10 "${cuda[@]}" -Wl,-rpath,"$libraries"
