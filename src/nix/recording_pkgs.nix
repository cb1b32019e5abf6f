# SPDX-License-Identifier: MIT
# The recording package set: what `import <a pinned nixpkgs> { config, overlays, system }` gives. Overlays, python
# overrides and `override` are really applied; packages are recorders. Which versions a pin holds is data (pins.toml).
# A name that is not here is answered by a recorder that notes "unknown", for the names that the recipe mentions.
{ note, lib, placeOf, package, hidden, face, known, torchFor, pinOf, toolkits, common }:

let
  # Names of `mentioned` that `names` does not hold.
  outside = names: mentioned: removeAttrs mentioned (builtins.attrNames (builtins.intersectAttrs mentioned names));
  commonStrange = outside known.names common;
  # What asks of which kind a value is, notes it of one that nobody knows.
  askedLib = lib // builtins.mapAttrs (_: test: value: hidden.tested value (test value)) { inherit (lib) isAttrs isDerivation isFunction isString isStringLike isStorePath; };
in
# Once a recipe: the names that it mentions (as a set) beside those that most of them do, those of these that it lacks, which of all these look like a set of
# CUDA packages, those that the other face has too ("pkgs" -> names), the system, and its own `import`.
{ defaultSystem, mentioned, lacks, cuda, there, import' }:

let
  inherit (builtins) attrNames concatMap concatStringsSep elem elemAt foldl' head isFunction listToAttrs map mapAttrs match replaceStrings toString;

  inherit (known) platformOf;

  # Names that the recipe mentions and no list knows: they might be packages of any set.
  without = names: if lacks == { } then names else removeAttrs names (attrNames lacks);
  strange = without commonStrange // outside known.names mentioned;
  cudaMentioned = attrNames (removeAttrs cuda (attrNames known.cudaNames));
  all = without common // mentioned;
  # Each may be a set of packages in its turn.
  # The other face has those alone that the recipe takes and never asks for: one that asks sees two answers.
  unknownIn = prefix: mapAttrs (name: _: unknown "${prefix}.${name}" name) (if face.plain_text then there.${prefix} or { } else strange);
  unknown = label: name:
    note { kind = "unknown"; name = label; } (package.anything label (belowUnknown label // unknownIn label // somePackage label name));
  # Packages that are known elsewhere.
  belowUnknown = label: if face.plain_text then { } else mapAttrs (name: _: unknown "${label}.${name}" name) (builtins.intersectAttrs all known.belowUnknown);
  # What else nobody knows of it, the other face makes up otherwise.
  somePackage = label: name:
    if !face.plain_text then package.named label name [ "out" "dev" "lib" ] "0"
    else
      package.named label "${name}-${face.version}" ([ "out" ] ++ attrNames (there.outputs or { })) "0"
      // { outputs = [ "out" ]; meta = { available = false; unsupported = true; }; };

  # `lib` for this recipe: the real one, and a recorder for each name it asks of it that is not there.
  recipeLib =
    let
      unknownLib = prefix: mapAttrs (name: _:
        note { kind = "unknown"; name = "${prefix}.${name}"; } (package.function "${prefix}.${name}")) (if face.plain_text then there.${prefix} or { } else outside lib all);
      licenses = mapAttrs (name: _: { shortName = name; spdxId = name; free = match "unfree.*|nvidia.*" name == null; })
        (known.licenses // all);
      people = mapAttrs (name: _: { inherit name; github = name; }) all;
    in
    askedLib // (unknownLib "lib" // { inherit licenses; maintainers = people; teams = people; types = unknownLib "lib.types"; });

  # `base` with overlays. What they set is joined by itself, so that the large set is copied for those alone that look at it.
  layered = overlays: base: final:
    let own = base final; in own // foldl' (set: overlay: set // overlay final (own // set)) { } overlays;

  flagsFor = config: version:
    let
      default = toolkits.${version}.default_capabilities or [ ];
      cudaCapabilities = if config.cudaCapabilities != [ ] then config.cudaCapabilities else default;
      dropDots = replaceStrings [ "." ] [ "" ];
    in
    {
      inherit cudaCapabilities;
      cudaForwardCompat = config.cudaForwardCompat;
      isJetsonBuild = false;
      dropDot = dropDots;
      dropDots = dropDots;
      arches = map (c: "compute_${dropDots c}") cudaCapabilities;
      realArches = map (c: "sm_${dropDots c}") cudaCapabilities;
      virtualArches = map (c: "compute_${dropDots c}") cudaCapabilities;
      cmakeCudaArchitecturesString = concatStringsSep ";" (map dropDots cudaCapabilities);
      gencode = map (c: "-gencode=arch=compute_${dropDots c},code=sm_${dropDots c}") cudaCapabilities;
      gencodeString = concatStringsSep " " (map (c: "-gencode=arch=compute_${dropDots c},code=sm_${dropDots c}") cudaCapabilities);
    };

  # Another compiler's: by its name the same in all else.
  stdenvOf = final: label:
    let
      compiler = known.compilerNamed "${label}.cc" final.stdenv.cc.targetPrefix;
      changed = new: stdenv' // {
        _recorded = stdenv'._recorded // { override = if isFunction new then new { inherit (stdenv') cc shell; } else new; };
      };
      stdenv' = final.stdenv // { cc = compiler; override = changed; _recorded = { kind = "set"; inherit label; }; };
    in
    stdenv';

  cudaSet = final: label: version: moving: extensions:
    let
      base = self:
        unknownIn label
        // (known.cuda.${label} or (known.cudaOf label)
        // {
          cudaVersion = "${version}";
          cudaMajorVersion = lib.versions.major version;
          cudaMajorMinorVersion = version;
          cudaMajorMinorPatchVersion = version;
          cudaFullVersion = version;
          cudaAtLeast = lib.versionAtLeast version;
          cudaOlder = lib.versionOlder version;
          cudaNewer = older: lib.versionOlder older version;
          flags = flagsFor final.config version;
          cudaFlags = self.flags;
          backendStdenv = stdenvOf final "${label}.backendStdenv";
          # All of nixpkgs with this CUDA.
          pkgs = if label == "cudaPackages" then final else variantOf final { } [ (this: _: { cudaPackages = this.${label}; }) ];
          callPackage = lib.callPackageWith (final // self) import';
          overrideScope = change: cudaSet final label version moving (extensions ++ [ change ]);
          recurseForDerivations = false;
          _recorded = {
            kind = "set";
            inherit label moving self;
            scoped = concatMap (extension: lib.attrNames (extension self self)) extensions;
            version = if label == "cudaPackages" && !final._recorded.pin.cuda_known then null else version;
          };
        });
    in
    lib.fix (layered extensions base);

  pythonSet = final: label: version: given:
    let
      pname = "python${version}";
      extensions = final.pythonPackagesExtensions or [ ] ++ (if given ? overrides then [ given.overrides ] else [ ]);
      interpreter = pythonFor final "${label}.python" version { };
      build = builder: { __functor = _: package.built builder; override = _: build builder; };
      base = self:
        known.python.${label} or (known.pythonOf label)
        // (unknownIn label
        // (torchFor { pkgs = final; python = self; inherit label; inherit (final) config; pin = final._recorded.pin; }
        // {
          python = interpreter;
          pythonVersion = version;
          pythonOlder = lib.versionOlder version;
          pythonAtLeast = lib.versionAtLeast version;
          isPy3k = true;
          isPyPy = false;
          isPython3 = true;
          sitePackages = "lib/python${version}/site-packages";
          pkgs = final;
          inherit (final) lib stdenv config;
          buildPythonPackage = build "buildPythonPackage";
          buildPythonApplication = build "buildPythonApplication";
          mkPythonMetaPackage = package.built "mkPythonMetaPackage";
          toPythonModule = drv: drv;
          toPythonApplication = drv: drv;
          makePythonPath = lib.makeSearchPathOutput "out" "lib/python${version}/site-packages";
          requiredPythonModules = drvs: drvs;
          hasPythonModule = _: true;
          disabledIf = condition: drv: if condition then throw "${drv.name} not supported for interpreter python${version}" else drv;
          callPackage = lib.callPackageWith (final // self) import';
          overrideScope = change: pythonSet final label version (given // { overrides = lib.composeExtensions (given.overrides or (_: _: { })) change; });
          overridePythonAttrs = _: self;
          override = new: pythonSet final label version (given // (if lib.isFunction new then new given else new));
          recurseForDerivations = false;
          _recorded = {
            kind = "set";
            inherit label version;
            extended = concatMap (extension: lib.attrNames (extension self self)) extensions;
            interpreter = given.interpreter or { };
          };
        }));
    in
    lib.fix (layered extensions base);

  # What an interpreter's override is given, for its packages.
  packagesGiven = given:
    (if given ? packageOverrides then { overrides = given.packageOverrides; } else { }) // { interpreter = removeAttrs given [ "packageOverrides" "self" ]; };

  pythonFor = final: label: version: given:
    let
      pkgs' = pythonSet final "${label}.pkgs" version (packagesGiven given);
      base = package.named label "python3" [ "out" ] version;
      environment = how: choose: package.made how "python3-env" (concatStringsSep "\n" (map toString (choose pkgs'))) { };
    in
    base // {
      pkgs = pkgs';
      pythonVersion = version;
      sitePackages = "lib/python${version}/site-packages";
      interpreter = "‹${label}›/bin/python${version}";
      executable = "python${version}";
      libPrefix = "python${version}";
      pythonOnBuildForHost = base // { interpreter = "‹${label}›/bin/python${version}"; };
      withPackages = environment "withPackages";
      buildEnv = { override = given': package.made "pythonEnv" "python3-env" (concatStringsSep "\n" (map toString (given'.extraLibs or [ ]))) { }; };
      override = new: pythonFor final label version (given // (if lib.isFunction new then new given else new));
      _recorded = base._recorded // { python = given; };
    };

  packagesOf = final: interpreter: label: version: pythonSet final label version (packagesGiven (final.${interpreter}._recorded.python or { }));

  # The same packages for one GPU, as nixpkgs names them: pkgsForCudaArch.sm_90a.
  forCudaArch = final: name:
    let parts = match "sm_([0-9]+)([0-9])([af]?)" name; in
    if parts == null then [ ]
    else [ { inherit name; value = variantOf final { cudaSupport = true; cudaForwardCompat = false; cudaCapabilities = [ "${elemAt parts 0}.${elemAt parts 1}${elemAt parts 2}" ]; } [ ]; } ];

  basePackages = described: final:
    let
      inherit (described) pin system;
      config = {
        cudaSupport = false; rocmSupport = false; allowUnfree = false; allowBroken = false; allowAliases = true;
        allowUnsupportedSystem = false; cudaCapabilities = [ ]; cudaForwardCompat = true; permittedInsecurePackages = [ ];
      } // described.config;
      # Where its programs run; where they are compiled, if that is another system.
      platform = platformOf (described.host or system) // { inherit (described) gcc; };
      compiling = if described.host or system == system then platform else platformOf system // { gcc = { }; };
      # Sets that nobody has noted for this pin may be there all the same.
      unsure = version: name: value: if elem version pin.cuda_sets then value else note { kind = "unsure"; inherit name; } value;
      numbered = name: version: unsure version name (cudaSet final name version false [ ]);
      # Sets of releases that the catalogue does not have.
      foreign = name:
        let parts = match "cudaPackages_([0-9]+)_([0-9]+)" name; in
        if parts == null then [ ]
        else let version = concatStringsSep "." parts; in [ { inherit name; value = numbered name version; } ];
      alias = name: version: note { kind = "moving-alias"; inherit name; instead = version; } (cudaSet final name version true [ ]);
      blas = package.package {
        info = { label = "blas"; builder = "nixpkgs"; };
        make = arguments: _: {
          pname = "blas";
          version = "3";
          outputs = [ "out" "dev" ];
          src = "‹blas.src›";
          passthru = { provider = arguments.blasProvider or (package.named "openblas" "openblas" [ "out" "dev" ] "0.3"); isILP64 = arguments.isILP64 or false; };
        };
      };
      magmaFor = label: package.package {
        info = { inherit label; builder = "magma"; effective = arguments: { inherit (final) cudaPackages config; } // arguments; };
        make = arguments: _: {
          pname = "magma";
          version = "2.9.0";
          outputs = [ "out" ];
          patches = lib.optional pin.magma_cuda13 "‹nixpkgs:patches›/cuda-13.0-clockrate-fix.patch";
          passthru = { cudaPackages = arguments.cudaPackages or final.cudaPackages; };
        };
      };
      # Where programs are compiled on another system, the tools for it are packages of another set.
      native = compiling.system == platform.system;
      prefix = if native then "" else "${platform.config}-";
      toolPackages = if native then mapAttrs (_: _: final) known.toolSets else { };
      interpreter = name: version: pythonFor final name version { };
      pythonPackages = label: { interpreter, version }: packagesOf final interpreter label version;
      platformed = name: value: value // { inherit (platform) isLinux isDarwin isx86_64 isAarch64 is64bit; };
    in
    # The small sets first: each `//` copies both of its sides.
    unknownIn "pkgs"
    // (known.packages
    // ((mapAttrs numbered known.cudaNames // mapAttrs alias pin.alias_names) // (mapAttrs interpreter known.pythons // mapAttrs pythonPackages known.pythonSets)
    // (listToAttrs (concatMap foreign cudaMentioned) // (mapAttrs (label: _: stdenvOf final label) known.stdenvs // toolPackages))
    // {
      inherit config blas;
      inherit (platform) system;
      lib = recipeLib;
      pkgs = final;
      stdenv = platformed "stdenv" {
        hostPlatform = platform;
        buildPlatform = compiling;
        targetPlatform = platform;
        inherit (platform) system;
        mkDerivation = package.built "mkDerivation";
        cc = known.compilerNamed "stdenv.cc" prefix;
        shell = "‹bash›/bin/bash";
        shellPackage = package.named "bash" "bash" [ "out" ] "5";
        override = (stdenvOf final "stdenv").override;
        _recorded = { kind = "set"; label = "stdenv"; };
      };
      stdenvNoCC = final.stdenv;
      targetPackages = final;
      pkgsHostTarget = final;
      pkgsHostHost = final;
      pkgsTargetTarget = final;
      hostPlatform = platform;
      targetPlatform = platform;
      buildPlatform = compiling;
      mkDerivation = final.stdenv.mkDerivation;
      cudaPackages = cudaSet final "cudaPackages" pin.cuda false [ ];
      magma = magmaFor "magma";
      addDriverRunpath = package.named "addDriverRunpath" "add-driver-runpath" [ "out" ] "0" // { driverLink = "/run/opengl-driver"; };
      triton-llvm = package.named "triton-llvm" "triton-llvm" [ "out" ] "22";
      # The same function with CUDA asked for: what an overlay does to `magma` reaches it.
      magma-cuda = final.magma.override { cudaSupport = true; };
      magma-cuda-static = final.magma.override { cudaSupport = true; static = true; };
      magma-hip = final.magma.override { rocmSupport = true; cudaSupport = false; };
      rocmPackages = unknownIn "rocmPackages" // { clr = package.named "rocmPackages.clr" "clr" [ "out" ] "6"; _recorded = { kind = "set"; label = "rocmPackages"; }; };
      pkgsCuda = variantOf final ({ cudaSupport = true; } // lib.optionalAttrs config.rocmSupport { rocmSupport = false; }) [ ];
      pkgsRocm = variantOf final { cudaSupport = false; rocmSupport = true; } [ ];
      pkgsForCudaArch = listToAttrs (concatMap (forCudaArch final) (attrNames all));
      llvmPackages = unknownIn "llvmPackages" // known.llvm // { stdenv = stdenvOf final "llvmPackages.stdenv"; libcxxStdenv = stdenvOf final "llvmPackages.libcxxStdenv"; clang = known.compilerNamed "llvmPackages.clang" prefix; _recorded = { kind = "set"; label = "llvmPackages"; }; };
      python3 = pythonFor final "python3" "3.13" (final.python313._recorded.python or { });
      python = final.python3;
      python3Packages = packagesOf final "python3" "python3Packages" "3.13";
      pythonPackagesExtensions = [ ];
      callPackage = lib.callPackageWith final import';
      callPackages = final.callPackage;
      newScope = scope: lib.callPackageWith (final // scope) import';
      makeScope = lib.makeScope;
      makeScopeWithSplicing' = _: throw "makeScopeWithSplicing' is not recorded";
      appendOverlays = overlays: make (described // { overlays = described.overlays ++ overlays; });
      extend = overlay: make (described // { overlays = described.overlays ++ [ overlay ]; });
      config' = config;
      overlays = described.overlays;
      _recorded = described // {
        kind = "pkgs";
        label = described.source;
        shown_config = shownConfig final described.config;
        # What the recipe's overlays set; those of `variantOf` are nixpkgs' own.
        overlaid = concatMap (overlay: lib.attrNames (overlay final final)) (lib.take (builtins.length described.overlays - described.own or 0) described.overlays);
      };
    }));

  # A function of the package set is shown by what it gives; what is asked of each package, where the answer hangs on none.
  shownConfig = pkgs: config:
    config
    // (mapAttrs
      (_: value:
        let tried = if isFunction value then builtins.tryEval (value (throw "a package")) else { success = false; }; in
        if tried.success && builtins.isBool tried.value then { always = tried.value; } else value)
      (builtins.intersectAttrs predicates config)
    // (if isFunction (config.replaceStdenv or null) then { replaceStdenv = config.replaceStdenv { inherit pkgs; }; } else { }));
  predicates = { allowBrokenPredicate = null; allowInsecurePredicate = null; allowNonSourcePredicate = null; allowUnfreePredicate = null; };

  # The same packages by another configuration, as nixpkgs' own sets of them are.
  variantOf = final: config: overlays:
    let described = final._recorded; in
    make {
      inherit (described) source rev pin system gcc;
      host = described.host or described.system;
      config = described.config // config;
      overlays = described.overlays ++ overlays;
      own = described.own or 0 + builtins.length overlays;
    };

  make = described:
    lib.fix (layered described.overlays (basePackages described));

  revOf = text: let found = match ".*[^0-9a-f]([0-9a-f]{40})([^0-9a-f].*)?" text; in if found == null then null else head found;

  # Where a nixpkgs comes from: Nix's own fetchers say it; those of another nixpkgs are packages.
  placeFrom = recorded:
    if !(recorded ? fetch) then recorded
    else {
      url = recorded.fetch.url or "https://github.com/${recorded.fetch.owner or "?"}/${recorded.fetch.repo or "?"}";
      arguments = recorded.fetch // (if recorded.fetch ? tag then { rev = recorded.fetch.tag; } else { });
      position = placeOf "rev" recorded.fetch;
    };

  # "x86_64-linux", { system = ...; } or { config = "x86_64-unknown-linux-gnu"; }.
  systemOf = platform:
    if !(lib.isAttrs platform) then platform
    else platform.system or (
      let parts = match "([^-]+)-(.+-)?(linux|darwin)(-.*)?" (platform.config or ""); in
      if parts == null then defaultSystem else "${head parts}-${elemAt parts 2}");

  # What `import nixpkgs` gives: the function of nixpkgs' default.nix.
  nixpkgs = source:
    let
      where = placeFrom source._recorded;
      rev = where.arguments.rev or (revOf where.url);
      pin = pinOf rev;
    in
    given:
    let
      local = given.localSystem or { };
      host = if cross then given.crossSystem else local;
      system = given.system or (if given ? localSystem then systemOf local else defaultSystem);
      config = let c = given.config or { }; in if isFunction c then c { inherit pkgs; lib = recipeLib; } else c;
      # The older way to say an overlay.
      overlays = (if config ? packageOverrides then [ (_: prev: config.packageOverrides prev) ] else [ ]) ++ given.overlays or [ ];
      gcc = if lib.isAttrs host then host.gcc or { } else { };
      cross = given.crossSystem or null != null;
      plain = !(lib.isAttrs local) || attrNames (removeAttrs local [ "system" ]) == [ ];
      pkgs = make { source = source.outPath; inherit rev pin system config overlays gcc; host = if cross then systemOf host else system; };
    in
    note {
      kind = "nixpkgs";
      inherit rev system;
      host = pkgs.stdenv.hostPlatform.system;
      source = source.outPath;
      inherit (where) url;
      sha256 = where.arguments.sha256 or (where.arguments.hash or (where.arguments.narHash or null));
      config = package.describe config;  # its functions are called when `pkgs` is there
      overlays = builtins.length overlays;
      inherit (where) position;
      asked_system = given ? system || given ? localSystem;
      machine_flags = map (part: "-m${part}=${gcc.${part}}") (builtins.filter (part: gcc ? ${part}) [ "arch" "cpu" "tune" ]);
      arguments = package.describe (removeAttrs given ([ "system" "config" "overlays" ] ++ lib.optional plain "localSystem"));
    } pkgs;
in
{
  inherit nixpkgs;
  lib = recipeLib;
  # The set from which a recipe's arguments come when it does not pin one itself.
  outer = rev: make { source = "‹caller›"; inherit rev; pin = pinOf rev; system = defaultSystem; config = { }; overlays = [ ]; gcc = { }; };
}
