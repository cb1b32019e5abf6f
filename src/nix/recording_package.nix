# SPDX-License-Identifier: MIT
# The recorders: values that behave like packages, sources and functions of nixpkgs in an evaluation, remember what was
# done to them, and turn into a readable text in angle brackets ("<cudaPackages_13_0.cuda_cccl.dev>") where a recipe
# needs a path. Knows no package by name.
# The brackets are written ‹ and › here; record.cpp says what they are, so that a recipe cannot know them.
{ note, lib, placeOfFirst, hidden, face, often, values }:

let
  inherit (builtins) elem foldl' head isAttrs isFunction isList isPath isString length listToAttrs map mapAttrs toString unsafeDiscardStringContext;

  namesOf = names: listToAttrs (map (name: { inherit name; value = null; }) names);

  plainText = text: unsafeDiscardStringContext (toString text);

  # What overrideAttrs does: `change` is a set, `prev: set` or `final: prev: set`. `written` is all that these sets had, `python`
  # what those of overridePythonAttrs had.
  changed = unread: final: before: { how, change }:
    let
      prev = unread // before.attrs;
      first = if lib.isFunction change then change prev else change;
      given = if lib.isFunction first then change final prev else first;
      new = if how == "overridePythonAttrs" && unread == { } then asPython prev given else given;
    in
    {
      attrs = before.attrs // new;
      written = before.written // new;
      python = if how == "overridePythonAttrs" then before.python // new else before.python;
    };

  # What buildPythonPackage makes of what it is given. A list of its own goes into one that stdenv reads; what it reads
  # itself, overrideAttrs cannot say: it keeps a name of its own.
  asPython = prev: given:
    listToAttrs (map (name: { name = afterInstall.${name} or (if elem name forPythonAlone then "overridePythonAttrs.${name}" else name); value = given.${name}; }) (builtins.attrNames (removeAttrs given (builtins.attrNames joined))))
    // builtins.zipAttrsWith (_: head) (builtins.concatMap (name: if given ? ${name} then [ { ${joined.${name}} = joinedList prev given name joined.${name}; } ] else [ ]) (builtins.attrNames joined));
  joined = { dependencies = "propagatedBuildInputs"; build-system = "nativeBuildInputs"; };
  forPythonAlone = [ "pyproject" "format" "disabled" "optional-dependencies" "catchConflicts" "namePrefix" "permitUserSite" "pythonPath" "stdenv" ];
  joinedList = prev: given: own: name:
    let
      list = given.${name} or prev.${name} or [ ];
      new = given.${own};
    in
    builtins.filter (each: elem each new || !(elem each (prev.${own} or [ ]))) list ++ builtins.filter (each: !(elem each list)) new;

  # Python packages are tested after they are installed: so buildPythonPackage names these.
  afterInstall = { doCheck = "doInstallCheck"; checkPhase = "installCheckPhase"; nativeCheckInputs = "nativeInstallCheckInputs"; checkInputs = "installCheckInputs"; };

  unreadText = what: "‹${what}›";
  # Once for those that recipes change often.
  unreadOf = label: unreadOften.${label} or (unreadIn label);
  unreadOften = listToAttrs (map (label: { name = label; value = unreadIn label; }) often);
  unreadIn = label:
    mapAttrs (name: _: [ (unreadText "${label}.${name}") ]) hidden.unread.lists
    // mapAttrs (name: _: unreadText "${label}.${name}") hidden.unread.texts
    // listToAttrs (map (name: { inherit name; value = { ${unreadText "${label}.${name}"} = true; }; }) (builtins.attrNames hidden.unread.sets))
    // { env = mapAttrs (name: _: unreadText "${label}.env.${name}") hidden.unread.env // { ${unreadText "${label}.env"} = true; }; };

  # Of the `env` that nixpkgs has in it, what the recipe has left as it was.
  withoutUnreadEnv = label: changed:
    let
      mark = name: unreadText "${label}.env${name}";
      isLeft = name: changed.env.${name} == mark ".${name}";
    in
    if changed ? env && isAttrs changed.env && changed.env ? ${mark ""} then changed // { env = removeAttrs changed.env (builtins.filter isLeft (builtins.attrNames changed.env)); }
    else changed;

  # Names whose values are not those of the package that this drvPath builds: `package // { cudaCapabilities = ...; }`.
  # Functions never compare equal, and `override` of callPackage builds another package, not this one.
  # `type` is left out because Nix compares of two derivations their paths alone.
  addedTo = view: value:
    let
      # Only as deep as it is shown: two sets of all CUDA packages have no end.
      shown = describeTo 4;
      differs = name: !(lib.isFunction value.${name}) && (!(view ? ${name}) || shown value.${name} != shown view.${name});
      bare = set: removeAttrs set [ "type" "_recorded" ];
      texts = builtins.intersectAttrs { name = null; outPath = null; pname = null; version = null; preConfigure = null; };
      # Where nothing was put onto it, the values of both are the same ones in memory, and this is quick.
      same = texts value == texts view && bare value == bare view;
    in
    if same then [ ] else builtins.filter differs (builtins.attrNames (bare value));

  # A package. `info`: { label, builder, ... } goes into the recording; `make`: override arguments -> final attributes ->
  # attributes; `arguments`: what `override` gave so far; `changes`: what overrideAttrs gave so far.
  package = { info, make, arguments ? { }, changes ? [ ] }@self:
    let
      final = attrs // { finalPackage = view; };
      original = make arguments final;
      before = { attrs = original; written = { }; python = { }; };
      state =
        if changes == [ ] then before
        else foldl' (changed (if info.builder == "nixpkgs" || info.builder == "magma" then unreadOf info.label else { }) final) before changes;
      inherit (state) attrs;
      outputs = attrs.outputs or [ "out" ];
      passthru = attrs.passthru or { };
      recorded = info // {
        kind = "package";
        inherit attrs arguments original identity;
        changes = length changes;
        # As nixpkgs has it: shown by its path.
        plain = info.builder == "nixpkgs" && changes == [ ] && arguments == { };
        # What overrideAttrs set, by name. Of it, by overridePythonAttrs, which nixpkgs reads otherwise.
        inherit (state) written;
        written_python = state.python;
        effective = if info ? effective then info.effective arguments else arguments;
      };
      # What is recorded, the whole package, its outputs.
      identity = { kind = "drvPath"; plain = true; of = recorded; inherit view others; };
      # Names the package that Nix builds, whichever set it is put into. The other face has a plain text there, as nixpkgs,
      # one for each package that is built differently.
      drvPath =
        if face.plain_text then "‹${info.label}-${builtins.hashString "sha256" (builtins.toJSON [ (describe attrs) (describe arguments) ])}.drv›"
        else { outPath = "‹${info.label}.drv›"; _recorded = identity; };
      change' = how: change: package (self // { changes = changes ++ [ { inherit how change; } ]; });
      # A package of nixpkgs that the recipe has changed is not the one of that name.
      label = if info.builder == "nixpkgs" && !recorded.plain then "${info.label}~" else info.label;
      text = output: if output == head outputs then "‹${label}›" else "‹${label}.${output}›";
      output = name':
        view // (others // { outPath = text name'; outputName = name'; outputSpecified = true; _recorded = recorded // { output = name'; }; });
      others = listToAttrs (map (name': { name = name'; value = output name'; }) outputs);
      # The small sets first: each `//` copies both of its sides.
      view = attrs // (passthru // ({
        inherit outputs passthru;
        meta = { available = true; unsupported = false; } // attrs.meta or { };
        name = attrs.name or "${attrs.pname or "unnamed"}-${attrs.version or "0"}";
        type = "derivation";
        inherit drvPath;
        overrideAttrs = change' "overrideAttrs";
        overrideDerivation = change' "overrideAttrs";
        overridePythonAttrs = change' "overridePythonAttrs";
        override = new: package (self // { arguments = arguments // (if lib.isFunction new then new recorded.effective else new); });
        _recorded = recorded;
      } // (others // { outPath = text (head outputs); outputName = head outputs; })));
    in
    view;

  # A package of which only the place is known. Its version stays a name where the recipe is to be written anew.
  named = label: pname: outputs: version:
    package {
      info = { inherit label; builder = "nixpkgs"; };
      make = _: _: { inherit pname outputs; version = if values then unreadText "${label}.version" else if version == "0" then face.version else version; src = "‹${label}.src›"; };
    };

  # A package from the attributes that a recipe gives to a builder: a set, or a function of the final attributes.
  built = builder: given:
    let
      make = if lib.isFunction given then given else _: given;
      shape = if lib.isFunction given then given (shape // { finalPackage = null; }) else given;
    in
    package {
      info = { label = "${builder}:${plainText (shape.pname or (shape.name or "unnamed"))}"; inherit builder; };
      make = _: make;
    };

  # A fixed-output fetcher of nixpkgs.
  fetched = fetcher: given:
    let
      arguments = if isAttrs given then given else { url = given; };
      shown = arguments.url or (if arguments ? urls then head arguments.urls else "${arguments.owner or "?"}/${arguments.repo or (arguments.pname or "?")}@${plainText (arguments.rev or (arguments.tag or (arguments.version or "?")))}");
      label = "${fetcher}:${plainText shown}";
    in
    note {
      kind = "fetch";
      how = fetcher;
      arguments = describe arguments;
      position = placeOfFirst [ "hash" "sha256" "url" "rev" ] arguments;
    }
      (package {
        info = { inherit label; builder = fetcher; fetch = arguments; };
        make = _: _: { name = arguments.name or "source"; outputs = [ "out" ]; } // arguments;
      });

  # What a trivial builder makes: `text` is the script or the content.
  made = how: name: text: extra:
    note { kind = "made"; inherit how; name = plainText name; text = plainText text; }
      (package { info = { label = "${how}:${plainText name}"; builder = how; }; make = _: _: { inherit name text; } // extra; });

  # A source of Nix's own (fetchTarball and the like): in real Nix a path.
  source = { kind, url, arguments, label, position }: {
    _recorded = { kind = "source"; how = kind; inherit url arguments label position; };
    outPath = label;
    rev = arguments.rev or "‹rev›";
    shortRev = arguments.rev or "‹rev›";
    revCount = 0;
    lastModified = 0;
    lastModifiedDate = "19700101000000";
    narHash = arguments.narHash or "‹narHash›";
  };

  # Something that may be anything: a package, a builder, a function, a text.
  anything = label: applied label [ ];
  # `given`: what it was called with so far.
  applied = label: given: base:
    base // (if given == [ ] then { } else { outPath = "‹${label}~›"; }) // {
      _recorded = (base._recorded or { }) // { kind = "unknown"; inherit label given; plain = given == [ ] && base._recorded.plain or false; };
      __functor = _: argument:
        if isAttrs argument && !(argument ? _recorded) && (argument ? pname || argument ? name) then built label argument
        else applied label (given ++ [ argument ]) base;
    };
  function = label: anything label { outPath = "‹${label}›"; override = _: function label; overrideAttrs = _: function label; };

  # Any value as something JSON can carry, never deeper than `depth`. One function a depth.
  describeTo = builtins.elemAt describers;
  describers = builtins.genList
    (depth:
      let
        below = builtins.elemAt describers (depth - 1);
        named = _: below;
      in
      value:
      if isString value then value
      else if isAttrs value then
        # toJSON writes a set with an outPath as that text.
        if value ? _recorded then if value._recorded.plain or false then value.outPath else brief depth value
        else if value ? __functor then { function = true; }
        else if depth == 0 then { cut = true; }
        else mapAttrs named value
      else if isList value then if depth == 0 then { cut = true; } else map below value
      else if isFunction value then { function = true; }
      else if isPath value then { path = toString value; }
      else value)
    11;
  describe = describeTo 10;

  brief = depth: value:
    let r = value._recorded; in
    if r.kind == "package" && r ? fetch then { fetch = r.builder; arguments = if depth == 0 then { } else describeTo (depth - 1) r.fetch; }
    else if r.kind == "package" then
      { package = r.label; output = r.output or null; pname = describeTo 1 (r.attrs.pname or null); version = describeTo 1 (r.attrs.version or null); }
      // (if r.builder != "nixpkgs" || depth == 0 then { } else
        let changed = withoutUnreadEnv r.label (builtins.intersectAttrs r.written r.attrs); in {
          override = describeTo (depth - 1) r.arguments;
          attributes = describeTo (depth - 1) (removeAttrs changed (builtins.attrNames r.written_python));
          python_attributes = describeTo (depth - 1) (builtins.intersectAttrs r.written_python changed);
        })
    else if r.kind == "source" then { source = r.how; inherit (r) url; }
    else if r.kind == "set" then
      { set = r.label; version = r.version or null; } // (if r ? override then { override = if depth == 0 then { cut = true; } else describeTo (depth - 1) r.override; } else { })
    else { unknown = r.label; } // (if r.given or [ ] == [ ] || depth == 0 then { } else { given = map (describeTo (depth - 1)) r.given; });
in
{
  inherit addedTo namesOf package named built fetched made source anything function describe describeTo;
  plain = builder: arguments: built builder arguments;
}
