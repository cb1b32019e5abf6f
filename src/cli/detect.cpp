// SPDX-License-Identifier: MIT
// `torchlathe detect`: what machine is this?
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/options/host_option.h"
#include "cli/options/options.h"
#include "hardware/wheel_property.h"
#include "host/host_info.h"
#include "host/host_json.h"
#include "host/host_properties.h"
#include "os/terminal.h"
#include "report/host.h"

namespace lathe {
namespace detect_command {

struct Options {
  HostOption host;
  std::string format = "text";
};

void declare(OptionSet& set, Options& options) {
  options.host.declare(set, false);
  set.choice("-f,--format", options.format, {"text", "json", "variant"},
             "how to print; variant: as properties of wheel variants [text]");
}

int run(const Options& options, Terminal& terminal) {
  const HostInfo host = options.host.load();
  if (options.format == "json") {
    terminal.out(host_json(host));
  } else if (options.format == "variant") {
    for (const WheelProperty& property : properties_of_host(host)) terminal.print("{}\n", property.text());
  } else {
    terminal.out(host_text(host, terminal));
  }
  return 0;
}

}  // namespace detect_command

std::unique_ptr<BoundCommand> command_detect() {
  return bind_command(detect_command::declare, detect_command::run);
}

}  // namespace lathe
