// SPDX-License-Identifier: MIT
// What each recipe of a folder evaluates to, found by the real Nix inside a recording package set
// (recording_*.nix): all recipes in one evaluation, restricted, with limits; a recipe that fails spoils only
// itself. How it works and what it answers: docs/formats/recording.md. Judges nothing: that is audit/.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "nix/mentioned.h"
#include "os/process.h"

namespace lathe {

// A fetch that the evaluation came across: what a fetcher was asked for.
struct RecordedFetch {
  // "fetchTarball", "fetchFromGitHub", "fetchpatch", "fetchGit", "getFlake", ...
  std::string how = {};
  std::string url = {};                         // "" where owner and repo say it
  std::string owner = {}, repo = {}, rev = {};  // `rev` is `tag` where that was given
  std::string name = {};
  std::optional<std::string> hash = {};  // `hash` or `sha256` as written, even if empty; nullopt: none
  Place where = {};                      // of the hash, or of another of its arguments
};

// Something of the machine that the recipe asked for and did not get. `what`: "environment", "read",
// "import", "lookup" (<...>), "time", "system" (builtins.currentSystem), "store path".
struct RecordedImpurity {
  std::string what = {}, detail = {};
  bool operator==(const RecordedImpurity&) const = default;
};

// A derivation that a trivial builder would make: its script or content.
struct RecordedMade {
  std::string how = {}, name = {}, text = {};  // "runCommand", "cccl-compat", "mkdir ..."
};

// A use of nixpkgs: `import SOURCE { config, overlays, system }`.
struct RecordedNixpkgs {
  std::string url = {};                         // "nixpkgs" for <nixpkgs>
  std::optional<std::string> rev = {};          // 40 hex digits, from the URL or the `rev` argument
  std::optional<std::string> sha256 = {};       // as written
  std::string system = {};                      // on which it compiles
  std::string host = {};                        // for which: the same, if there is no crossSystem
  bool asked_system = false;                    // the recipe gave `system` (else it is the builder's)
  std::vector<std::string> machine_flags = {};  // "-march=znver4": of localSystem.gcc, for every compiler
  // beside system, config and overlays; localSystem where it says more than the system
  Json arguments = {};
  int overlays = 0;
  // in effect for the package: allowUnfree, cudaSupport, cudaCapabilities, ...
  Json config = {};
  Place where = {};  // of the URL

  bool config_flag(std::string_view name) const;  // true only where it was set to true
  std::vector<std::string> config_texts(std::string_view name) const;
};

struct RecordedPatch {
  std::string name = {};  // file name, the fetcher's `name`, or the last part of its URL
  // "fetchpatch"; "" for a file of the recipe folder; "nixpkgs" for one that nixpkgs has
  std::string fetcher = {};
  std::string url = {};
  std::optional<std::string> hash = {};
};

struct RecordedCuda {
  // by which name it was reached: "cudaPackages_13_0", "cudaPackages_13", "cudaPackages"
  std::string set = {};
  std::string version = {};               // "13.0"; "" where nobody noted the default of that pin
  bool moving = false;                    // the name means another version in another nixpkgs
  std::vector<std::string> changed = {};  // packages of the set that the recipe puts others in the place of
  // what config.cudaCapabilities (or the default) narrows everything but torch to
  std::vector<std::string> capabilities = {};
};

struct RecordedMagma {
  std::string package = {};               // "magma", or what the recipe takes for it
  std::string cuda_set = {};              // the set that it is built with
  int changes = 0;                        // overrideAttrs applied
  std::vector<std::string> written = {};  // attributes that these set
  std::vector<RecordedPatch> patches = {};
};

// What torch.compile makes GPU code with.
struct RecordedTriton {
  std::string package = {};           // "python313Packages.triton", or what the recipe takes for it
  std::string version = {};           // "3.5.1"
  int changes = 0, llvm_changes = 0;  // overrideAttrs applied to it, and to the LLVM that it is built with
  std::vector<std::string> written = {}, llvm_written = {};    // attributes that these set
  std::optional<RecordedFetch> source = {}, llvm_source = {};  // where a fetcher makes them
  std::vector<RecordedPatch> patches = {};
  std::string post_patch = {};
};

// A thing in a list of inputs: which package, which of its outputs ("" : the default one).
struct RecordedInput {
  std::string package = {}, output = {};
};

struct RecordedPackage {
  // "python3Packages.torch", "python313Packages.torch", "buildPythonPackage:NAME", ...
  std::string attribute = {};
  // "torch", "torchvision", "torchaudio", "buildPythonPackage", "mkDerivation", "nixpkgs", ...
  std::string builder = {};
  std::string output = {};  // the one asked for; "" : the whole package
  int changes = 0;          // overrideAttrs applied
  // What the recipe sets, each name once: attributes by overrideAttrs; attributes put onto the finished
  // package, which no build sees; packages by overlays, and in Python's set.
  std::vector<std::string> written = {}, added = {}, overlaid = {}, extended = {};

  Json override_arguments = {};  // what override() was given, all calls together
  // Of `overlaid`: arguments that have come by an overlay, and lapack.
  Json replaced = {};
  // With RecordOptions::values: what the recipe has put in the place of packages of nixpkgs, of Python, of
  // CUDA (`packages`, `python`, `cuda`), and attributes of MAGMA but its patches (`magma`).
  Json values = {};
  std::optional<bool> cuda_support = {};            // in effect; nullopt: not torch
  std::vector<std::string> gpu_targets = {};        // in effect
  std::string pname = {}, version = {}, name = {};  // the attributes
  // what torch's setup.py sees: PYTORCH_BUILD_VERSION in effect, not `version`
  std::string build_version = {};
  std::optional<RecordedFetch> source = {};  // `src`, where a fetcher makes it
  std::string source_text = {};              // otherwise: "<python3Packages.torch.src:2.9.1>"
  std::vector<RecordedPatch> patches = {};
  std::vector<std::string> cmake_flags = {}, ninja_flags = {}, system_features = {};
  // The shell variables as the phases leave them before the build, from attributes, `env`, and the
  // assignments in postPatch, preConfigure and preBuild: CXXFLAGS, CFLAGS, MAX_JOBS, TORCH_CUDA_ARCH_LIST,
  // ... An unknown $NAME stays as it is.
  std::map<std::string, std::string> environment = {};
  std::vector<std::string> cxxflags = {}, cflags = {};  // the words of the two, NIX_CFLAGS_COMPILE's last
  std::vector<RecordedInput> propagated = {};           // propagatedBuildInputs and dependencies
  std::string description = {};
  std::vector<std::string> platforms = {};
  bool broken = false;  // meta.broken as nixpkgs would have it
  Json original = {};   // of the attributes in `written`: as nixpkgs has them
  // the final attributes, all of them: texts, lists, `passthru`, `meta`; packages as "<label.output>"
  Json attributes = {};
  std::optional<RecordedCuda> cuda = {};
  std::optional<RecordedMagma> magma = {};      // of torch with CUDA
  std::optional<RecordedTriton> triton = {};    // of torch
  std::shared_ptr<RecordedPackage> torch = {};  // of a companion: the torch that it was given

  // Where the recipe wrote it; empty if it did not. Names: "pname", "version", "override.gpuTargets",
  // "meta.platforms", "passthru.blasProvider".
  Place where(std::string_view key) const;
  std::string text_of(std::string_view key) const { return attributes.text_of(key); }
  std::string variable(const std::string& key) const;  // of `environment`; "" where it is not set
  const Json* passthru(std::string_view key) const;

  std::map<std::string, Place, std::less<>> places = {};
};

struct Recorded {
  enum class Kind {
    failed,   // `failure` says why
    package,  // `package`
    set,      // `members`
    value,    // something else: a text, a function, ...
  };
  enum class Cause { none, not_nix, error, too_long, too_large };
  struct Failure {
    Cause cause = Cause::error;
    std::string message;  // Nix's own words, or what was wrong with the file
    Place where = {};
  };

  std::string file = {};  // relative to the folder: "NAME.nix" or "NAME/default.nix"
  Kind kind = Kind::failed;
  std::optional<Failure> failure = {};
  // for which it was evaluated: x86_64-linux unless its platforms leave that out
  std::string system = {};
  std::map<std::string, bool> arguments = {};  // of the recipe's function; true: has a default
  // an argument without default: its nixpkgs is whatever the caller has
  bool from_caller = false;

  std::optional<RecordedPackage> package = {};
  std::map<std::string, RecordedPackage> members = {};

  std::vector<RecordedNixpkgs> nixpkgs = {};
  std::vector<RecordedFetch> fetches = {};
  std::vector<RecordedImpurity> impurities = {};
  std::vector<RecordedMade> made = {};
  // "lib.foo", "pkgs.bar": names that the recorder does not know
  std::vector<std::string> unknown = {};
  // Of `unknown`, those that it may ask for instead of taking them: by its text, or by functions. And of the
  // outputs that such packages may have, "outputs.dev".
  std::set<std::string> doubtful = {};
  // It looks whether something fails, or what kind of thing an unknown name stands for.
  bool tests_values = false;
  MadeNames made_names = {};  // of its text, and of what it may import
  // of sets that it made by functions; without those that a text mentions
  std::set<std::string> made_keys = {};
  // that functions asked of sets of nixpkgs, which have them here
  std::set<std::string> asked_names = {};
  // With RecordOptions::values: what nixpkgs has in a package, "<openmpi.buildInputs>", where the recipe does
  // more with it than to hand it on.
  std::vector<std::string> looked_into = {};
  // "hasAttr": functions by which it asked for names that nixpkgs may have
  std::vector<std::string> looked_for = {};
  std::vector<std::string> unsure = {};          // names that nobody noted to exist at this pin
  std::vector<std::string> moving_aliases = {};  // "cudaPackages_13"
  // "python3Packages.pytorch" at a pin where it does not evaluate
  std::vector<std::string> gone_aliases = {};
  std::vector<std::string> unknown_arguments = {};  // that torch's override does not take
  // import of something that has to be fetched or built first
  std::vector<std::string> fetched_imports = {};
  std::vector<std::string> messages = {};  // trace and warn
  // URL of the torchlathe that cuts it out of another build; "": it is built
  std::string carver = {};
  // cut out of nixpkgs' own torch, which the recipe does not change
  bool of_nixpkgs = false;
  // for which that other build is, as far as it says so: "9.0", "12.0+PTX"
  std::vector<std::string> base_gpus = {};
  // what it is refused without: "version" -> "2.9.1", "cuda" -> "12.8"
  std::map<std::string, std::string> expected = {};

  bool evaluated() const { return kind != Kind::failed; }
  const RecordedNixpkgs* pin() const { return nixpkgs.empty() ? nullptr : &nixpkgs.front(); }
};

struct RecordOptions {
  std::string system = "x86_64-linux";
  std::string caller_rev = {};  // of the nixpkgs from which arguments without default come; "": not known
  std::chrono::milliseconds time_limit{5000};           // each recipe
  std::uint64_t memory_limit = std::uint64_t{1} << 30;  // address space of the evaluation
  std::uint64_t file_limit = std::uint64_t{1} << 20;    // a longer recipe is not evaluated
  // What the recorder makes up (paths, versions, what the machine answers) is made up otherwise: a recipe
  // that looks at such things and acts on it evaluates to something else.
  bool other_face = false;
  // With other_face: which unknown names are there, "pkgs.hello"; one set for each recipe, in their order.
  std::vector<std::set<std::string>> there = {};
  // Names that sets of nixpkgs may have, beside those that a recipe mentions.
  std::set<std::string> more_names = {};
  bool values = false;  // record RecordedPackage::values
  // evaluations side by side; 0: one, two and more for large folders
  unsigned processes = 0;
  RunProcess run = run_process;
};

struct RecordedFolder {
  std::filesystem::path folder = {};
  bool nix_found = true;  // false: nothing was evaluated, `recipes` holds names only (Cause::none)
  std::vector<Recorded> recipes = {};  // by name
};

// The recipes of `folder`: its *.nix files, and default.nix of its subfolders. An Error when it cannot be
// listed.
std::vector<std::string> list_recipes(const std::filesystem::path& folder);

RecordedFolder record_folder(const std::filesystem::path& folder, const RecordOptions& options = {});
RecordedFolder record_files(const std::filesystem::path& folder, const std::vector<std::string>& files,
                            const RecordOptions& options = {});

// One recipe of a folder.
Recorded record_file(const std::filesystem::path& file, const RecordOptions& options = {});

// Fills `recorded` from a result of recording_main.nix, or adds one of its notes. What comes in may have
// been chosen by a hostile recipe: anything that is not as expected is left out. Places are given relative
// to `folder`, under `shown`.
void read_result(const Json& json, Recorded& recorded, const std::string& folder, const std::string& shown);
void read_note(const Json& json, Recorded& recorded, const std::string& folder, const std::string& shown);

}  // namespace lathe
