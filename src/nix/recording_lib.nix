# SPDX-License-Identifier: MIT
# The part of nixpkgs' `lib` that recipes of packages use, with the same meaning; written anew and small.
# What is not here is answered by `unknown` (see recording_pkgs.nix), so a recipe that asks for more still evaluates.
# Knows nothing of packages but the names of their outputs.
{ note, readFile, hidden, face }:

let
  inherit (builtins)
    catAttrs concatLists concatStringsSep functionArgs genList getAttr hasAttr intersectAttrs isBool isFloat isFunction isInt
    isList listToAttrs seq toString unsafeDiscardStringContext;
  inherit (hidden.looking)
    all any concatMap elem elemAt filter foldl' head length map match replaceStrings sort split stringLength substring tail;
  inherit (hidden) attrNames attrValues isAttrs isString mapAttrs toJSON zipAttrsWith;

  callable = f: isFunction f || (builtins.isAttrs f && f ? __functor);

  trivial = rec {
    inherit (builtins) lessThan isBool isFloat isInt isList functionArgs seq deepSeq add sub mul div;
    inherit (hidden) isAttrs isString;
    id = x: x;
    const = x: _: x;
    flip = f: a: b: f b a;
    pipe = foldl' (x: f: f x);
    concat = a: b: a ++ b;
    "or" = a: b: a || b;
    and = a: b: a && b;
    boolToString = b: if b then "true" else "false";
    mergeAttrs = a: b: a // b;
    isFunction = callable;
    toFunction = v: if callable v then v else _: v;
    setFunctionArgs = f: args: { __functor = _: f; __functionArgs = args; };
    min = a: b: if a < b then a else b;
    max = a: b: if a > b then a else b;
    mod = a: b: a - b * (a / b);
    inPureEvalMode = false;
    version = face.release;
    release = face.release;
    trace = message: note { kind = "trace"; message = unsafeDiscardStringContext (toString message); };
    traceVal = x: x;
    traceIf = _: _: x: x;
    traceSeq = _: x: x;
    warn = message: note { kind = "warn"; inherit message; };
    warnIf = condition: message: if condition then warn message else id;
    warnIfNot = condition: warnIf (!condition);
    throwIf = condition: message: if condition then throw message else id;
    throwIfNot = condition: throwIf (!condition);
    assertMsg = condition: message: condition || throw message;
    assertOneOf = name: value: choices:
      assertMsg (elem value choices) "${name} must be one of ${toJSON choices}, but is: ${toJSON value}";
    importJSON = file: hidden.fromJSON (readFile file);
    importTOML = file: hidden.fromTOML (readFile file);
  };

  lists = rec {
    inherit (builtins) concatLists genList;
    inherit (hidden.looking) all any concatMap elem elemAt filter foldl' head length map partition sort tail;
    inherit (hidden) groupBy;
    optional = condition: x: if condition then [ x ] else [ ];
    optionals = condition: xs: if condition then xs else [ ];
    singleton = x: [ x ];
    toList = x: if isList x then x else [ x ];
    flatten = x: if isList x then concatMap flatten x else [ x ];
    foldr = f: nul: xs: let n = length xs; go = i: if i == n then nul else f (elemAt xs i) (go (i + 1)); in go 0;
    fold = foldr;
    foldl = f: nul: xs: foldl' f nul xs;
    imap0 = f: xs: genList (i: f i (elemAt xs i)) (length xs);
    imap1 = f: xs: genList (i: f (i + 1) (elemAt xs i)) (length xs);
    forEach = xs: f: map f xs;
    range = first: last: if first > last then [ ] else genList (i: first + i) (last - first + 1);
    replicate = n: x: genList (_: x) n;
    remove = x: filter (y: y != x);
    unique = foldl' (seen: x: if elem x seen then seen else seen ++ [ x ]) [ ];
    findFirst = test: default: xs: let found = filter test xs; in if found == [ ] then default else head found;
    count = test: xs: length (filter test xs);
    last = xs: elemAt xs (length xs - 1);
    init = xs: take (length xs - 1) xs;
    sublist = start: n: xs:
      let left = length xs - start; in genList (i: elemAt xs (start + i)) (trivial.max 0 (trivial.min n left));
    take = sublist 0;
    drop = n: xs: sublist n (length xs) xs;
    reverseList = xs: let n = length xs; in genList (i: elemAt xs (n - i - 1)) n;
    zipListsWith = f: a: b: genList (i: f (elemAt a i) (elemAt b i)) (trivial.min (length a) (length b));
    zipLists = zipListsWith (fst: snd: { inherit fst snd; });
    intersectLists = a: filter (x: elem x a);
    subtractLists = a: filter (x: !(elem x a));
    mutuallyExclusive = a: b: intersectLists a b == [ ];
    naturalSort = sort (a: b: a < b);
  };

  attrsets = rec {
    inherit (builtins) getAttr;
    inherit (hidden) attrNames attrValues catAttrs hasAttr intersectAttrs isAttrs listToAttrs mapAttrs removeAttrs zipAttrsWith;
    nameValuePair = name: value: { inherit name value; };
    optionalAttrs = condition: set: if condition then set else { };
    filterAttrs = test: set: removeAttrs set (filter (name: !(test name set.${name})) (attrNames set));
    mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));
    mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
    concatMapAttrs = f: set: foldl' (a: b: a // b) { } (attrValues (mapAttrs f set));
    concatMapAttrsStringSep = separator: f: set: concatStringsSep separator (mapAttrsToList f set);
    attrsToList = mapAttrsToList nameValuePair;
    genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);
    getAttrs = names: set: genAttrs names (name: set.${name});
    attrVals = names: set: map (name: set.${name}) names;
    attrByPath = path: default: set:
      if path == [ ] then set
      else if isAttrs set && hidden.hasAttr (head path) set then attrByPath (tail path) default set.${head path}
      else default;
    hasAttrByPath = path: set:
      path == [ ] || (isAttrs set && hidden.hasAttr (head path) set && hasAttrByPath (tail path) set.${head path});
    getAttrFromPath = path: set: attrByPath path (throw "cannot find attribute `${concatStringsSep "." path}'") set;
    setAttrByPath = path: value: if path == [ ] then value else listToAttrs [ (nameValuePair (head path) (setAttrByPath (tail path) value)) ];
    recursiveUpdate = a: b:
      a // mapAttrs (name: value: if isAttrs value && a ? ${name} && isAttrs a.${name} then recursiveUpdate a.${name} value else value) b;
    foldAttrs = f: nul: sets: mapAttrs (_: lists.foldr f nul) (zipAttrsWith (_: values: values) sets);
    foldlAttrs = f: nul: set: foldl' (sum: name: f sum name set.${name}) nul (attrNames set);
    zipAttrs = zipAttrsWith (_: values: values);
    mergeAttrsList = foldl' (a: b: a // b) { };
    isDerivation = x: isAttrs x && x.type or null == "derivation";
    recurseIntoAttrs = set: set // { recurseForDerivations = true; };
    dontRecurseIntoAttrs = set: set // { recurseForDerivations = false; };
    getOutput = output: package:
      if !(isAttrs package) || package.outputSpecified or false then package
      else package.${output} or package.out or package;
    getFirstOutput = candidates: package:
      let found = filter (name: package ? ${name}) candidates;
      in if package.outputSpecified or false || found == [ ] then package else package.${head found};
    getBin = getFirstOutput [ "bin" "out" ];
    getLib = getFirstOutput [ "lib" "out" ];
    getStatic = getFirstOutput [ "static" "lib" "out" ];
    getDev = getFirstOutput [ "dev" "out" ];
    getInclude = getFirstOutput [ "include" "dev" "out" ];
    getMan = getFirstOutput [ "man" "doc" "out" ];
    chooseDevOutputs = map getDev;
  };

  strings = rec {
    inherit (builtins) concatStringsSep unsafeDiscardStringContext toString;
    inherit (hidden.looking) replaceStrings stringLength substring;
    inherit (hidden) fromJSON isString toJSON;
    optionalString = condition: text: if condition then text else "";
    concatStrings = concatStringsSep "";
    concatMapStrings = f: xs: concatStrings (map f xs);
    concatMapStringsSep = separator: f: xs: concatStringsSep separator (map f xs);
    concatImapStrings = f: xs: concatStrings (lists.imap1 f xs);
    concatImapStringsSep = separator: f: xs: concatStringsSep separator (lists.imap1 f xs);
    concatLines = concatMapStrings (line: line + "\n");
    join = concatStringsSep;
    intersperse = separator: xs:
      if xs == [ ] then [ ] else [ (head xs) ] ++ concatMap (x: [ separator x ]) (tail xs);
    makeSearchPath = sub: paths: concatMapStringsSep ":" (path: "${path}/${sub}") (filter (x: x != null) paths);
    makeSearchPathOutput = output: sub: packages: makeSearchPath sub (map (attrsets.getOutput output) packages);
    makeLibraryPath = packages: makeSearchPath "lib" (map attrsets.getLib packages);
    makeIncludePath = packages: makeSearchPath "include" (map attrsets.getDev packages);
    makeBinPath = packages: makeSearchPath "bin" (map attrsets.getBin packages);
    hasPrefix = prefix: text: substring 0 (stringLength prefix) (toString text) == prefix;
    hasSuffix = suffix: text:
      let n = stringLength text; k = stringLength suffix; in n >= k && substring (n - k) k text == suffix;
    hasInfix = infix: text: length (split (escapeRegex infix) text) > 1;
    removePrefix = prefix: text: if hasPrefix prefix text then substring (stringLength prefix) (-1) text else text;
    removeSuffix = suffix: text:
      if hasSuffix suffix text then substring 0 (stringLength text - stringLength suffix) text else text;
    replaceChars = replaceStrings;
    stringToCharacters = text: genList (i: substring i 1 text) (stringLength text);
    stringAsChars = f: text: concatMapStrings f (stringToCharacters text);
    splitString = separator: text: filter isString (split (escapeRegex separator) (toString text));
    escape = characters: replaceStrings characters (map (c: "\\${c}") characters);
    escapeRegex = escape (stringToCharacters "\\[{()^$?*+|.");
    escapeShellArg = argument:
      let text = toString argument;
      in if match "[[:alnum:],._+:@%/-]+" text != null then text else "'${replaceStrings [ "'" ] [ "'\\''" ] text}'";
    escapeShellArgs = concatMapStringsSep " " escapeShellArg;
    escapeNixString = text: escape [ "$" ] (toJSON text);
    lowerLetters = stringToCharacters "abcdefghijklmnopqrstuvwxyz";
    upperLetters = stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    toLower = replaceStrings upperLetters lowerLetters;
    toUpper = replaceStrings lowerLetters upperLetters;
    trim = text: let found = match "[ \t\r\n]*(.*[^ \t\r\n])?[ \t\r\n]*" text; in if head found == null then "" else head found;
    toInt = text: let value = builtins.fromJSON text; in if isInt value then value else throw "toInt: ${text} is not an integer";
    fixedWidthString = width: filler: text:
      if stringLength text >= width then text else fixedWidthString width filler (filler + text);
    fixedWidthNumber = width: n: fixedWidthString width "0" (toString n);
    versionOlder = a: b: hidden.looking.compareVersions b a == 1;
    versionAtLeast = a: b: !(versionOlder a b);
    inherit (hidden.looking) splitVersion;
    getName = x: if isAttrs x then x.pname or (builtins.parseDrvName x.name).name else (builtins.parseDrvName x).name;
    getVersion = x: if isAttrs x then x.version or (builtins.parseDrvName x.name).version else (builtins.parseDrvName x).version;
    nameFromURL = url: separator: head (splitString separator (lists.last (splitString "/" url)));
    cmakeOptionType = type: name: value: "-D${name}:${type}=${value}";
    cmakeBool = name: value: cmakeOptionType "BOOL" name (if value then "TRUE" else "FALSE");
    cmakeFeature = cmakeOptionType "STRING";
    mesonOption = name: value: "-D${name}=${value}";
    mesonBool = name: value: mesonOption name (trivial.boolToString value);
    mesonEnable = name: value: mesonOption name (if value then "enabled" else "disabled");
    enableFeature = flag: name: "--${if flag then "enable" else "disable"}-${name}";
    enableFeatureAs = flag: name: value: enableFeature flag name + optionalString flag "=${value}";
    withFeature = flag: name: "--${if flag then "with" else "without"}-${name}";
    withFeatureAs = flag: name: value: withFeature flag name + optionalString flag "=${value}";
    isStringLike = x: isString x || builtins.isPath x || (isAttrs x && (x ? outPath || x ? __toString));
    isStorePath = x: isStringLike x && match "/nix/store/[^/]+" (toString x) != null;
    sanitizeDerivationName = text: concatStrings (map (x: if isList x then "-" else x) (split "[^[:alnum:]+._?=-]+" text));
  };

  versions = rec {
    inherit (hidden.looking) splitVersion;
    major = v: elemAt (splitVersion v) 0;
    minor = v: elemAt (splitVersion v) 1;
    patch = v: elemAt (splitVersion v) 2;
    majorMinor = v: "${major v}.${minor v}";
    pad = n: v:
      let parts = splitVersion v;
      in concatStringsSep "." (lists.take n (parts ++ lists.replicate (trivial.max 0 (n - length parts)) "0"));
  };

  fixedPoints = rec {
    fix = f: let x = f x; in x;
    fix' = f: let x = f x // { __unfix__ = f; }; in x;
    extends = overlay: base: final: let prev = base final; in prev // overlay final prev;
    composeExtensions = f: g: final: prev: let first = f final prev; in first // g final (prev // first);
    composeManyExtensions = lists.foldr composeExtensions (_: _: { });
    makeExtensible = f: fix' (self: f self // { extend = overlay: makeExtensible (extends overlay f); });
    toExtension = f: if callable f then (final: prev: let first = f prev; in if callable first then f final prev else first) else _: _: f;
  };

  customisation = rec {
    # `result` keeps how it was made, so that `override` makes it again from other arguments.
    makeOverridable = f: args:
      let
        result = f args;
        remake = new: makeOverridable f (args // (if callable new then new args else new));
      in
      if isAttrs result then
        result
        // {
          override = trivial.setFunctionArgs remake (functionArgsOf f);
          overrideDerivation = g: result.overrideAttrs g;
          overrideAttrs = g: makeOverridable (trivial.setFunctionArgs (a: (f a).overrideAttrs g) (functionArgsOf f)) args;
        }
      else if callable result then trivial.setFunctionArgs result (functionArgsOf result) // { override = remake; }
      else result;
    functionArgsOf = f: if isAttrs f then f.__functionArgs or (functionArgs (f.__functor f)) else functionArgs f;
    callPackageWith = scope: import': target: given:
      let
        f = if callable target then target else import' target;
        wanted = functionArgsOf f;
        # `{ ... }@pkgs: ` and `pkgs: ` name no argument: nixpkgs then passes only what is given.
        args = hidden.argumentsFrom wanted scope // given;
      in
      if callable f then makeOverridable f args else f;
    overrideDerivation = package: g: package.overrideAttrs g;
    hydraJob = x: x;
    addPassthru = passthru: package: package // passthru;
    extendDerivation = _: passthru: package: package // passthru;
    makeScope = newScope: f: let self = f self // { newScope = scope: newScope (self // scope); callPackage = self.newScope { }; overrideScope = g: makeScope newScope (fixedPoints.extends g f); packages = f; }; in self;
  };

  platforms = rec {
    linux = [ "aarch64-linux" "armv7l-linux" "i686-linux" "powerpc64le-linux" "riscv64-linux" "x86_64-linux" ];
    darwin = [ "aarch64-darwin" "x86_64-darwin" ];
    unix = linux ++ darwin;
    all = unix ++ [ "x86_64-windows" ];
    x86_64 = [ "x86_64-linux" "x86_64-darwin" ];
    x86 = x86_64 ++ [ "i686-linux" ];
    aarch64 = [ "aarch64-linux" "aarch64-darwin" ];
    none = [ ];
    windows = [ "x86_64-windows" ];
  };

  modules = rec {
    mkOverride = priority: content: { _type = "override"; inherit priority content; };
    mkForce = mkOverride 50;
    mkDefault = mkOverride 1000;
    mkIf = condition: content: { _type = "if"; inherit condition content; };
    mkMerge = contents: { _type = "merge"; inherit contents; };
    mkOrder = priority: content: { _type = "order"; inherit priority content; };
    mkBefore = mkOrder 500;
    mkAfter = mkOrder 1500;
  };

  meta = rec {
    addMetaAttrs = new: package: package // { meta = package.meta or { } // new; };
    setName = name: package: package // { inherit name; };
    lowPrio = addMetaAttrs { priority = 10; };
    hiPrio = addMetaAttrs { priority = -10; };
    availableOn = platform: package: elem platform.system (package.meta.platforms or [ platform.system ]);
    platformMatch = platform: wanted: platform.system == wanted;
    getExe = package: getExe' package (package.meta.mainProgram or (strings.getName package));
    getExe' = package: name: "${attrsets.getBin package}/bin/${name}";
    getLicenseFromSpdxId = spdxId: { inherit spdxId; };
  };

  other = {
    inherit trivial lists attrsets strings versions fixedPoints customisation platforms modules;
    meta = meta // { inherit platforms; };
    systems = { doubles = platforms; flakeExposed = platforms.unix; };
    sources = { cleanSource = src: src; cleanSourceWith = given: given.src; sourceByRegex = src: _: src; };
    cleanSource = src: src;
    cleanSourceWith = given: given.src;
    sourceByRegex = src: _: src;
    generators = { toJSON = _: toJSON; toKeyValue = _: set: strings.concatLines (attrsets.mapAttrsToList (k: v: "${k}=${toString v}") set); };
    fakeHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    fakeSha256 = "0000000000000000000000000000000000000000000000000000000000000000";
    sourceTypes = listToAttrs (map (name: { inherit name; value.shortName = name; }) [ "fromSource" "binaryNativeCode" "binaryBytecode" "binaryFirmware" ]);
  };
in
trivial // lists // attrsets // strings // fixedPoints // customisation // modules // meta
// { inherit versions platforms; }
// other
