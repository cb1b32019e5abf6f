# SPDX-License-Identifier: MIT
# Evaluates each recipe of a folder in turn and reports as it goes, one line of `builtins.trace` each:
#   TOKEN b INDEX         recipe INDEX begins
#   TOKEN n {...}         something it did (a fetch, an impure access, ...), in the order of evaluation
#   TOKEN a SYSTEM        begins again for another system, because its platforms leave out the first one
#   TOKEN r {...}         what it evaluates to
# An error that Nix cannot catch ends the whole evaluation; record.cpp then knows whose it was and goes on after it.
# A recipe cannot write such lines: its `trace` is a recorder and the token is not in its reach. Nor can it make a value
# that passes for a package, or see that one is recorded: the mark `_recorded` is a random name in each process.
{ parts, request }:

let
  inherit (builtins) elem filter foldl' functionArgs head isAttrs isFunction isList listToAttrs map mapAttrs seq toJSON trace unsafeGetAttrPos;
  inherit (request) token folder;

  note = event: value: trace "${token} n ${toJSON event}" value;
  # The real readFile: restricted mode keeps it inside the folder.
  hidden = parts.hidden { inherit note face; inherit (request) values defaulted; };
  lib = parts.lib { inherit note hidden face; readFile = builtins.readFile; };
  package = parts.package {
    inherit note lib placeOfFirst hidden face;
    inherit (request) values;
    often = [ "magma" "triton-llvm" ] ++ map (minor: "python3${minor}Packages.triton") [ "11" "12" "13" "14" ];
  };
  inherit (package) addedTo describe describeTo namesOf;

  # What the recorder makes up. A recipe that is judged right is evaluated a second time by other inventions: right must not
  # hang on them.
  face =
    if request.other_face then {
      environment = "1";
      exists = true;
      time = 1800000000;
      version = "2026.1";
      release = "26.05";
      plain_text = true;
      place = { file = "/nix/store/source/pkgs/top-level/all-packages.nix"; line = 1; column = 1; };
    }
    else { environment = ""; exists = false; time = 0; version = "0"; release = "25.11"; plain_text = false; place = null; };

  # Where in the recipes an attribute was written; null for what the recorder itself made. (There the real answer would
  # be this whole text, the token in it.)
  # Order, not a prefix, decides: it looks at the first differing letter, not at all of this text. "0" comes after "/".
  first = "${folder}/";
  last = "${folder}0";
  placeOf = name: set:
    let place = unsafeGetAttrPos name set; in
    if place != null && place.file > first && place.file < last then place else null;
  placeOfFirst = names: set:
    let found = filter (name: set ? ${name} && placeOf name set != null) names; in if found == [ ] then null else placeOf (head found) set;
  # [ line column ] in the recipe's own file `own`, else the file's name behind.
  positions = own: set:
    listToAttrs (builtins.concatMap
      (name:
        let place = unsafeGetAttrPos name set; in
        if place == null then [ ]
        else if place.file == own then [ { inherit name; value = [ place.line place.column ]; } ]
        else if place.file > first && place.file < last then [ { inherit name; value = [ place.line place.column place.file ]; } ]
        else [ ])
      (builtins.attrNames set));

  # What Nix would build: its drvPath says. `value` may be a set that only looks like another package.
  full = own: depth: value:
    let
      inherit (identityOf value) of view others;
      r = of;
      output = if value.outputSpecified or false then value.outputName else null;
      got = r.effective or { };
      cuda = got.cudaPackages or (r.attrs.passthru.cudaPackages or (got.torch.cudaPackages or null));
      magma = got.effectiveMagma or null;
      triton = got._tritonEffective or null;
      llvm = if isPackage triton then triton._recorded.effective.llvm or null else null;
    in
    {
      kind = "package";
      inherit (r) label builder changes;
      written = builtins.attrNames r.written;
      inherit output;
      added = addedTo (if output != null && others ? ${output} then others.${output} else view) value;
      overlaid = r.set._recorded.overlaid or [ ] ++ map (name: "Python's ${name}") (builtins.attrNames (r.python._recorded.interpreter or { }));
      # Of these, what reaches the package as an argument, and lapack, which goes with blas.
      replaced = describe (builtins.intersectAttrs (namesOf (r.set._recorded.overlaid or [ ])) (got // (if r ? set then { inherit (r.set) lapack; } else { })));
      extended = r.python._recorded.extended or [ ];
      config = describe (r.set._recorded.shown_config or null);
      rev = r.set._recorded.rev or null;
      values = if request.values then valuesOf r cuda magma else null;
      override = describe r.arguments;
      cuda_support = got.cudaSupport or null;
      gpu_targets = describeTo 2 (got.gpuTargets or null);
      attributes = describedAttrs r;
      # Of what the recipe sets: as it was in nixpkgs. (By what a package is described and what it hands on, those alone ask who
      # write it anew.)
      original = describe (removeAttrs (builtins.intersectAttrs r.written r.original) (if request.values then [ ] else [ "meta" "passthru" ]));
      positions = {
        override = positions own r.arguments;
        # What nixpkgs has in it is written nowhere in the folder.
        attributes = positions own (if r ? python then builtins.intersectAttrs r.written r.attrs else r.attrs);
        meta = positions own (r.attrs.meta or { });
        passthru = positions own (r.attrs.passthru or { });
      };
      cuda =
        if isAttrs cuda && cuda ? _recorded then { set = cuda._recorded.label; version = cuda._recorded.version or null; moving = cuda._recorded.moving or false; changed = changedIn cuda; capabilities = cuda.flags.cudaCapabilities or [ ]; }
        else null;
      magma =
        if got.cudaSupport or false && isPackage magma then {
          label = magma._recorded.label;
          version = magma.version or null;
          inherit ((identityOf magma).of) changes;
          written = builtins.attrNames (identityOf magma).of.written;
          patches = describe (magma.patches or [ ]);
          override = describe magma._recorded.arguments;
          cuda = magma.cudaPackages._recorded.label or null;
        } else null;
      triton =
        if isPackage triton then {
          inherit (triton._recorded) label;
          version = describe (triton.version or null);
          inherit ((identityOf triton).of) changes;
          written = builtins.attrNames (identityOf triton).of.written;
          src = describe (triton.src or null);
          patches = describe (triton.patches or [ ]);
          postPatch = describe (triton.postPatch or "");
          llvm =
            if isPackage llvm then { inherit ((identityOf llvm).of) changes; written = builtins.attrNames (identityOf llvm).of.written; src = describe (llvm.src or null); }
            else null;
        } else null;
      torch = if depth > 0 && isPackage (got.torch or null) then full own (depth - 1) got.torch else null;
    };

  # The attributes of a package. Of torch and its companions, those that the recorder itself wrote are plain data, but for `mixed`.
  describedAttrs = r:
    if !(r ? mixed) then describe r.attrs
    else
      let
        written = builtins.intersectAttrs r.written r.attrs;
        mixed = removeAttrs (builtins.intersectAttrs r.mixed r.attrs) (builtins.attrNames written);
      in
      r.attrs // (describeTo (if request.values then 10 else 2) mixed // describe written);

  # What a recipe has put in the place of nixpkgs' packages: only for who asks, since a recipe may put there what cannot be evaluated.
  valuesOf = r: cuda: magma:
    let
      # Matrices have words for these; what is in them is looked at by itself.
      own = name: builtins.match "(python|cudaPackages)(Packages)?[0-9_]*(Packages)?|pythonPackagesExtensions|magma|torch" name != null;
      shown = _: value:
        let tried = builtins.tryEval (let text = describeTo 6 value; in builtins.deepSeq text text); in
        if tried.success then tried.value else { cut = true; };
      # Python, as a package that the recipe has changed.
      interpreter = set:
        if set.interpreter or { } == { } then { }
        else let name = "python${builtins.replaceStrings [ "." ] [ "" ] set.version}"; in {
          ${name} = { package = name; output = null; override = describeTo 6 set.interpreter; attributes = { }; python_attributes = { }; };
        };
      those = names: set: mapAttrs shown (builtins.intersectAttrs (namesOf (filter (name: !(own name)) names)) set);
    in
    {
      packages = (if r ? set then those (r.set._recorded.overlaid or [ ]) r.set else { }) // interpreter (r.python._recorded or { });
      python = if r ? python then those (r.python._recorded.extended or [ ]) r.python else { };
      cuda = if isAttrs cuda && cuda ? _recorded then those (changedIn cuda) cuda else { };
      magma =
        if !(isPackage magma) then { }
        else let m = (identityOf magma).of; in {
          override = describeTo 6 m.arguments;
          attributes = describeTo 6 (builtins.intersectAttrs (removeAttrs m.written [ "patches" ]) m.attrs);
        };
    };

  # What torch takes of CUDA, where that is not what the set by this name has.
  cudaParts = listToAttrs (map (name: { inherit name; value = null; }) [
    "cudaMajorVersion" "cudaMajorMinorVersion" "flags" "cuda_cccl" "cuda_cudart" "cuda_cupti" "cuda_nvcc" "cuda_nvml_dev"
    "cuda_nvrtc" "cuda_nvtx" "cuda_profiler_api" "cudatoolkit" "cudnn" "cusparselt" "libcublas" "libcufft" "libcufile"
    "libcurand" "libcusolver" "libcusparse" "libcusparse_lt" "nccl"
  ]);
  changedIn = cuda:
    cuda._recorded.scoped or [ ]
    ++ (if cuda ? _recorded && cuda._recorded ? self then addedTo (builtins.intersectAttrs cudaParts cuda._recorded.self) (builtins.intersectAttrs cudaParts cuda) else [ ]);

  isPackage = value:
    isAttrs value && (value._recorded.kind or "package") == "package" && value ? drvPath
    && (if face.plain_text then value ? _recorded else isAttrs value.drvPath && value.drvPath ? _recorded);
  identityOf = value: if face.plain_text then value._recorded.identity else value.drvPath._recorded;

  result = own: value:
    if isPackage value then full own 1 value
    else if isAttrs value && !(value ? _recorded) && !(value ? __functor) then {
      kind = "set";
      members = mapAttrs (_: member: if isPackage member then full own 1 member else { kind = "value"; value = describeTo 4 member; }) value;
    }
    else { kind = "value"; value = describe value; };

  # What is the same for all recipes.
  inherit (request) pins toolkits assumed;
  inherit (assumed) aliases;
  known = parts.known { inherit note lib package aliases toolkits; };
  torchFor = parts.torch { inherit note lib package; };
  setFor = parts.pkgs { inherit note placeOf lib package hidden face known torchFor pinOf toolkits; inherit (request) common; };
  # The facts about a pin; for one that nobody has noted, and for none at all, whatever lets a recipe evaluate.
  pinOf = rev: if rev != null then knownPins.${rev} or unknownPin else unknownPin;
  knownPins = mapAttrs (_: factsOf) pins;
  unknownPin = factsOf { };
  factsOf = noted:
    let
      torch = noted.torch or "unknown";
      # cudaPackages is cudaPackages_12, whatever release that is.
      default = if noted ? cuda then { ${lib.versions.major noted.cuda} = noted.cuda; } else { };
      facts = {
        inherit torch;
        aliases = aliases // default;
        cuda_known = noted ? cuda;
        cuda_sets = [ ];
        # What nobody noted is as in the newest nixpkgs that is known; its torch, whatever it is, is called broken with CUDA 13.
        inherit (assumed) cuda torch_style torch_arguments torch_capabilities patches cuda_patches cccl triton triton_patches;
        torch_cuda = [ "11" "12" ];
        torchvision = "unknown";
        torchaudio = torch;
        magma_cuda13 = false;
        pytorch_alias = false;
      } // noted;
    in
    # Lists, as names.
    facts // {
      accepted = known.each (facts.torch_capabilities ++ map (gpu: "${gpu}+PTX") facts.torch_capabilities) (_: null);
      argument_names = known.each facts.torch_arguments (_: null);
      alias_names = listToAttrs (map (major: { name = "cudaPackages_${major}"; value = facts.aliases.${major}; }) (builtins.attrNames facts.aliases));
    };
  scopeFor = parts.scope { inherit note placeOf placeOfFirst folder package hidden face; };

  # `args: ...`, and not `{ }: ...`, of which functionArgs says the same.
  takesAll = function: functionArgs function == { } && builtins.match ".*<varpat .*" (builtins.toXML function) != null;

  record = recipe: system:
    let
      path = /. + "${folder}/${recipe.file}";
      set = setFor { inherit (recipe) mentioned lacks there; cuda = recipe.cuda_sets; defaultSystem = system; import' = scope.import; };
      scope = scopeFor { inherit system; inherit (set) nixpkgs lib; };
      outer = set.outer request.outer;
      recipe' = builtins.scopedImport scope.scope path;
      formals = if isFunction recipe' then functionArgs recipe' else { };
      required = filter (name: !formals.${name}) (builtins.attrNames formals);
      arguments =
        if takesAll recipe' then outer
        else listToAttrs (map (name: { inherit name; value = outer.${name} or (throw "the recipe's argument '${name}' is in no package set"); }) required);
      value = if isFunction recipe' then recipe' arguments else recipe';
    in
    result "${folder}/${recipe.file}" value // {
      inherit system;
      arguments = if isFunction recipe' then formals else null;
      from_caller = required != [ ];
    };

  # What the platforms say only counts where they are a plain list of texts.
  elsewhere = done: system:
    let
      platforms = done.attributes.meta.platforms or [ ];
      known = if isList platforms then filter (p: elem p [ "x86_64-linux" "aarch64-linux" ]) platforms else [ ];
    in
    if known == [ ] || elem system known then null else head known;

  report = recipe:
    let
      tried = record recipe request.system;
      other = elsewhere tried request.system;
      done = if other == null then tried else trace "${token} a ${other}" (record recipe other);
    in
    trace "${token} b ${toString recipe.index}" (trace "${token} r ${toJSON done}" null);
in
foldl' (count: recipe: seq (report recipe) (count + 1)) 0 request.recipes
