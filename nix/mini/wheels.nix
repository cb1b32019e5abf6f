# SPDX-License-Identifier: MIT
# nvcc of CUDA 13.0 with what it needs, from NVIDIA's compiler packages in the Python package index: for machines without a toolkit.
# A fixed-output derivation: it may use the network, and its content is known beforehand.
{ mkDerivation, system }:
let
  hashes = {
    x86_64-linux = "sha256-+L9j85xtqFfanYPUXEJ14ay1loOjeQPXJ5EC8qWY0Ec=";
    aarch64-linux = "sha256-51+qoP91xRbYcKhPOH7jiqxXqdD2mfjX44YJz9Q4VmM=";
  };
in
mkDerivation {
  name = "cuda-13.0-from-wheels";
  buildCommand = ''
    echo "no CUDA toolkit on this machine: its compiler comes from the Python package index"
    python3 -m pip install --quiet --no-deps --no-compile --only-binary=:all: --target wheels nvidia-cuda-nvcc==13.0.88 \
      nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85
    mv wheels/nvidia/cu13 $out
  '';
  outputHashMode = "recursive";
  outputHashAlgo = "sha256";
  outputHash = hashes.${system} or (throw "there are no CUDA compiler packages for ${system}");
  # How pip reaches the index from here.
  impureEnvVars = [
    "PIP_INDEX_URL" "PIP_EXTRA_INDEX_URL" "PIP_FIND_LINKS" "PIP_CERT" "SSL_CERT_FILE" "SSL_CERT_DIR" "REQUESTS_CA_BUNDLE"
    "http_proxy" "https_proxy" "HTTP_PROXY" "HTTPS_PROXY" "no_proxy" "NO_PROXY"
  ];
}
