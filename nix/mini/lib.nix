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
  getOutput = output: package: package.${output} or package.out or package;
  getDev = getOutput "dev";
  getLib = getOutput "lib";
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

  # A derivation with builder.sh's phases. meta and passthru stay outside; meta.broken and meta.unfree refuse as nixpkgs does.
  mkDerivationFor =
    { system, failures }@common:
    attributes:
    let
      hidden = [ "meta" "passthru" "pname" "version" "refuse" ];
      name = attributes.name or "${attributes.namePrefix or ""}${attributes.pname}-${attributes.version}";
      plain = builtins.removeAttrs attributes hidden;
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
      );
      checked = if attributes ? refuse then attributes.refuse name drv else drv;
    in
    checked
    # As in nixpkgs an output has what the package has.
    // builtins.listToAttrs (map (output: { name = output; value = checked.${output} // (attributes.passthru or { }) // { outputSpecified = true; }; }) (attributes.outputs or [ "out" ]))
    // (attributes.passthru or { })
    // {
      inherit name;
      pname = attributes.pname or name;
      version = attributes.version or "";
      meta = attributes.meta or { };
      passthru = attributes.passthru or { };
      inherit attributes;
      overrideAttrs =
        change:
        mkDerivationFor common (
          attributes // (if builtins.isFunction change then change attributes else change)
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
