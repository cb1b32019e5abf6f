# SPDX-License-Identifier: MIT
# Nix's functions that would show a recipe the recorder's mark (`_recorded`, which record.cpp replaces by a random name for
# each process): the same functions, to which a marked set looks like one of nixpkgs.
# Does not hide that a package's path is made up: record.h says how that is told (`other_face`).
let
  inherit (builtins) filter isAttrs isList map typeOf;

  isHidden = name: name == "_recorded";
  without = set: if set ? _recorded then removeAttrs set [ "_recorded" ] else set;

  # A package's drvPath is a set with a mark, so that it says what Nix would build. In nixpkgs it is a text.
  isText = value: builtins.isString value || (isAttrs value && value ? _recorded && value._recorded.kind == "drvPath");

  # All that toJSON walks through: it writes a set that has a path as that text.
  plain = value:
    if isAttrs value then
      if value ? outPath || value ? __toString then value else builtins.mapAttrs (_: plain) (without value)
    else if isList value then map plain value
    else value;
in
{
  attrNames = set: let names = builtins.attrNames set; in if set ? _recorded then filter (name: !(isHidden name)) names else names;
  attrValues = set: builtins.attrValues (without set);
  mapAttrs = f: set: builtins.mapAttrs f (without set);
  zipAttrsWith = f: sets: builtins.zipAttrsWith f (map without sets);
  toJSON = value: builtins.toJSON (plain value);
  isString = isText;
  isAttrs = value: isAttrs value && !(isText value);
  typeOf = value: if isText value then "string" else typeOf value;
}
