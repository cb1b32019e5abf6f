// SPDX-License-Identifier: MIT
// Flox builds a package of its project by name. It tells no derivations, no events and nothing of caches:
// what it prints is for people, and its results are links in the project's folder: result-NAME, and
// result-NAME-OUTPUT for each other output (flox/flox, package-builder/flox-build.mk).
#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "jobs/driver.h"
#include "jobs/job.h"
#include "nix/derivation.h"
#include "nix/events.h"
#include "os/process.h"

namespace lathe {
namespace {

class FloxDriver : public Driver {
 public:
  std::string_view name() const override { return "flox"; }

  Process process(const Job& job, const std::filesystem::path&, const DriverOptions& options) const override {
    return {.arguments = {"flox", "build", job.name}, .folder = options.flox_project.string()};
  }

  std::optional<NixEvent> event(Stream stream, std::string_view line) const override {
    if (stream == Stream::err) return parse_nix_event(line);  // of the Nix below it
    return NixEvent{.kind = NixEvent::Kind::message, .text = std::string(line)};
  }

  std::vector<std::string> outputs(const Job& job, std::string_view,
                                   const DriverOptions& options) const override {
    const std::string link = "result-" + job.name;
    const std::string out = target(options.flox_project / link);
    if (out.empty()) return {};
    std::vector<std::string> paths;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(options.flox_project, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (!name.starts_with(link + "-")) continue;
      // Another variant's name may begin with this one's.
      std::string path = target(entry->path());
      if (store_name(path) == std::string(store_name(out)) + name.substr(link.size()))
        paths.push_back(std::move(path));
    }
    std::ranges::sort(paths);
    paths.insert(paths.begin(), out);
    return paths;
  }

 private:
  // Where it leads; "" for nowhere.
  static std::string target(const std::filesystem::path& link) {
    std::error_code error;
    const auto path = std::filesystem::canonical(link, error);
    return error ? "" : path.string();
  }
};

}  // namespace

const Driver& flox_driver() {
  static const FloxDriver driver;
  return driver;
}

}  // namespace lathe
