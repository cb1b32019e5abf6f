# SPDX-License-Identifier: MIT
# Nix's functions that would show a recipe the recorder's mark (`_recorded`, which record.cpp replaces by a random name for
# each process): the same functions, to which a marked set looks like one of nixpkgs.
# Does not hide that a package's path is made up: record.h says how that is told (`other_face`).
{ note, face, values, defaulted }:

let
  inherit (builtins) all filter isAttrs isList map typeOf;

  isHidden = name: name == "_recorded";
  without = set: if set ? _recorded then removeAttrs set [ "_recorded" ] else set;

  # A package's drvPath is a set with a mark, so that it says what Nix would build. In nixpkgs it is a text.
  isText = value: builtins.isString value || (isAttrs value && value ? _recorded && value._recorded.kind == "drvPath");

  # A set of nixpkgs has names in truth that it has not here. (The other face lacks those too that the recipe mentions.)
  isOpen = set: !face.plain_text && isAttrs set && set ? _recorded && !(isText set);
  # `answer`, which hangs on names that `set` may have in truth.
  asked = how: set: answer: if isOpen set then note { kind = "looked-for"; inherit how; } answer else answer;
  # (What is there may be so for the recipe's sake alone: the other face leaves it out once.)
  askedFor = how: names: set: answer:
    if !(isOpen set) then answer
    else if all (name: set ? ${name}) names then note { kind = "asked-names"; inherit names; } answer
    else asked how set answer;

  # A set whose names are values: nixpkgs may have packages by these names.
  withKeys = names: set: if names == [ ] then set else note { kind = "made-keys"; inherit names; } set;
  made = set: withKeys (builtins.attrNames set) set;
  keysIn = value:
    if isAttrs value then builtins.attrNames value ++ builtins.concatMap keysIn (builtins.attrValues value)
    else if isList value then builtins.concatMap keysIn value
    else [ ];
  parsed = value: withKeys (keysIn value) value;

  # All that toJSON walks through: it writes a set that has a path as that text.
  plain = value:
    if isAttrs value then
      if value ? outPath || value ? __toString then value else builtins.mapAttrs (_: plain) (without value)
    else if isList value then map plain value
    else value;

  # What callPackage fills in: it asks for what has a default alone.
  argumentsFrom = wanted: scope:
    let found = builtins.intersectAttrs wanted scope; missing = builtins.attrNames (builtins.removeAttrs wanted (builtins.attrNames found)); in
    if missing != [ ] then askedFor "intersectAttrs" missing scope found
    else askedFor "intersectAttrs" (filter (name: wanted.${name} != false) (builtins.attrNames found)) scope found;
  # An answer that would be another one if an unknown name stood for something else.
  tested = value: answer: if isAttrs value && value ? _recorded && value._recorded.kind == "unknown" then note { kind = "tested"; } answer else answer;

  namesOf = names: builtins.listToAttrs (map (name: { inherit name; value = null; }) names);
  # What nixpkgs has in a package of which only the place is known, as a change of it sees it: by its name.
  # And what a recipe of this folder takes where it is there: `old.LDFLAGS or ""`.
  unread = {
    env = namesOf ([ "NIX_CFLAGS_COMPILE" "NIX_LDFLAGS" ] ++ defaulted.texts);
    sets = namesOf ([ "meta" "passthru" ] ++ defaulted.sets);
    lists = namesOf (defaulted.lists ++ [
      "buildInputs" "nativeBuildInputs" "propagatedBuildInputs" "propagatedNativeBuildInputs" "nativeCheckInputs" "checkInputs" "dependencies" "build-system"
      "cmakeFlags" "configureFlags" "mesonFlags" "makeFlags" "buildFlags" "installFlags" "checkFlags" "ninjaFlags" "patches" "hardeningDisable"
      "pythonImportsCheck" "disabledTests" "disabledTestPaths" "pytestFlags" "pytestFlagsArray"
    ]);
    texts = namesOf (defaulted.texts ++ builtins.concatMap (phase: [ "pre${phase}" "post${phase}" ]) [ "Unpack" "Patch" "Configure" "Build" "Install" "Check" "Fixup" ]);
  };
  # A function that looks into such a thing gives here what it does not give in nixpkgs. Whether it is asked to, matters
  # where the change is to be written anew.
  unreadMark = "‹.*\\.(${builtins.concatStringsSep "|" (builtins.attrNames (unread.lists // unread.texts // unread.sets))}|version|env|env\\..*)›";
  isUnread = value: builtins.isString value && builtins.match unreadMark value != null;
  looked = found: answer: if found == [ ] then answer else note { kind = "looked-into"; name = builtins.head found; } answer;
  inList = list: looked (filter isUnread list);
  inText = text: looked (if builtins.isString text && builtins.length (builtins.split unreadMark text) > 1 then [ text ] else [ ]);
  inSet = f: if values then set: looked (filter isUnread (builtins.attrNames set)) (f set) else f;
  sets = {
    attrNames = set: if set ? _recorded then asked "attrNames" set (filter (name: !(isHidden name)) (builtins.attrNames set)) else builtins.attrNames set;
    attrValues = set: asked "attrValues" set (builtins.attrValues (without set));
    mapAttrs = f: set: asked "mapAttrs" set (builtins.mapAttrs f (without set));
    removeAttrs = names: set: askedFor "removeAttrs" names set (builtins.removeAttrs set names);
  };
  looking =
    if !values then builtins
    else builtins // {
      filter = f: list: inList list (filter f list);
      map = f: list: inList list (map f list);
      concatMap = f: list: inList list (builtins.concatMap f list);
      partition = f: list: inList list (builtins.partition f list);
      sort = f: list: inList list (builtins.sort f list);
      any = f: list: inList list (builtins.any f list);
      all = f: list: inList list (all f list);
      foldl' = f: first: list: inList list (builtins.foldl' f first list);
      elem = value: list: inList list (builtins.elem value list);
      elemAt = list: at: inList list (builtins.elemAt list at);
      head = list: inList list (builtins.head list);
      tail = list: inList list (builtins.tail list);
      length = list: inList list (builtins.length list);
      replaceStrings = from: to: text: inText text (builtins.replaceStrings from to text);
      compareVersions = a: b: inText a (inText b (builtins.compareVersions a b));
      splitVersion = text: inText text (builtins.splitVersion text);
      split = pattern: text: inText text (builtins.split pattern text);
      match = pattern: text: inText text (builtins.match pattern text);
      substring = start: length: text: inText text (builtins.substring start length text);
      stringLength = text: inText text (builtins.stringLength text);
    };
in
{
  inherit looking unread argumentsFrom tested;
  attrNames = inSet sets.attrNames;
  attrValues = inSet sets.attrValues;
  mapAttrs = f: inSet (sets.mapAttrs f);
  hasAttr = name: set: askedFor "hasAttr" [ name ] set (set ? ${name});
  catAttrs = name: sets: builtins.concatMap (set: if set ? ${name} then [ set.${name} ] else asked "catAttrs" set [ ]) sets;
  removeAttrs = if values then set: names: inSet (sets.removeAttrs names) set else set: names: sets.removeAttrs names set;
  intersectAttrs = a: b:
    let found = builtins.intersectAttrs a b; missing = from: builtins.attrNames (builtins.removeAttrs from (builtins.attrNames found)); in
    if isOpen a && !(isOpen b) then askedFor "intersectAttrs" (missing b) a found
    else if isOpen b && !(isOpen a) then askedFor "intersectAttrs" (missing a) b found
    else found;
  zipAttrsWith = f: sets:
    builtins.foldl' (answer: set: asked "zipAttrsWith" set answer) (builtins.zipAttrsWith f (map without sets)) sets;
  toJSON = value: builtins.toJSON (plain value);
  listToAttrs = list: made (builtins.listToAttrs list);
  groupBy = f: list: (if values then inList list else answer: answer) (made (builtins.groupBy f list));
  fromJSON = text: parsed (builtins.fromJSON text);
  fromTOML = text: parsed (builtins.fromTOML text);
  readDir = folder: made (builtins.readDir folder);
  isString = isText;
  isAttrs = value: isAttrs value && !(isText value);
  typeOf = value: if isText value then "string" else typeOf value;
}
