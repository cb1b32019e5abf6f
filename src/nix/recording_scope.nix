# SPDX-License-Identifier: MIT
# What a recipe sees instead of Nix's own builtins: all that is pure is the real thing; whatever could reach the machine,
# the network or the store is answered by a recorder and noted. A function notes each call; values that are noted (the
# time, the system) are made anew for each recipe.
# Does not decide whether a note is bad: the audit does.
{ note, placeOf, placeOfFirst, folder, package, hidden, face }:

let
  inherit (builtins) concatStringsSep elem head isAttrs isFunction isPath isString listToAttrs map mapAttrs match stringLength substring tail typeOf unsafeDiscardStringContext;

  impure = what: detail: note { kind = "impure"; inherit what detail; };

  # A path as text, `..` resolved by its letters; symlinks are Nix's own restricted mode's business.
  textOf = path: unsafeDiscardStringContext (toString (if isPath path then path else if substring 0 1 "${path}" == "/" then /. + unsafeDiscardStringContext "${path}" else "${path}"));
  inside = text: text == folder || substring 0 (stringLength folder + 1) text == folder + "/";
  isPlaceholder = text: substring 0 (stringLength "‹") text == "‹";

  # Does `real path` for what lies in the folder; else notes the attempt and answers `instead`.
  guarded = what: real: instead: path:
    let text = textOf path; in
    if inside text then real path
    else if isPlaceholder text then note { kind = "import-from-derivation"; inherit what; detail = text; } instead
    else impure what text instead;

  source = kind: arguments:
    let
      given = if isAttrs arguments then arguments else { url = toString arguments; };
      where = given.url or (given.path or (concatStringsSep "/" [ (given.owner or "?") (given.repo or "?") ]));
      rev = if given ? rev then "@${given.rev}" else "";
      shown = given // { url = toString where; };
      position = placeOfFirst [ "sha256" "hash" "url" ] given;
    in
    note { kind = "fetch"; how = kind; arguments = package.describe shown; inherit position; }
      (package.source { inherit kind position; url = "${toString where}"; arguments = shown; label = "‹${kind}:${toString where}${rev}›"; });

  kind = test: value: hidden.tested value (test value);

  lookup = name: impure "lookup" "‹${name}›" (package.source { kind = "lookup"; position = null; url = name; arguments = { }; label = "‹${name}›"; });

  derivation' = arguments: note { kind = "made"; how = "derivation"; name = arguments.name or ""; text = ""; } (package.plain "derivation" arguments);

  overridden = {
    fetchTarball = source "fetchTarball";
    fetchurl = source "fetchurl";
    fetchGit = source "fetchGit";
    fetchMercurial = source "fetchMercurial";
    fetchTree = source "fetchTree";
    fetchClosure = source "fetchClosure";
    getFlake = reference: source "getFlake" { url = reference; };
    getEnv = name: impure "environment" name face.environment;
    storePath = path: impure "store path" (textOf path) "‹store-path:${textOf path}›";
    findFile = _: lookup;
    readFile = path: guarded "read" builtins.readFile (face.environment + "‹content:${textOf path}›") path;
    readDir = guarded "read" hidden.readDir { };
    readFileType = guarded "read" builtins.readFileType "regular";
    pathExists = guarded "read" builtins.pathExists face.exists;
    hashFile = algorithm: path: guarded "read" (builtins.hashFile algorithm) "‹hash:${textOf path}›" path;
    path = given: let text = textOf given.path; in if inside text then given.path else impure "read" text "‹${text}›";
    filterSource = _: path: path;
    toFile = name: text: note { kind = "made"; how = "toFile"; inherit name; text = unsafeDiscardStringContext text; } "‹toFile:${name}›";
    # Where nixpkgs has it; the recorder answers nothing, its other face some place.
    unsafeGetAttrPos = name: set:
      let place = placeOf name set; in
      if place == null && (set ? ${name} || face.place != null && set ? _recorded) then face.place else place;
    # Whether something fails, what kind of thing it is: not known of a name that is not known.
    tryEval = value: note { kind = "tested"; } (builtins.tryEval value);
    isAttrs = kind hidden.isAttrs;
    isString = kind hidden.isString;
    isFunction = kind isFunction;
    typeOf = kind hidden.typeOf;
    # Shows all of a value, functions too: no recipe of a package needs it.
    toXML = value: impure "builtins.toXML" (typeOf value) "<?xml version='1.0' encoding='utf-8'?>\n<expr>\n</expr>\n";
    # Whether a text speaks of packages: the recorder's texts have no context.
    hasContext = text: builtins.hasContext text || impure "builtins.hasContext" "" (match ".*‹.*" "${text}" != null);
    getContext = text: impure "builtins.getContext" "" (builtins.getContext text);
    derivation = derivation';
    derivationStrict = derivation';
    trace = message: note { kind = "trace"; message = if isString message then unsafeDiscardStringContext message else "a ${typeOf message}"; };
    traceVerbose = _: value: value;
    warn = message: note { kind = "warn"; message = unsafeDiscardStringContext (toString message); };
    break = value: value;
    addErrorContext = _: value: value;
  };

  # Names that Nix knows without `builtins.`; all the rest are known as `__name`.
  bare = [ "abort" "baseNameOf" "break" "derivation" "derivationStrict" "dirOf" "fetchGit" "fetchMercurial" "fetchTarball" "fetchTree" "fromTOML" "isNull" "map" "placeholder" "removeAttrs" "throw" "toString" ];

  # Of the recorder's own, what Nix has by that name.
  pure = builtins // builtins.intersectAttrs builtins (hidden.looking // hidden) // overridden;
  names = set:
    listToAttrs (map (name: { name = "__${name}"; value = set.${name}; }) (builtins.attrNames set))
    // listToAttrs (builtins.concatMap (name: if set ? ${name} then [ { inherit name; value = set.${name}; } ] else [ ]) bare);
  pureNames = names pure;
in
# Once a recipe.
{ system, nixpkgs, lib }:

let
  # torchlathe's nix/carve.nix: what it makes of a package holds what that package built for these GPUs would hold, so that
  # is what is recorded.
  carve = _: { package, gpus, pname ? null, passthru ? { }, meta ? { }, instead ? [ ], expect ? { }, ... }:
    let
      companion = instead != [ ];
      base = package._recorded or { };
      named = base.effective.gpuTargets or [ ];
      # Nobody changed it: the one that caches have, where the package set was asked for nothing else.
      own = base.builder or "" == "torch" && base.arguments == { } && base.changes == 0;
      noted = note { kind = "carved-of"; inherit own expect; gpus = if named != [ ] then named else package.cudaCapabilities or [ ]; };
      change = if companion then { torch = (builtins.head instead).use; } else { gpuTargets = gpus; };
      ownList = old: if companion then { preConfigure = (old.preConfigure or "") + "export TORCH_CUDA_ARCH_LIST=\"${builtins.concatStringsSep ";" gpus}\"\n"; } else { };
    in
    noted (package.override change).overrideAttrs (old: ownList old // {
      passthru = (old.passthru or { }) // passthru;
      meta = (old.meta or { }) // meta;
    } // (if pname == null then { } else { inherit pname; }));

  # What `import` gives for something that only exists once it is fetched or built.
  importFetched = text: value:
    let
      root = isAttrs value;
      nixpkgsLike = match ".*(nixpkgs|nixexprs|nixos).*" text != null;
      # (A tree as a whole is not a file of it.)
      carver = if root then null else match "‹fetch[^:]*:(.*)›/nix/carve\\.nix" text;
    in
    if carver != null then note { kind = "carved"; url = head carver; } carve
    else if nixpkgsLike && root && match ".*/lib›" text != null then lib
    else if nixpkgsLike && root then nixpkgs value
    else if nixpkgsLike && match "‹.*›/lib(/default.nix)?" text != null then lib
    else if nixpkgsLike && match "‹.*›/(default.nix)?" text != null then nixpkgs (package.source { kind = "text"; position = null; url = text; arguments = { }; label = text; })
    else note { kind = "import-fetched"; detail = text; } (package.function "import ${text}");

  import' = target:
    let
      text = textOf target;
      name = if isPath target || inside text then text else unsafeDiscardStringContext "${target}";
    in
    if isAttrs target && target ? _recorded then importFetched "${target}" target
    else if isPlaceholder name then importFetched name null
    else if inside name then builtins.scopedImport scope (/. + name)
    else impure "import" name (throw "the recipe imports ${name}, which lies outside its folder: it was not read");

  # A flake's own packages: what its nixpkgs gives without settings.
  getFlake = reference:
    let flake = pure.getFlake reference; in
    if match ".*(nixpkgs|nixos).*" "${flake}" == null then flake
    else flake // {
      inherit lib;
      legacyPackages = listToAttrs (map (name: { inherit name; value = nixpkgs flake { system = name; }; }) [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ]);
    };

  own = {
    inherit getFlake;
    import = import';
    scopedImport = _: import';
    currentTime = impure "time" "builtins.currentTime" face.time;
    currentSystem = impure "system" "builtins.currentSystem" system;
    nixPath = impure "lookup" "builtins.nixPath" [ ];
    builtins = safe;
  };
  safe = pure // own;
  scope = pureNames // {
    inherit (own) import scopedImport builtins;
    __import = own.import;
    __scopedImport = own.scopedImport;
    __currentTime = own.currentTime;
    __currentSystem = own.currentSystem;
    __nixPath = own.nixPath;
    __builtins = safe;
  };
in
{ inherit scope; import = import'; }
