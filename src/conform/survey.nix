# SPDX-License-Identifier: MIT
# What a nixpkgs ships and does, told by itself: an attribute for each column of src/hardware/data/nixpkgs.toml that an evaluation can
# see, and some that only a comparison needs. null: it does not have what is asked about. Builds nothing.
{
  nixpkgs,
  system ? "x86_64-linux",
}:
let
  inherit (builtins) attrNames baseNameOf compareVersions concatMap concatStringsSep deepSeq elem filter functionArgs head isAttrs isString listToAttrs map match replaceStrings sort split tryEval unsafeDiscardStringContext;

  # allowBroken, so that what calls itself broken can be asked whether it does.
  config = { allowUnfree = true; allowBroken = true; cudaSupport = true; };
  import' = overlays: import nixpkgs { inherit system config overlays; };
  pkgs = import' [ ];
  withSet = set: import' [ (final: _: { cudaPackages = final.${set}; }) ];
  plain = import nixpkgs { inherit system; config = config // { cudaSupport = false; }; overlays = [ ]; };

  try = value: let result = tryEval (deepSeq value value); in if result.success then result.value else null;
  contains = needle: text: replaceStrings [ needle ] [ "" ] text != text;
  word = value: unsafeDiscardStringContext (toString value);
  last = list: builtins.elemAt list (builtins.length list - 1);
  versionOf = name: try (python.${name}.version or null);

  python = pkgs.python3Packages;
  torch = python.torch.override { cudaSupport = true; };
  patchName = patch: if isAttrs patch then patch.name or (baseNameOf (word patch)) else baseNameOf (word patch);
  patchesOf = package: map patchName (package.patches or [ ]);

  releaseOf = set: try (pkgs.${set}.cudaMajorMinorVersion or null);
  older = a: b: compareVersions a.release b.release < 0;
  sets = sort older (
    filter (each: each.release != null) (
      map (set: { inherit set; release = releaseOf set; }) (filter (name: match "cudaPackages_[0-9]+_[0-9]+" name != null) (attrNames pkgs))
    )
  );
  majorOf = release: head (split "\\." release);
  majors = attrNames (listToAttrs (map (each: { name = majorOf each.release; value = null; }) sets));
  newestOf = major: (last (filter (each: majorOf each.release == major) sets)).set;
  cuda13 = if elem "13" majors then newestOf "13" else null;

  ccclOf = set: if set ? cccl then "cccl" else if set ? cuda_cccl then "cuda_cccl" else null;
  cccl = let set = pkgs.${cuda13}; in set.${ccclOf set};
  scripts = package: concatStringsSep "\n" (map (name: word (package.${name} or "")) [ "prePatch" "installPhase" "postInstall" "postFixup" "buildCommand" ]);
  words = text: filter isString (split "[ \n\t]+" text);

  magma = let all = withSet cuda13; in all.magma-cuda-static or all.magma;
  hooks = package: map (each: try (each.name or "")) (package.nativeBuildInputs or [ ] ++ package.nativeInstallCheckInputs or [ ]);
  renamed = torch.overrideAttrs (_: { version = "0.0.1"; });
in
{
  torch = torch.version;
  triton = versionOf "triton";
  torchvision = versionOf "torchvision";
  torchaudio = versionOf "torchaudio";
  cuda = pkgs.cudaPackages.cudaMajorMinorVersion;
  cuda_sets = map (each: each.release) sets;
  cuda_aliases = filter (release: release != null) (map releaseOf (filter (name: pkgs ? ${name}) [ "cudaPackages_12" "cudaPackages_13" ]));
  torch_cuda = filter (major: !(((withSet (newestOf major)).python3Packages.torch.override { cudaSupport = true; }).meta.broken or false)) majors;
  python = python.python.pythonVersion;
  magma_cuda13 =
    cuda13 != null && (compareVersions magma.version "2.9.0" > 0 || builtins.any (name: match ".*([cC]lock_?[rR]ate|cuda-?13).*" name != null) (patchesOf magma));
  metadata_check =
    python ? pythonMetadataCheckHook
    || builtins.any (name: name != null && contains "metadata-check" name) (hooks torch)
    || contains "metadata-check" (word (torch.installCheckPhase or ""));
  cccl = if cuda13 == null then ccclOf pkgs.cudaPackages else ccclOf pkgs.${cuda13};
  cccl_folder = cuda13 != null && builtins.any (each: match "\"?\\$[{!A-Za-z:?}]+/include/cccl\"?" each != null) (words (scripts cccl));
  torch_style =
    let built = renamed.PYTORCH_BUILD_VERSION or renamed.env.PYTORCH_BUILD_VERSION or null; in
    if built == null then null else if built == "0.0.1" then "finalAttrs" else "rec";
  torch_arguments = let all = attrNames (python.torch.override.__functionArgs or (functionArgs python.torch.override)); in if all == [ ] then null else all;
  torch_patches = patchesOf plain.python3Packages.torch;
  torch_cuda_patches = let shared = patchesOf plain.python3Packages.torch; in filter (name: !(elem name shared)) (patchesOf torch);

  # For comparisons alone.
  cuda_majors = majors;
  post_patch = word (torch.postPatch or "");
  torch_outputs = torch.outputs;
  cccl_outputs = if cuda13 == null then null else cccl.outputs or [ "out" ];
  default_capabilities = listToAttrs (
    concatMap (
      each:
      let capabilities = try (pkgs.${each.set}.flags.cudaCapabilities or null); in
      if capabilities == null then [ ] else [ { name = each.release; value = capabilities; } ]
    ) sets
  );
}
