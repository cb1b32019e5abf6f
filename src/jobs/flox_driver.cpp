// SPDX-License-Identifier: MIT
// Flox builds a package of its project by name. It tells no derivations, no events and nothing of caches:
// what it prints is for people, and its result is a link in the project's folder.
#include "jobs/driver.h"

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
    std::error_code error;
    const auto link = std::filesystem::canonical(options.flox_project / ("result-" + job.name), error);
    if (error) return {};
    return {link.string()};
  }
};

}  // namespace

const Driver& flox_driver() {
  static const FloxDriver driver;
  return driver;
}

}  // namespace lathe
