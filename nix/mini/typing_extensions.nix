# SPDX-License-Identifier: MIT
# A module that torch needs in Python, as far as torch uses it: what it propagates.
{ mkDerivation, python }:
mkDerivation {
  pname = "typing-extensions";
  version = "4.15.0";
  buildCommand = ''
    mkdir -p $out/${python.sitePackages}
    printf 'def deprecated(text):\n    return lambda function: function\n' >$out/${python.sitePackages}/typing_extensions.py
  '';
}
