let pkgs = import (fetchTarball "https://github.com/NixOS/nixpkgs/archive/fe5e41d7ffc0421f0913e8472ce6238ed0daf8e3.tar.gz") { }; in
pkgs.python313Packages.torch.overrideAttrs (old: { pname = "pytorch-python313-cpu-avx2"; })
