# SPDX-License-Identifier: MIT
# The functions of nixpkgs that the mini set and its recipes need, written anew: fixed points, override, overrideAttrs.
rec {
  inherit (builtins) concatStringsSep elem elemAt filter head map splitVersion toString;

  fix = f: let x = f x; in x;
  # The fixed point of `base` with layers on top: each is (final: prev: attributes).
  extended = base: layers: fix (final: builtins.foldl' (prev: layer: prev // layer final prev) (base final) layers);

  optional = condition: value: if condition then [ value ] else [ ];
  optionals = condition: values: if condition then values else [ ];
  optionalString = condition: text: if condition then text else "";
  optionalAttrs = condition: set: if condition then set else { };
  # An output that was asked for by name stays that output.
  getOutput = output: package: if package.outputSpecified or false then package else package.${output} or package.out or package;
  getDev = getOutput "dev";
  getLib = getOutput "lib";
  getInclude = package: if package.outputSpecified or false then package else package.include or package.dev or package.out or package;
  cleanSourceFilter = path: _: !(elem (baseNameOf path) [ ".git" ".hg" ".svn" ]);
  cleanSourceWith = { src, filter }: builtins.path { path = src; inherit filter; name = "source"; };
  licenses.mit = "mit";
  platforms.linux = [ "x86_64-linux" "aarch64-linux" ];
  versionMajor = version: head (builtins.split "\\." version);

  # `f arguments`, which can be called again with other arguments, also after overrideAttrs.
  makeOverridable =
    f: arguments:
    let
      result = f arguments;
    in
    result
    // {
      override = new: makeOverridable f (arguments // (if builtins.isFunction new then new arguments else new));
    }
    // optionalAttrs (result ? overrideAttrs) {
      overrideAttrs = change: makeOverridable (given: (f given).overrideAttrs change) arguments;
    };

  # What overrideAttrs is given: a set, `prev: set`, or `final: prev: set`.
  changed =
    change: final: prev:
    let
      first = if builtins.isFunction change then change prev else change;
    in
    if builtins.isFunction first then change final prev else first;

  concatInputs = attributes: attributes.buildInputs or [ ] ++ attributes.nativeBuildInputs or [ ] ++ attributes.propagatedBuildInputs or [ ];
  # The releases of CUDA that these packages are of, each once.
  cudaSetsOf =
    packages:
    builtins.attrNames (builtins.listToAttrs (map (package: { name = package.cudaSet; value = null; }) (filter (package: package ? cudaSet) packages)));

  # A derivation with builder.sh's phases. meta and passthru stay outside; meta.broken refuses as nixpkgs does. Of an input that has
  # several outputs a build gets `dev`.
  mkDerivationFor =
    { system, failures, config ? { }, stdenv ? null }@common:
    given:
    let
      # `given`: a set, or a function of what it ends up as after every overrideAttrs.
      attributes = if builtins.isFunction given then fix given else given;
      hidden = [ "meta" "passthru" "pname" "version" "refuse" "cudaInputs" ];
      name = attributes.name or "${attributes.namePrefix or ""}${attributes.pname}-${attributes.version}";
      inputs = builtins.mapAttrs (_: map getDev) (
        builtins.intersectAttrs { buildInputs = null; nativeBuildInputs = null; propagatedBuildInputs = null; } attributes
      );
      # With structured attributes a build sees `env` in its environment and the rest as variables of its shell alone.
      structured = attributes.__structuredAttrs or false;
      env = attributes.env or { };
      compileCache = builtins.getEnv "TORCHLATHE_MINI_COMPILE_CACHE";
      plain = builtins.removeAttrs attributes (hidden ++ [ "env" ]) // inputs // (if structured then { inherit env; } else env);
      sets = cudaSetsOf (concatInputs attributes ++ attributes.cudaInputs or [ ]);
      refuseBroken =
        drv:
        if (attributes.meta.broken or false) && !(config.allowBroken or false) then
          throw "Package ‘${name}’ in ${attributes.meta.position or "nix/mini"} is marked as broken, refusing to evaluate."
        else if builtins.length sets > 1 then
          throw "${name} mixes CUDA sets: ${concatStringsSep ", " sets}"
        else
          drv;
      drv = derivation (
        plain
        // {
          inherit name system;
          builder = "/bin/bash";
          args = [ "-e" ./builder.sh ];
          PATH = "/usr/local/bin:/usr/bin:/bin";
          pname = attributes.pname or name;
          version = attributes.version or "";
          failure = failureOf failures (attributes.pname or name);
        }
        // (if compileCache != "" && attributes ? src then { inherit compileCache; } else { })
      );
      # As in nixpkgs an output has what the package has, the other outputs too.
      output = name: checked.${name} // outputs // { inherit stdenv; } // (attributes.passthru or { }) // { outputSpecified = true; };
      outputs = builtins.listToAttrs (map (name: { inherit name; value = output name; }) (attributes.outputs or [ "out" ]));
      checked = refuseBroken (if attributes ? refuse then attributes.refuse name drv else drv);
    in
    checked
    // { inherit stdenv; }
    // outputs
    // (attributes.passthru or { })
    // {
      inherit name;
      pname = attributes.pname or name;
      version = attributes.version or "";
      # What nixpkgs adds to it.
      meta = { available = !(attributes.meta.broken or false); } // attributes.meta or { };
      passthru = attributes.passthru or { };
      inherit attributes;
      overrideAttrs =
        change:
        mkDerivationFor common (
          if builtins.isFunction given then
            final: let prev = given final; in prev // changed change final prev
          else
            attributes // changed change attributes attributes
        );
    };

  # "KIND REGEX;KIND REGEX" as a list.
  readFailures =
    text:
    map (row: let words = builtins.match " *([a-z0-9-]+) +([^ ]+) *" row; in { kind = head words; regex = elemAt words 1; }) (
      filter (row: builtins.isString row && builtins.match " *" row == null) (builtins.split ";" text)
    );
  failureOf =
    failures: pname:
    let
      mine = filter (failure: builtins.match failure.regex pname != null) failures;
    in
    if mine == [ ] then "" else (head mine).kind;
}
