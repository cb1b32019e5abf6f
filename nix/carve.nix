# SPDX-License-Identifier: MIT
# The same package for fewer GPUs, made from a finished build in seconds: from this machine, or from a binary cache.
#
#   import ./carve.nix { inherit pkgs; } { package = python3Packages.torch; gpus = [ "9.0" ]; }
#
# The result has the outputs of `package` but for `dist`, the wheel that Python packages were installed from: as fat as
# before, and nothing refers to it. The outputs refer to each other, never to what they were made from: else nothing
# would be saved. Store paths inside files, binaries too, are replaced by paths of the same length (shorter ones are filled
# with slashes, which mean nothing in a path).
{
  pkgs,
  # The program. A derivation, or a store path with bin/torchlathe.
  torchlathe ? pkgs.callPackage ./package.nix { },
}:
{
  # A derivation, or a store path (text or path).
  package,
  # As `torchlathe carve --gpu` takes them: [ "8.6" "9.0+PTX" ].
  gpus,
  # In the place of the package's own; the name keeps its other parts.
  pname ? null,
  passthru ? { },
  meta ? { },
  # Packages that the result refers to in place of others, of the same outputs: [ { of = torch; use = torch-sm90; } ].
  instead ? [ ],
  # More options of `torchlathe carve`: [ "--strip-symbols" ].
  options ? [ ],
  # What `package` must be, where that is left to a package set: { version = "2.9.1"; cuda = "12.8"; }. With it the package must also
  # say that it was built for the GPUs. Else it is refused when it is evaluated, before anything is fetched.
  expect ? { },
  # A sentence: why there can be no such package.
  refuse ? null,
}:
let
  inherit (builtins) concatMap concatStringsSep elem filter foldl' head isAttrs length map match removeAttrs replaceStrings storePath stringLength substring unsafeDiscardStringContext;

  from = if isAttrs package then package else { outPath = storePath (toString package); };
  outputs = filter (output: output != "dist") (from.outputs or [ "out" ]);
  # nixpkgs works these out again. A build that was let through as broken is carved like any other.
  known = removeAttrs (from.meta or { }) [ "broken" "available" "unsupported" "insecure" "unfree" "outputsToInstall" "position" ];
  pathOf = output: if from ? outputs then "${from.${output}}" else "${from.outPath}";

  # What follows the hash in the first output's path, so without its "-lib" and the like.
  storeName = path: let text = baseNameOf (unsafeDiscardStringContext path); in substring 33 (stringLength text) text;
  oldName = from.name or (storeName (pathOf (head outputs)));
  renamed = if pname == null || !(from ? pname) then oldName else replaceStrings [ from.pname ] [ pname ] oldName;
  name = if stringLength renamed > stringLength oldName then oldName else renamed;

  # Of this derivation an output is $out, $lib, ...: what the shell knows it by.
  carve = output: ''
    torchlathe carve ${pathOf output} --gpu ${concatStringsSep "," gpus} ${concatStringsSep " " options} --output "''$${output}"
    # At an output's root it would collide with that of another package in one environment.
    if [ -f "''$${output}/torchlathe-manifest.json" ]; then
      chmod u+w "''$${output}"
      mkdir -p "''$${output}/share/torchlathe/${name}-${output}"
      mv "''$${output}/torchlathe-manifest.json" "''$${output}/share/torchlathe/${name}-${output}/"
    fi
  '';
  replacement = old: new: ''
    own="${new}"
    while [ ''${#own} -lt ${toString (stringLength old)} ]; do own="$own/"; done
    printf 's|%s|%s|g\n' ${old} "$own" >> "$TMPDIR/replace.sed"
  '';
  # Of each pair the outputs that both have.
  pairs = concatMap ({ of, use }: map (output: { old = "${of.${output}}"; new = "${use.${output}}"; }) (filter (output: elem output (use.outputs or [ "out" ])) of.outputs)) instead;
  gone = map pathOf outputs ++ map (pair: pair.old) pairs;
  checked = foldl' (rest: pair: if stringLength pair.new > stringLength pair.old then throw "carve: ${pair.new} is longer than ${pair.old}, which it is to replace" else rest) true pairs;
  hashes = map (path: substring 0 32 (baseNameOf (unsafeDiscardStringContext path))) gone;
  results = concatStringsSep " " (map (output: "\"\$${output}\"") outputs);

  refused = why: throw "carve: ${if pname == null then oldName else pname}: ${why}";
  portable = gpu: head (match "([^+]*)([+]PTX)?" gpu);
  builtFor = map portable (from.cudaCapabilities or [ ]);
  lacking = filter (gpu: !(elem (portable gpu) builtFor)) gpus;
  cuda = from.cudaPackages.cudaMajorMinorVersion or "none";
  expected =
    if refuse != null then refused refuse
    else if expect ? version && from.version or "" != expect.version then refused "this package set has ${oldName}, and ${expect.version} was expected"
    else if expect ? cuda && !(from.cudaSupport or false) then refused "${oldName} of this package set is built without CUDA"
    else if expect ? cuda && cuda != expect.cuda then refused "${oldName} of this package set is built with CUDA ${cuda}, and ${expect.cuda} was expected"
    else if expect != { } && lacking != [ ] then refused "${oldName} of this package set has code for ${concatStringsSep ", " builtFor}, none for ${concatStringsSep ", " lacking}"
    else true;
in
assert expected;
assert checked;
pkgs.runCommand name
  ({
    inherit outputs;
    nativeBuildInputs = [ torchlathe ];
    # The builder refuses a result that still refers to the old one.
    disallowedReferences = gone;
    # What builds against it is built with its compiler.
    passthru = (if from ? stdenv then { inherit (from) stdenv; } else { }) // (from.passthru or { }) // passthru;
    meta = known // meta;
  } // (if pname == null then { } else { inherit pname; }) // (if from ? version then { inherit (from) version; } else { }))
  ''
    ${concatStringsSep "" (map carve outputs)}
    ${concatStringsSep "" (map (output: replacement (pathOf output) "\$${output}") outputs)}
    ${concatStringsSep "" (map (pair: replacement pair.old pair.new) pairs)}
    chmod -R u+w ${results}
    # Files that hold one of the hashes, whatever else they are; then links.
    { grep -rlaF ${concatStringsSep " " (map (hash: "-e ${hash}") hashes)} ${results} || [ $? = 1 ]; } | while IFS= read -r file; do
      LC_ALL=C sed -b -i -f "$TMPDIR/replace.sed" "$file"
    done
    find ${results} -type l \( ${concatStringsSep " -o " (map (hash: "-lname '*${hash}*'") hashes)} \) | while IFS= read -r link; do
      ln -sfn "$(readlink "$link" | sed -f "$TMPDIR/replace.sed")" "$link"
    done
  ''
