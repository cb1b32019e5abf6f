// SPDX-License-Identifier: MIT
#include "jobs/builders/builder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string_view>
#include <system_error>

#include "base/parallel.h"
#include "nix/shell_word.h"
#include "base/text.h"
#include "jobs/builders/nix_probe.h"
#include "jobs/builders/proof.h"
#include "host/cpu.h"
#include "nix/nix.h"
#include "jobs/builders/process_tree.h"

namespace lathe {

namespace {

constexpr std::string_view first_line = "torchlathe probe 1";
constexpr std::string_view mark = "== ";

// printf and octal are in every POSIX shell; base64 is not.
std::string write_proof() {
  std::string words;
  for (const char c : proof_program()) words += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  if (words.empty()) return "";
  return fmt::format(
      "f=$(mktemp) && printf '{}' >\"$f\" && chmod 700 \"$f\" && \"$f\" 2>/dev/null; rm -f \"$f\"\n", words);
}

// Needs a POSIX shell with sed, grep, df and mktemp; what is missing leaves its part empty.
std::string script_for(const SshPlace& place) {
  std::string daemon = place.remote_program;
  if (daemon.empty()) daemon = place.protocol == "ssh" ? "nix-store" : "nix-daemon";
  const std::size_t root = place.remote_store.find("root=");
  const std::string store =
      (root == std::string::npos ? "" : place.remote_store.substr(root + 5)) + "/nix/store";
  return fmt::format(
      "exec 2>/dev/null\nunset out\necho '{0}'\n"
      "echo '{1}nix'; {2} --version\n"
      "echo '{1}kernel'; uname -s -m\n"
      "echo '{1}cpuinfo'; sed '/^$/q' /proc/cpuinfo\n"
      "echo '{1}cores'; grep -c ^processor /proc/cpuinfo\n"
      "echo '{1}memory'; grep -E '^Mem(Total|Available):' /proc/meminfo\n"
      "echo '{1}disk'; d={3}; while ! test -d \"$d\"; do d=${{d%/*}}; test -n \"$d\" || d=/; done; df -Pk "
      "\"$d\" | tail -n 1\n"
      "echo '{1}proof'\n{4}"
      "echo '{1}end'\n",
      first_line, mark, single_quoted(daemon), single_quoted(store), write_proof());
}

std::string decode_base64(std::string_view text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t value = 0, bits = 0;
  for (const char c : text) {
    const std::size_t digit = alphabet.find(c);
    if (digit == std::string_view::npos) break;
    value = value << 6 | static_cast<std::uint32_t>(digit);
    if ((bits += 6) >= 8) out += static_cast<char>(value >> (bits -= 8) & 0xFF);
  }
  return out;
}

// As Nix calls it: the user's NIX_SSHOPTS, the machine's key, its host key instead of known_hosts.
std::vector<std::string> ssh_words(const NixMachine& machine) {
  const SshPlace place = ssh_place(machine);
  std::vector<std::string> words = {"ssh"};
  const std::string options = patient_ssh_options();
  for (const std::string_view word : lathe::words(options)) words.emplace_back(word);
  words.insert(words.end(), {"-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-x", "-T"});
  if (!place.key.empty()) words.insert(words.end(), {"-i", place.key});
  if (!place.port.empty()) words.insert(words.end(), {"-p", place.port});
  const std::string key = decode_base64(machine.host_key);
  const auto parts = lathe::words(key);
  if (parts.size() >= 2)
    words.insert(words.end(), {"-o", fmt::format("KnownHostsCommand=/bin/echo %H {} {}", parts[0], parts[1]),
                               "-o", "UserKnownHostsFile=none"});
  words.insert(words.end(), {"--", place.host});
  return words;
}

template <typename Number>
Number number_in(std::string_view text) {
  Number value = 0;
  text = trim(text);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::map<std::string, std::string, std::less<>> sections_of(std::string_view text) {
  std::map<std::string, std::string, std::less<>> sections;
  std::string* into = nullptr;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with(mark)) into = &sections[std::string(trim(line.substr(mark.size())))];
    else if (into) *into += std::string(line) + "\n";
  }
  return sections;
}

// "features : a b c" of /proc/cpuinfo.
std::vector<std::string> kernel_list(std::string_view cpuinfo, std::string_view key) {
  std::vector<std::string> features;
  for (const std::string_view line : split(cpuinfo, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || trim(line.substr(0, colon)) != key) continue;
    for (const std::string_view word : words(line.substr(colon + 1))) features.emplace_back(word);
    break;
  }
  std::ranges::sort(features);
  return features;
}

void read_cpu(Builder& builder, std::string_view kernel, std::string_view cpuinfo, std::string_view proof) {
  builder.cpu.machine = kernel.find("aarch64") != std::string_view::npos ? Machine::aarch64 : Machine::x86_64;
  if (builder.cpu.machine == Machine::aarch64) {
    builder.cpu.features = kernel_list(cpuinfo, "Features");
    builder.proof = "HWCAP";  // the kernel prints these lines from the same bits
  } else if (read_proof(builder.cpu, proof)) {
    builder.proof = "CPUID and XCR0";
  } else {
    builder.cpu.features = kernel_list(cpuinfo, "flags");
    builder.proof = "the kernel's list";
  }
}

// ssh itself, and not what it ran.
bool ssh_failed(const ProcessResult& result) {
  return result.timed_out || result.stopped || result.signal != 0 || result.exit_status == 255;
}

std::string ssh_failure(const ProcessResult& result) {
  if (result.timed_out) return "does not answer within 20 seconds";
  const std::string_view last = last_line(result.err);
  if (last.starts_with("ssh: ")) return printable(last);
  return fmt::format("ssh: {}", last.empty() ? result.ending() : printable(last));
}

Builder probe(const NixMachine& machine, const RunProcess& run) {
  const SshPlace place = ssh_place(machine);
  Builder builder{.machine = machine, .name = place.host, .systems = machine.systems};
  if (builder.systems.empty()) builder.systems.push_back(system_of(detect_cpu("").machine));
  if (place.protocol != "ssh" && place.protocol != "ssh-ng") {
    builder.name = machine.uri;
    builder.problem = "only builders with ssh:// and ssh-ng:// can be asked what they are";
    return builder;
  }
  Process process{.arguments = ssh_words(machine),
                  .input = script_for(place),
                  .output_limit = std::size_t{1} << 20,
                  .time_limit = std::chrono::seconds(20)};
  process.arguments.emplace_back("sh");
  const ProcessResult result = run(process);
  if (result.out.find(first_line) != std::string::npos) {
    read_probe(builder, result.out);
  } else if (!ssh_failed(result)) {
    ask_through_nix(builder, run);
  } else {
    builder.problem = ssh_failure(result);
    if (builds_by_daemon()) ask_through_daemon(builder, run);
  }
  return builder;
}

}  // namespace

void read_probe(Builder& builder, std::string_view text) {
  auto parts = sections_of(text);
  read_cpu(builder, parts["kernel"], parts["cpuinfo"], parts["proof"]);
  builder.cores = builder.cpu.cores = number_in<unsigned>(parts["cores"]);
  for (const std::string_view line : split(parts["memory"], '\n')) {
    const std::uint64_t bytes =
        number_in<std::uint64_t>(line.substr(std::min(line.find(':') + 1, line.size()))) * 1024;
    if (line.starts_with("MemTotal")) builder.memory = bytes;
    if (line.starts_with("MemAvailable")) builder.memory_free = bytes;
  }
  const auto disk = words(parts["disk"]);
  if (disk.size() >= 4) builder.disk_free = number_in<std::uint64_t>(disk[3]) * 1024;
  const auto version = parse_nix_version(parts["nix"]);
  if (version) builder.nix = version->text();
  if (!version) builder.problem = "has no Nix where ssh looks for it";
  else if (version->flavour == "Nix" && (version->major < 2 || (version->major == 2 && version->minor < 4)))
    builder.problem = "its Nix is older than 2.4";
  if (!parts.contains("end")) builder.problem = "the connection broke while it was probed";
}

Builder this_builder(unsigned jobs, std::uint64_t memory_free) {
  std::error_code error;
  const auto space = std::filesystem::space("/nix/store", error);
  Builder builder{.machine = {.max_jobs = jobs},
                  .name = "here",
                  .systems = {},
                  .cpu = detect_cpu(""),
                  .proof = "CPUID and XCR0",
                  .cores = usable_cores(),
                  .memory = total_memory(),
                  .memory_free = memory_free,
                  .disk_free = error ? 0 : space.available};
  builder.systems = {system_of(builder.cpu.machine)};
  if (builder.cpu.machine == Machine::aarch64) builder.proof = "HWCAP";
  return builder;
}

std::vector<Builder> probe_builders(const std::vector<NixMachine>& machines, const RunProcess& run) {
  std::vector<Builder> builders(machines.size());
  const auto ask = [&](std::size_t i) {
    try {
      builders[i] = probe(machines[i], run);
      take_off_unwanted(builders[i].cpu);
    } catch (const Error& error) {
      builders[i] = {.machine = machines[i], .name = machines[i].uri, .problem = error.parts().what};
    }
  };
  // they wait for the network, not for a core
  parallel_for_all(machines.size(), ask, static_cast<unsigned>(machines.size()));
  return builders;
}

bool answers(const Builder& builder, const RunProcess& run) {
  if (builder.by_daemon) return answers_daemon(builder, run);
  Process process{.arguments = ssh_words(builder.machine), .time_limit = std::chrono::seconds(15)};
  process.arguments.emplace_back("true");
  const ProcessResult result = run(process);
  return builder.shell ? result.ok() : !ssh_failed(result);
}

std::string why_not_there(const Builder& builder, const BuilderNeeds& needs) {
  if (!builder.problem.empty()) return builder.problem;
  if (!needs.system.empty() && needs.system != "builtin" &&
      std::ranges::find(builder.systems, needs.system) == builder.systems.end()) {
    return fmt::format("builds for {}, not for {}", fmt::join(builder.systems, ", "), needs.system);
  }
  if (!builder.is_here()) {
    for (const std::string& feature : needs.features) {
      if (!builder.machine.offers(feature)) return fmt::format("does not offer \"{}\"", feature);
    }
    for (const std::string& feature : builder.machine.mandatory) {
      if (std::ranges::find(needs.features, feature) == needs.features.end())
        return fmt::format("is kept for what needs \"{}\"", feature);
    }
  }
  if (needs.isa == nullptr) return "";
  if (builder.proof.empty())
    return "has not proven what it can run: ssh gives no shell there (--any-cpu builds there all the "
           "same)";
  const auto missing = missing_features(builder.cpu, *needs.isa);
  return missing.empty() ? ""
                         : fmt::format("cannot run {}: lacks {}", needs.isa->name, fmt::join(missing, ", "));
}

std::string patient_ssh_options() {
  const char* given = std::getenv("NIX_SSHOPTS");
  return fmt::format("{}{}-o ServerAliveInterval=15 -o ServerAliveCountMax=4", given ? given : "",
                     given && *given ? " " : "");
}

}  // namespace lathe
