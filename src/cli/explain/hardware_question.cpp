// SPDX-License-Identifier: MIT
#include "cli/explain/hardware_question.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "cli/explain/hardware_topic.h"
#include "cli/explain/topic_search.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "hardware/cpu_name.h"
#include "hardware/gpu_name.h"

namespace lathe {
namespace {

struct NamedGpu {
  std::string name;                        // as it was written
  std::vector<const CapabilityRow*> rows;  // several of a generation
  const Gpu* gpu = nullptr;                // of a product
  DeviceCode code = {};                    // "sm_90a", "8.6+PTX", or the machine code of the only row
};

struct NamedProcessor {
  std::string name;
  Machine machine;
  std::vector<std::string> isas;  // {}: a kind of machine ("x86")
};

struct Asked {
  std::vector<NamedGpu> gpus;
  std::vector<Version> cuda, drivers;
  std::vector<NamedProcessor> processors;
  std::vector<const Isa*> isas;
  std::vector<std::string> names;  // of all of them, in the question's order
  bool more = false;               // words that say something else
};

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower_case(x) == lower_case(y); });
}

bool is_one_of(std::string_view word, const std::vector<std::string>& all) {
  return std::ranges::any_of(all, [&](const std::string& each) { return same_word(each, word); });
}

bool is_filler(std::string_view word) { return is_common_word(word) || is_one_of(word, hardware_fillers()); }

std::string_view without_signs(std::string_view word) {
  while (!word.empty() && std::string_view("?!,;:.\"'").find(word.back()) != std::string_view::npos)
    word.remove_suffix(1);
  while (!word.empty() && std::string_view("\"'(").find(word.front()) != std::string_view::npos)
    word.remove_prefix(1);
  return word;
}

using Words = std::vector<std::string>;

std::string run_of(const Words& all, std::size_t at, std::size_t length) {
  return fmt::format("{}", fmt::join(all.begin() + static_cast<std::ptrdiff_t>(at),
                                     all.begin() + static_cast<std::ptrdiff_t>(at + length), " "));
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.size() > word.size() && same_word(text.substr(0, word.size()), word);
}

// "cuda 13", "CUDA-12.8", "cuda12_8", "cu130", "toolkit 13.0": wheels write major and minor together.
std::optional<Version> cuda_in(std::string_view text) {
  for (const std::string_view before :
       {"cudatoolkit", "cuda toolkit", "cuda version", "toolkit", "cuda", "cu", "nvcc"}) {
    if (!starts_with_word(text, before)) continue;
    std::string number = replace_all(std::string(text.substr(before.size())), "_", ".");
    number.erase(0, number.find_first_not_of(" -v"));
    if (number.ends_with(".x")) number.resize(number.size() - 2);
    if (before == "cu" && number.size() == 3) number.insert(2, ".");
    const auto version = Version::parse(number);
    constexpr int first_cuda = 6, last_cuda = 30;  // "cu90" is not a release, "cuda 700" an error
    const bool one = version && version->parts.size() <= 2 && version->parts.front() >= first_cuda &&
                     version->parts.front() <= last_cuda;
    return one ? version : std::nullopt;
  }
  return std::nullopt;
}

// "driver 535", "driver version 570.86", "580 driver", "r570".
std::optional<Version> driver_in(std::string_view text) {
  if (text.size() > 30) return std::nullopt;
  std::string number;
  for (const std::string_view each : words(text)) {
    if (same_word(each, "driver") || same_word(each, "version") || same_word(each, "nvidia")) continue;
    if (!number.empty()) return std::nullopt;
    number = each;
  }
  const bool branch = number.size() == 4 && (number.front() == 'r' || number.front() == 'R');
  if (branch) number.erase(0, 1);
  else if (words(text).size() < 2) return std::nullopt;
  const auto version = Version::parse(number);
  constexpr int first_driver = 300, last_driver = 999;
  return version && version->parts.front() >= first_driver && version->parts.front() <= last_driver
             ? version
             : std::nullopt;
}

std::optional<Machine> machine_in(std::string_view text) {
  if (is_one_of(text, {"x86", "x86_64", "x86-64", "amd64", "x64"})) return Machine::x86_64;
  if (is_one_of(text, {"arm", "arm64", "aarch64"})) return Machine::aarch64;
  return std::nullopt;
}

std::optional<NamedGpu> generation_in(const std::string& text) {
  NamedGpu gpu{.name = text, .rows = {}};
  for (const CapabilityRow& row : catalog().capabilities) {
    if (same_word(row.name, text) || same_word(row.name + " lovelace", text)) gpu.rows.push_back(&row);
  }
  if (gpu.rows.empty()) return std::nullopt;
  gpu.name = gpu.rows.front()->name;
  gpu.code.capability = gpu.rows.front()->capability;
  return gpu;
}

// A number alone ("35", "137") is as good as anything; four digits ("5090") are a product.
bool is_short_number(std::string_view text) {
  return text.size() < 4 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<NamedGpu> gpu_in(const std::string& text) {
  if (is_short_number(text)) return std::nullopt;
  if (auto generation = generation_in(text)) return generation;
  NamedGpu gpu{.name = text, .rows = {}};
  const auto spelled = parse_capability(text);
  try {
    const auto reading = find_gpu_name(text);
    if (!reading && !spelled) return std::nullopt;
    if (reading) {
      gpu.code.capability = reading->capability;
      gpu.gpu = reading->gpu;
      if (reading->gpu) gpu.name = reading->gpu->name;
    }
  } catch (const Error&) {
    if (!spelled) return std::nullopt;
  }
  if (spelled)
    gpu.code = {.capability = spelled->capability, .kind = spelled->ptx ? CodeKind::ptx : CodeKind::cubin};
  const CapabilityRow* row = catalog().find(gpu.code.capability);
  if (!row) return std::nullopt;
  gpu.rows.push_back(row);
  return gpu;
}

// One of a product's name, an instruction set, a kind of machine.
bool add_processor(const std::string& text, Asked& asked) {
  if (const auto machine = machine_in(text)) {
    asked.processors.push_back({.name = std::string(to_string(*machine)), .machine = *machine, .isas = {}});
    return true;
  }
  if (is_short_number(text)) return false;
  try {
    const auto reading = find_cpu_name(text);
    if (!reading || !reading->unread.empty()) return false;
    if (reading->isa) asked.isas.push_back(reading->isa);
    else
      asked.processors.push_back(
          {.name = text, .machine = reading->cpu->machine, .isas = reading->cpu->isas});
    return true;
  } catch (const Error&) {
    return false;
  }
}

// "12.8 or 13.0": of what is not a capability the second number behind CUDA's name.
bool add_further_cuda(const std::string& text, Asked& asked) {
  if (asked.cuda.empty() || text.find('.') == std::string::npos) return false;
  const auto cuda = cuda_in("cuda " + text);
  if (cuda) asked.cuda.push_back(*cuda);
  return cuda.has_value();
}

bool add_named(const std::string& text, Asked& asked) {
  if (const auto cuda = cuda_in(text)) return asked.cuda.push_back(*cuda), true;
  if (const auto driver = driver_in(text)) return asked.drivers.push_back(*driver), true;
  if (auto gpu = gpu_in(text)) return asked.gpus.push_back(std::move(*gpu)), true;
  return add_processor(text, asked) || add_further_cuda(text, asked);
}

bool may_stand_at_an_end(std::string_view word) {
  return !is_filler(word) || is_one_of(word, {"cuda", "driver", "toolkit", "nvcc"});
}

// A question is short: of a text with more words, or a run of more bytes, none is taken for a name.
Asked read_question(const std::string& question) {
  constexpr std::size_t most_words = 16, longest_name = 6, most_bytes = 100;
  Words all;
  for (const std::string_view word : words(question)) {
    if (const std::string_view plain = without_signs(word); !plain.empty()) all.emplace_back(plain);
  }
  Asked asked;
  if (all.size() > most_words) return asked.more = true, asked;
  std::vector<bool> end_of_name;
  for (const std::string& word : all) end_of_name.push_back(may_stand_at_an_end(word));
  for (std::size_t at = 0; at < all.size();) {
    std::size_t taken = 0;
    for (std::size_t length = std::min(longest_name, all.size() - at); length > 0 && taken == 0; --length) {
      if (!end_of_name[at] || !end_of_name[at + length - 1]) continue;
      const std::string run = run_of(all, at, length);
      if (run.size() > most_bytes || !add_named(run, asked)) continue;
      asked.names.push_back(run);
      taken = length;
    }
    if (taken == 0 && !is_filler(all[at])) asked.more = true;
    at += std::max<std::size_t>(taken, 1);
  }
  return asked;
}

std::string dotted(const CapabilityRow& row) { return spell(row.capability, Dialect::dotted); }
std::string titled(const CapabilityRow& row) {
  return fmt::format("{} ({}: {})", dotted(row), row.name, row.group);
}

// "RTX 5090 (12.0)", "12.0"
std::string named(const NamedGpu& gpu) {
  const std::string capability = spell(gpu.code.capability, Dialect::dotted);
  if (gpu.rows.size() > 1) return fmt::format("{} ({})", gpu.rows.front()->name, gpu.rows.front()->group);
  return parse_capability(gpu.name) ? capability : fmt::format("{} ({})", gpu.name, capability);
}

std::string cuda_name(const Version& cuda) { return "CUDA " + cuda.text(); }

// "13": every 13.x that there is.
bool is_major(const Version& cuda) { return cuda.parts.size() == 1; }

std::string compiles(const Version& cuda, const CapabilityRow& row) {
  const std::string gpu = titled(row), name = cuda_name(cuda);
  if (!is_major(cuda)) {
    const std::string why_not = why_not_compilable(row.capability, cuda);
    if (why_not.empty()) return fmt::format("{} compiles for {}.", name, gpu);
    return fmt::format("{} ({}).", why_not, row.group);
  }
  const int major = cuda.parts.front(), first = row.first_cuda.parts.front();
  const int last = row.last_cuda ? row.last_cuda->parts.front() : major + 1;
  if (major < first || major > last)
    return fmt::format("{} does not compile for {}: {}.", name, gpu, toolkits_for(row));
  std::string text = fmt::format("{} compiles for {}", name, gpu);
  if (major == first && row.first_cuda > Version{{major, 0}})
    text += fmt::format(" from {} on", row.first_cuda.text());
  if (major == last) text += fmt::format(" up to {}, the last that does", row.last_cuda->text());
  return text + ".";
}

// The toolkit of the tables that this is, or the first of its major release: the drivers that they start
// with are the same.
const Toolkit* toolkit_for(const Version& cuda) {
  for (const Toolkit& toolkit : catalog().toolkits) {
    if (toolkit.version == cuda) return &toolkit;
  }
  const auto same_major = [&](const Toolkit& toolkit) {
    return toolkit.version.parts.front() == cuda.parts.front();
  };
  const auto found = std::ranges::find_if(catalog().toolkits, same_major);
  return found == catalog().toolkits.end() ? nullptr : &*found;
}

// "580" is a branch: all of it.
bool at_least(const Version& driver, Version needed) {
  if (needed.parts.size() > driver.parts.size()) needed.parts.resize(driver.parts.size());
  return driver >= needed;
}

std::string starts(const Version& driver, const Version& cuda) {
  const Toolkit* toolkit = toolkit_for(cuda);
  if (!toolkit) return "";
  std::string text = fmt::format("Driver {} {} programs of {}: they need {} or newer", driver.text(),
                                 at_least(driver, toolkit->minimum_driver) ? "starts" : "does not start",
                                 cuda_name(cuda), toolkit->minimum_driver.text());
  if (toolkit->version == cuda) text += fmt::format(", PTX of it {}", toolkit->paired_driver.text());
  return text + ".";
}

std::string knows(const Version& driver, const CapabilityRow& row) {
  return fmt::format("Driver {} {} {}: {} is the first that does.", driver.text(),
                     at_least(driver, row.first_driver) ? "knows" : "does not know", titled(row),
                     row.first_driver.text());
}

std::string runs(const NamedGpu& built, const NamedGpu& device) {
  const bool ptx = built.code.kind == CodeKind::ptx;
  const bool does = runs_on(built.code, device.rows.front()->capability);
  return fmt::format("{} for {} {} on {}.", ptx ? "PTX" : "Machine code",
                     spell(built.code.capability, Dialect::dotted), does ? "runs" : "does not run",
                     named(device));
}

// The kinds of machines with such a processor that it is found in.
std::vector<std::string> hosts_of(const NamedGpu& gpu, Machine machine) {
  std::vector<std::string> names;
  for (const HostClass& host : catalog().hosts) {
    const auto sits_here = [&](const Gpu& each) {
      const bool meant =
          gpu.gpu ? &each == gpu.gpu : std::ranges::any_of(gpu.rows, [&](const CapabilityRow* row) {
            return row->capability == each.capability;
          });
      return meant && std::ranges::find(each.hosts, host.name) != each.hosts.end();
    };
    if (host.machine == machine && std::ranges::any_of(catalog().gpus, sits_here)) names.push_back(host.name);
  }
  return names;
}

std::string meets(const NamedGpu& gpu, const NamedProcessor& processor) {
  const std::vector<std::string> hosts = hosts_of(gpu, processor.machine);
  if (!hosts.empty())
    return fmt::format("{} comes with {} processors: {}.", named(gpu), to_string(processor.machine),
                       fmt::join(hosts, ", "));
  return fmt::format("{} comes with no {} processor: no machine runs such a build.", named(gpu),
                     to_string(processor.machine));
}

std::string has_isa(const NamedProcessor& processor, const Isa& isa) {
  if (processor.isas.empty())
    return fmt::format("{} is an instruction set of {}.", isa.name, to_string(isa.machine));
  const bool has = std::ranges::find(processor.isas, isa.name) != processor.isas.end();
  return fmt::format("{} {} builds for {}: its instruction sets are {}.", processor.name,
                     has ? "runs" : "does not run", isa.name, fmt::join(processor.isas, ", "));
}

std::string includes(const Isa& built, const Isa& offered) {
  return fmt::format("A build for {} {} on every processor with {}.", built.name,
                     isa_runs_on(built, offered) ? "runs" : "does not run", offered.name);
}

std::string about_cuda(const Version& cuda) {
  std::vector<std::string> can, dropped;
  for (const CapabilityRow& row : catalog().capabilities) {
    const bool from =
        is_major(cuda) ? row.first_cuda.parts.front() <= cuda.parts.front() : row.first_cuda <= cuda;
    const bool gone = row.last_cuda && (is_major(cuda) ? row.last_cuda->parts.front() < cuda.parts.front()
                                                       : *row.last_cuda < cuda);
    if (gone) dropped.push_back(dotted(row));
    else if (from) can.push_back(dotted(row));
  }
  std::string text;
  if (const Toolkit* toolkit = toolkit_for(cuda)) {
    text = fmt::format("Its programs start with driver {} or newer", toolkit->minimum_driver.text());
    if (toolkit->version == cuda)
      text += fmt::format("; PTX of it needs {} or newer", toolkit->paired_driver.text());
    text += ".\n";
  }
  text += fmt::format("It compiles for {}.", fmt::join(can, ", "));
  if (!dropped.empty()) text += fmt::format("\nIt no longer compiles for {}.", fmt::join(dropped, ", "));
  return text;
}

std::string about_driver(const Version& driver) {
  std::vector<std::string> starts, not_known;
  for (const Toolkit& toolkit : catalog().toolkits) {
    if (at_least(driver, toolkit.minimum_driver)) starts.push_back(toolkit.version.text());
  }
  for (const CapabilityRow& row : catalog().capabilities) {
    if (!at_least(driver, row.first_driver)) not_known.push_back(dotted(row));
  }
  std::string text = starts.empty() ? "It starts programs of no CUDA release in the tables."
                                    : fmt::format("It starts programs of CUDA {}.", fmt::join(starts, ", "));
  if (!not_known.empty()) text += fmt::format("\nIt is too old for GPUs of {}.", fmt::join(not_known, ", "));
  return text;
}

using Lines = std::vector<std::string>;

void each_row(const Asked& asked, const std::function<void(const CapabilityRow&)>& say) {
  for (const NamedGpu& gpu : asked.gpus) {
    for (const CapabilityRow* row : gpu.rows) say(*row);
  }
}

// Two things in the question: what holds between them.
Lines relations(const Asked& asked) {
  Lines lines;
  const auto say = [&](std::string line) {
    if (!line.empty() && std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
  };
  for (const Version& cuda : asked.cuda) {
    each_row(asked, [&](const CapabilityRow& row) { say(compiles(cuda, row)); });
    for (const Version& driver : asked.drivers) say(starts(driver, cuda));
  }
  for (const Version& driver : asked.drivers) {
    each_row(asked, [&](const CapabilityRow& row) { say(knows(driver, row)); });
  }
  for (std::size_t i = 0; i < asked.gpus.size(); ++i) {
    for (std::size_t k = 0; k < asked.gpus.size(); ++k) {
      if (i != k && asked.gpus[i].rows.size() == 1 && asked.gpus[k].rows.size() == 1)
        say(runs(asked.gpus[i], asked.gpus[k]));
    }
  }
  for (const NamedProcessor& processor : asked.processors) {
    for (const NamedGpu& gpu : asked.gpus) say(meets(gpu, processor));
    for (const Isa* isa : asked.isas) say(has_isa(processor, *isa));
  }
  for (const Isa* isa : asked.isas) {
    each_row(asked, [&](const CapabilityRow& row) {
      say(fmt::format("{} with {}: {}.", dotted(row), isa->name, judge_pair(row.capability, *isa).reason));
    });
    for (const Isa* other : asked.isas) {
      if (other != isa) say(includes(*isa, *other));
    }
  }
  return lines;
}

Topic topic_of(std::string name, std::string text) {
  return {.kind = Topic::Kind::hardware,
          .name = name,
          .title = name,
          .text = std::move(text),
          .source = "the tables of GPUs, CUDA releases and processors: torchlathe catalog",
          .see = {"torchlathe catalog capabilities", "torchlathe catalog cuda"}};
}

std::optional<Topic> about_one(const Asked& asked) {
  if (!asked.cuda.empty()) return topic_of(cuda_name(asked.cuda.front()), about_cuda(asked.cuda.front()));
  if (!asked.drivers.empty())
    return topic_of("driver " + asked.drivers.front().text(), about_driver(asked.drivers.front()));
  return hardware_topic(asked.names.front());
}

// "sm_90 or 9.0": it is asked how, not what runs.
bool is_about_spelling(const Asked& asked) {
  const auto& gpus = asked.gpus;
  return gpus.size() > 1 && std::ranges::all_of(gpus, [&](const NamedGpu& gpu) {
           return parse_capability(gpu.name) && gpu.code.capability == gpus.front().code.capability;
         });
}

std::optional<Topic> whole_answer(const Asked& asked) {
  if (asked.more || is_about_spelling(asked)) return std::nullopt;
  if (asked.names.size() == 1) {
    auto exact = hardware_topic(asked.names.front());
    return exact ? exact : about_one(asked);
  }
  Lines lines = relations(asked);
  if (lines.empty() && asked.cuda.size() == asked.names.size()) {
    for (const Version& cuda : asked.cuda) lines.push_back(cuda_name(cuda) + ": " + about_cuda(cuda));
  }
  if (lines.empty()) return std::nullopt;
  return topic_of(fmt::format("{}", fmt::join(asked.names, ", ")), fmt::format("{}", fmt::join(lines, "\n")));
}

}  // namespace

HardwareAnswers hardware_question(const std::string& question) {
  const Asked asked = read_question(question);
  if (asked.names.empty()) return {};
  return {.whole = whole_answer(asked), .named = about_one(asked)};
}

}  // namespace lathe
