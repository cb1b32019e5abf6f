// SPDX-License-Identifier: MIT
#include "jobs/builders/nix_probe.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "jobs/builders/proof.h"
#include "nix/machines.h"
#include "nix/nix.h"
#include "nix/recorder_text.h"
#include "os/file.h"
#include "os/process.h"
#include "os/unfinished.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view proven_system = "x86_64-linux";
constexpr auto ping_limit = std::chrono::seconds(20);
// about a second, unless the builder has all hands full
constexpr auto proof_limit = std::chrono::seconds(60);

// Its builder is a program without libraries: it runs in an empty sandbox. The nonce makes it another
// derivation each time, so that it is run and not remembered.
constexpr std::string_view expression = R"({ program, nonce, features }:
derivation {
  name = "torchlathe-proof";
  system = "x86_64-linux";
  builder = builtins.path { path = /. + program; name = "torchlathe-cpu-proof"; };
  requiredSystemFeatures = features;
  inherit nonce;
})";

std::string nix_list(const std::vector<std::string>& words) {
  std::string text = "[";
  for (const std::string& word : words)
    text += fmt::format(" \"{}\"", replace_all(replace_all(word, "\\", "\\\\"), "\"", "\\\""));
  return text + " ]";
}

std::string percent_encoded(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += std::isalnum(static_cast<unsigned char>(c))
               ? std::string(1, c)
               : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

// Nobody is there to type a password.
std::string ssh_options() { return patient_ssh_options() + " -o BatchMode=yes -o ConnectTimeout=10"; }

// Why Nix could not: its own words, or ssh's, which come before them.
std::string reason_of(const ProcessResult& result) {
  const std::string message = parse_nix_error(result.err).message;
  for (const std::string_view line : split(result.err, '\n')) {
    if (line.starts_with("ssh: ") || line.find("Permission denied") != std::string_view::npos)
      return printable(trim(line));
  }
  const std::string one_line =
      replace_all(replace_all(message.substr(0, message.find('\n')), ": error: ", ": "), " error: ", "; ");
  return printable(message.empty() ? result.ending() : one_line);
}

// "" when Nix reaches the store.
std::string ping(Builder& builder, const RunProcess& run) {
  Process process{
      .arguments = nix_command(), .environment = {{"NIX_SSHOPTS", ssh_options()}}, .time_limit = ping_limit};
  process.arguments.insert(process.arguments.end(), {"store", "ping", "--store", store_uri(builder.machine)});
  const ProcessResult result = run(process);
  if (result.timed_out) return fmt::format("it does not answer Nix within {} seconds", ping_limit.count());
  if (!result.ok())
    return fmt::format(
        "Nix does not reach its store: {} (the key there has to be allowed a shell, `nix-daemon --stdio` for "
        "ssh-ng://, or `nix-store --serve --write` for ssh://)",
        reason_of(result));
  const std::string text = result.out + result.err;  // the one or the other, by release
  for (const std::string_view line : split(text, '\n')) {
    constexpr std::string_view word = "Version: ";
    if (line.starts_with(word))
      builder.nix = fmt::format("Nix {}", printable(trim(line.substr(word.size()))));
  }
  return "";
}

std::string failure_of_proof(const ProcessResult& result) {
  if (result.timed_out)
    return fmt::format(
        "it has not built the proof of what it can run within {} seconds: is it full, or does its Nix wait "
        "for something?",
        proof_limit.count());
  for (const std::string_view line : split(result.err, '\n')) {
    if (line.starts_with("cannot build on")) return printable(trim(line));
  }
  if (result.err.find("unable to start any build") == std::string::npos)
    return fmt::format("Nix cannot build there: {}", reason_of(result));
  if (result.err.find("Failed to find a machine") != std::string::npos)
    return "Nix does not take it for a builder: look at systems and features in its line";
  return "the Nix daemon here takes no builders from this user, who has to be one of its trusted-users";
}

// The line that says so names the machine: a daemon that ignores --builders may have builders of its own.
bool was_built_there(const Builder& builder, std::string_view log) {
  const std::string uri = builder.machine.uri.substr(0, builder.machine.uri.find('?'));
  return log.find(fmt::format("' on '{}", uri)) != std::string_view::npos;
}

ProcessResult build_proof(const Builder& builder, const fs::path& program, const RunProcess& run) {
  NixMachine machine = builder.machine;
  ++machine.max_jobs;  // not in the place of a build that another process has there
  return run({.arguments = {require_nix("nix-build"),
                            "--expr",
                            std::string(expression),
                            "--argstr",
                            "program",
                            program.string(),
                            "--argstr",
                            "nonce",
                            random_token(),
                            "--arg",
                            "features",
                            nix_list(machine.mandatory),
                            "--no-out-link",
                            "--max-jobs",
                            "0",
                            "--builders",
                            text_of(machine),
                            "--option",
                            "substitute",
                            "false"},
              .environment = {{"NIX_SSHOPTS", ssh_options()}},
              .time_limit = proof_limit});
}

// "" when the builder has proven what it can run.
std::string prove(Builder& builder, const RunProcess& run) {
  const Unfinished folder(fs::temp_directory_path() / "cpu-proof", Unfinished::Kind::folder);
  const fs::path program = fs::path(folder.path()) / "cpu-proof";
  write_file_atomically(program, proof_program());
  fs::permissions(program, fs::perms::owner_all);
  const ProcessResult result = build_proof(builder, program, run);
  if (!result.ok()) return failure_of_proof(result);
  if (!was_built_there(builder, result.err))
    return "Nix built the proof of what it can run elsewhere: is this user one of the daemon's "
           "trusted-users?";
  if (!read_proof(builder.cpu, read_file(trim(result.out))))
    return "the proof of what it can run came back damaged";
  builder.proof = "CPUID and XCR0";
  return "";
}

bool can_prove(const Builder& builder) {
  return !proof_program().empty() &&
         std::ranges::find(builder.systems, proven_system) != builder.systems.end();
}

std::string variable_or(const char* name, std::string otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : std::move(otherwise);
}

}  // namespace

std::string store_uri(const NixMachine& machine) {
  std::string uri = machine.uri;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty())
      uri += fmt::format("{}{}={}", uri.find('?') == std::string::npos ? '?' : '&', name,
                         percent_encoded(value));
  };
  add("ssh-key", machine.ssh_key);
  add("base64-ssh-public-host-key", machine.host_key);
  return uri;
}

void ask_through_nix(Builder& builder, const RunProcess& run) {
  builder.shell = false;
  std::string problem = ping(builder, run);
  if (problem.empty() && can_prove(builder)) problem = prove(builder, run);
  if (!can_prove(builder) && builder.systems.front().starts_with("aarch64"))
    builder.cpu.machine = Machine::aarch64;
  if (!problem.empty()) builder.problem = fmt::format("ssh gives no shell there, and {}", problem);
}

// As Nix decides it: a store that it may write itself needs no daemon.
bool builds_by_daemon() {
  const std::string remote = variable_or("NIX_REMOTE", "auto");
  if (remote != "auto") return remote.starts_with("daemon") || remote.starts_with("unix://");
  const std::string state = variable_or("NIX_STATE_DIR", "/nix/var/nix");
  return ::access(state.c_str(), R_OK | W_OK) != 0 &&
         ::access(variable_or("NIX_DAEMON_SOCKET_PATH", state + "/daemon-socket/socket").c_str(), F_OK) == 0;
}

void ask_through_daemon(Builder& builder, const RunProcess& run) {
  if (!can_prove(builder)) return;
  const std::string problem = prove(builder, run);
  builder.shell = false;
  builder.by_daemon = problem.empty();
  builder.problem =
      problem.empty() ? "" : fmt::format("{}; through Nix's daemon: {}", builder.problem, problem);
}

bool answers_daemon(const Builder& builder, const RunProcess& run) {
  Builder again = builder;
  return prove(again, run).empty();
}

}  // namespace lathe
