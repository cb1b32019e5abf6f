// SPDX-License-Identifier: MIT
#include "diagnose/diagnose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <span>
#include <utility>

#include "base/embedded.h"
#include "base/finding_json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "diagnose/literal_scanner.h"
#include "diagnose/log_text.h"
#include "diagnose/rule.h"

namespace lathe {

namespace diagnose_data {
std::span<const EmbeddedFile> rules();
std::span<const EmbeddedFile> usual();  // lines that logs are full of
}  // namespace diagnose_data

namespace {

constexpr std::size_t chunk_size = std::size_t{1} << 19;
constexpr std::size_t context_size = context_reach;  // kept on either side of what is scanned
constexpr std::uint64_t most_tries = 20'000;         // a rule that was brought up so often is settled
constexpr std::size_t most_findings = 50;            // of one rule
constexpr std::size_t most_evidence = 6;
constexpr std::size_t longest_evidence = 400;
constexpr std::size_t longest_capture = 300;
constexpr std::size_t most_derivations = 200;  // of those that a log names
// A pasted log: what a terminal keeps (10,000 lines of 80 columns), a web form or a mail takes. Longer ones
// are not unwrapped.
constexpr std::size_t longest_wrapped = std::size_t{1} << 20;

struct Line {
  std::uint64_t number;
  std::string text;        // plain
  std::size_t offset = 0;  // of its text in the block
};

// Lines matched together: their texts joined by one blank.
struct Block {
  std::vector<Line> lines;
  std::string text;
  std::size_t hit = 0;  // the line that was brought to attention
};

// Sixteen bytes at a time: std::count took a quarter of the whole time, eight at a time a fifth, this a
// tenth.
std::uint64_t line_feeds(std::string_view text) {
  using Bytes = unsigned char __attribute__((vector_size(16)));
  std::uint64_t count = 0;
  std::size_t at = 0;
  while (at + sizeof(Bytes) <= text.size()) {
    Bytes sums = {};  // how many line feeds were at each of the sixteen places; a byte holds 255 of them
    for (int i = 0; i < 255 && at + sizeof(Bytes) <= text.size(); ++i, at += sizeof(Bytes)) {
      Bytes bytes;
      std::memcpy(&bytes, text.data() + at, sizeof(Bytes));
      sums -= static_cast<Bytes>(bytes == static_cast<unsigned char>('\n'));  // a comparison that holds is -1
    }
    for (std::size_t i = 0; i < sizeof(Bytes); ++i) count += sums[i];
  }
  return count + static_cast<std::uint64_t>(std::ranges::count(text.substr(at), '\n'));
}

std::string cut(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  return text.substr(0, limit) + "...";
}

struct Tally {
  std::uint64_t tries = 0;
  std::uint64_t matched_to = 0;  // offset in the log: hits before it are in a line that has matched
  std::vector<Diagnosis> found;
};

struct Target {
  std::size_t rule;
  const RuleMatch* match;
};

// What is the same for every log: read once.
struct Knowledge {
  std::vector<LogRule> rules;
  LazyPattern harmless;
  std::vector<std::vector<Target>> targets;  // per literal
  LiteralScanner scanner;
  std::uint32_t derivation = 0;  // the literal at whose hits a derivation may be named
};

Knowledge read_knowledge() {
  const EmbeddedFile& file = diagnose_data::rules().front();
  LogRules read = read_diagnose_rules(file.text, std::string(file.name));
  const std::vector<LogRule>& rules = read.rules;
  std::vector<std::vector<Target>> targets;
  std::map<std::string, std::size_t> index;
  std::vector<std::string> literals;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (const RuleMatch& match : rules[i].matches) {
      const auto [slot, fresh] = index.try_emplace(match.find, literals.size());
      if (fresh) literals.push_back(match.find);
      targets.resize(literals.size());
      targets[slot->second].push_back({i, &match});
    }
  }
  const auto derivation = static_cast<std::uint32_t>(literals.size());
  literals.emplace_back("'/nix/store/");
  targets.emplace_back();
  return {.rules = std::move(read.rules),
          .harmless = std::move(read.harmless),
          .targets = std::move(targets),
          .scanner = LiteralScanner(std::move(literals), diagnose_data::usual().front().text),
          .derivation = derivation};
}

const Knowledge& knowledge() {
  static const Knowledge known = read_knowledge();
  return known;
}

}  // namespace

struct Diagnoser::State {
  explicit State(std::string name) : log_name(std::move(name)) {}
  void take(std::string_view text);
  void scan(std::size_t to);
  void drop_scanned();
  void end();
  std::vector<Diagnosis> all_found(const BuildTold& build);
  void note_derivation(std::size_t position);
  void look(const Target& target, const LiteralScanner::Hit& hit);
  void record(const LogRule& rule, Tally& tally, const Block& block, const PatternMatch& match);
  void add_contexts(const LogRule& rule, std::size_t position, Captures& captures) const;
  std::uint64_t line_at(std::size_t position);
  Block block_around(std::size_t position, unsigned before, unsigned after);

  std::string log_name;
  const std::vector<LogRule>& rules = knowledge().rules;
  std::vector<Tally> tallies{rules.size()};  // per rule
  std::vector<std::string> derivations;

  LogDecoder decoder;
  LiteralScanner::Candidates room;
  std::string head;  // of a log that may turn out to be wrapped
  bool unwrap = true;
  std::string buffer = "\n";  // an empty line 0, so that a literal may ask for the start of a line
  std::uint64_t dropped = 0;  // bytes of the log before the buffer
  std::size_t scanned = 0;    // everything before it was scanned
  std::size_t counted = 0;    // line feeds before it are in `line`
  std::uint64_t line = 0;     // number of the line at `counted`
};

std::uint64_t Diagnoser::State::line_at(std::size_t position) {
  const std::string_view all = buffer;
  if (position >= counted) line += line_feeds(all.substr(counted, position - counted));
  else line -= line_feeds(all.substr(position, counted - position));
  counted = position;
  return line;
}

Block Diagnoser::State::block_around(std::size_t position, unsigned before, unsigned after) {
  std::vector<std::string_view> raws = {};
  std::uint64_t number = line_at(position);
  const auto raw_at = [&](std::size_t at) {
    const LineSpan span = line_around(buffer, at);
    return std::string_view(buffer).substr(span.begin, span.end - span.begin);
  };
  std::size_t at = position;
  raws.push_back(raw_at(at));
  for (unsigned i = 0; i < before; ++i) {
    at = end_of_previous_line(buffer, at);
    if (at == std::string::npos) break;
    raws.insert(raws.begin(), raw_at(at > 0 && buffer[at - 1] == '\r' ? at - 1 : at));
    --number;
  }
  at = position;
  for (unsigned i = 0; i < after; ++i) {
    at = start_of_next_line(buffer, at);
    if (at == std::string::npos) break;
    raws.push_back(raw_at(at));
  }
  Block block;
  block.hit = static_cast<std::size_t>(line_at(position) - number);
  for (const std::string_view raw : raws) {
    std::string text = plain_text(raw);
    const std::string flat = printable(collapsed(text));  // RE2 wants UTF-8
    if (!block.text.empty() && !flat.empty()) block.text += ' ';
    block.lines.push_back({.number = number++, .text = std::move(text), .offset = block.text.size()});
    block.text += flat;
  }
  return block;
}

void Diagnoser::State::add_contexts(const LogRule& rule, std::size_t position, Captures& captures) const {
  for (const RuleContext& context : rule.contexts) {
    if (captures.contains(context.name)) continue;
    std::size_t at = position;
    for (unsigned i = 0; i < context.lines; ++i) {
      at = context.before ? end_of_previous_line(buffer, at) : start_of_next_line(buffer, at);
      if (at == std::string::npos) break;
      const bool inside = context.before && at > 0 && buffer[at - 1] != '\n';
      const LineSpan span = line_around(buffer, inside ? at - 1 : at);
      const auto match = context.pattern.get().match(
          plain_text(std::string_view(buffer).substr(span.begin, span.end - span.begin)));
      if (!match) continue;
      captures.insert(match->captures.begin(), match->captures.end());
      captures[context.name] = fill_in(context.text, captures);
      break;
    }
  }
}

// "building '/nix/store/<32>-NAME.drv'", "builder for '...' failed", "Cannot build '...'": what stands in no
// such line is an input.
void Diagnoser::State::note_derivation(std::size_t position) {
  if (derivations.size() >= most_derivations) return;
  static const TextPattern pattern(
      "(?:building|builder for|Cannot build) '/nix/store/[0-9a-z]{32}-(?P<name>[^'/ ]{1,200})\\.drv'");
  const LineSpan span = line_around(buffer, position);
  const auto match = pattern.match(
      printable(plain_text(std::string_view(buffer).substr(span.begin, span.end - span.begin))));
  if (!match) return;
  const std::string& name = match->captures.at("name");
  if (std::ranges::find(derivations, name) == derivations.end()) derivations.push_back(name);
}

void Diagnoser::State::look(const Target& target, const LiteralScanner::Hit& hit) {
  const LogRule& rule = rules[target.rule];
  Tally& tally = tallies[target.rule];
  if (++tally.tries > most_tries || (rule.once && !tally.found.empty())) return;
  const RuleMatch& row = *target.match;
  const std::size_t position = hit.position + row.line_ends;
  if (dropped + position < tally.matched_to) return;
  const Block block = block_around(position, row.before, row.after);
  auto match = row.pattern.get().match(block.text);
  if (!match || row.unless.matches(block.text)) return;
  const std::string own = printable(collapsed(block.lines[block.hit].text));
  if (rule.unless.matches(own) || knowledge().harmless.matches(own) || in_passed_test(buffer, position))
    return;
  tally.matched_to = dropped + line_around(buffer, position).end;
  add_contexts(rule, position, match->captures);
  record(rule, tally, block, *match);
}

namespace {

std::uint32_t line_of(const Evidence& evidence) { return evidence.where.line; }

void take_place(Finding& finding) {
  if (!finding.evidence.empty()) finding.where = finding.evidence.front().where;
}

}  // namespace

void Diagnoser::State::record(const LogRule& rule, Tally& tally, const Block& block,
                              const PatternMatch& match) {
  Captures captures;
  for (const auto& [name, value] : match.captures) captures[name] = cut(value, longest_capture);
  std::string what = fill_in(rule.what, captures);
  // a phrase of the text, no detail
  for (const RuleContext& context : rule.contexts) captures.erase(context.name);
  auto known =
      std::ranges::find(tally.found, what, [](const Diagnosis& diagnosis) { return diagnosis.finding.what; });
  if (known == tally.found.end()) {
    if (tally.found.size() >= most_findings) return;
    tally.found.push_back({.finding = {.rule = rule.name,
                                       .severity = rule.severity,
                                       .where = {.file = log_name},
                                       .what = what,
                                       .cause = fill_in(rule.cause, captures),
                                       .fix = fill_in(rule.fix, captures)},
                           .source = rule.source,
                           .details = std::move(captures),
                           .count = 0,
                           .shared = shared_of(rule, what)});
    known = std::prev(tally.found.end());
  }
  ++known->count;
  for (std::size_t i = 0; i < block.lines.size(); ++i) {
    const Line& row = block.lines[i];
    const std::size_t end = i + 1 < block.lines.size() ? block.lines[i + 1].offset : block.text.size();
    if (trim(row.text).empty() || row.offset >= match.end || end <= match.begin) continue;
    const bool many_lines = row.text.find('\n') != std::string::npos;  // of one message of Nix
    const std::string shown =
        cut(printable(many_lines ? collapsed(row.text) : trim(row.text)), longest_evidence);
    std::vector<Evidence>& evidence = known->finding.evidence;
    if (evidence.size() < most_evidence &&
        std::ranges::find(evidence, shown, &Evidence::what) == evidence.end()) {
      evidence.push_back(
          {.where = {.file = log_name, .line = static_cast<std::uint32_t>(row.number)}, .what = shown});
    }
  }
  if (known->count == 1) take_place(known->finding);
}

void Diagnoser::State::scan(std::size_t to) {
  knowledge().scanner.scan(buffer, scanned, to, room, [this](const LiteralScanner::Hit& hit) {
    if (hit.literal == knowledge().derivation) note_derivation(hit.position);
    for (const Target& target : knowledge().targets[hit.literal]) look(target, hit);
  });
  line_at(to);
  scanned = to;
}

void Diagnoser::State::drop_scanned() {
  const std::size_t keep_from = scanned - std::min(scanned, context_size);
  buffer.erase(0, keep_from);
  dropped += keep_from;
  scanned -= keep_from;
  counted -= keep_from;
}

Diagnoser::Diagnoser(std::string log_name) : state_(std::make_unique<State>(std::move(log_name))) {
  state_->buffer.reserve(chunk_size + 4 * context_size);
}
Diagnoser::Diagnoser(Diagnoser&&) noexcept = default;
Diagnoser::~Diagnoser() = default;

void Diagnoser::State::take(std::string_view text) {
  if (unwrap) head.append(text.substr(0, longest_wrapped + 1));
  if (head.size() > longest_wrapped) {
    unwrap = false;
    head = {};
  }
  while (!text.empty()) {
    const std::size_t full = scanned + chunk_size + context_size;
    const std::size_t count = std::min(text.size(), full - buffer.size());
    buffer.append(text.substr(0, count));
    text.remove_prefix(count);
    if (buffer.size() < full) continue;
    scan(buffer.size() - context_size);
    drop_scanned();
  }
}

void Diagnoser::feed(std::string_view bytes) { state_->take(state_->decoder.decode(bytes)); }

namespace {

Stage stage_of(const std::vector<LogRule>& rules, const Diagnosis& diagnosis) {
  return std::ranges::find(rules, diagnosis.finding.rule, &LogRule::name)->stage;
}

void absorb(const LogRule& rule, std::vector<Diagnosis>& all) {
  const auto host = std::ranges::find(all, rule.name, [](const Diagnosis& one) { return one.finding.rule; });
  if (host == all.end()) return;
  std::vector<Evidence>& evidence = host->finding.evidence;
  for (const std::string& name : rule.absorbs) {
    for (const Diagnosis& other : all) {
      if (other.finding.rule != name) continue;
      evidence.insert(evidence.end(), other.finding.evidence.begin(), other.finding.evidence.end());
    }
  }
  std::ranges::stable_sort(evidence, {}, line_of);
  std::erase_if(all, [&](const Diagnosis& one) {
    return std::ranges::find(rule.absorbs, one.finding.rule) != rule.absorbs.end();
  });
}

}  // namespace

namespace {

const RuleOf* of_kind(const LogRule& rule, BuildTold::Kind kind) {
  const auto found = std::ranges::find(rule.of, kind, &RuleOf::kind);
  return found == rule.of.end() ? nullptr : &*found;
}

// What the rules say of such a build, now that it is known which one the log is of.
void apply(const std::vector<LogRule>& rules, const BuildTold& build, std::vector<Diagnosis>& found) {
  std::erase_if(found, [&](const Diagnosis& one) {
    const RuleOf* of = of_kind(*std::ranges::find(rules, one.finding.rule, &LogRule::name), build.kind);
    return of && !of->holds;
  });
  for (Diagnosis& one : found) {
    const RuleOf* of = of_kind(*std::ranges::find(rules, one.finding.rule, &LogRule::name), build.kind);
    if (!of) continue;
    Captures names = one.details;
    names.insert({{"gpus", build.gpus}, {"cuda", build.cuda}, {"isa", build.isa}});
    if (of->severity) one.finding.severity = *of->severity;
    if (!of->cause.empty()) one.finding.cause = fill_in(of->cause, names);
    if (!of->fix.empty()) one.finding.fix = fill_in(of->fix, names);
  }
}

}  // namespace

void Diagnoser::State::end() {
  take(decoder.finish());
  if (!buffer.ends_with('\n')) buffer += '\n';
  scan(buffer.size());
}

std::vector<Diagnosis> Diagnoser::State::all_found(const BuildTold& build) {
  end();
  std::vector<Diagnosis> all;
  for (Tally& tally : tallies) std::ranges::move(tally.found, std::back_inserter(all));
  apply(rules, build, all);
  for (const LogRule& rule : rules) absorb(rule, all);
  std::ranges::stable_sort(
      all, {}, [&](const Diagnosis& one) { return std::pair(stage_of(rules, one), one.finding.where.line); });
  return all;
}

namespace {

bool starts_with_cause(const std::vector<LogRule>& rules, const std::vector<Diagnosis>& found) {
  return !found.empty() && stage_of(rules, found.front()) == Stage::cause;
}

bool within(const Diagnosis& one, const Diagnosis& other) {
  const std::vector<Evidence>& all = other.finding.evidence;
  return std::ranges::all_of(one.finding.evidence, [&](const Evidence& evidence) {
    return std::ranges::find(all, evidence.where.line, line_of) != all.end();
  });
}

// "libcudart.so.12: cannot open" is known as CUDA's own and as any library: the first that speaks of a line
// is the answer.
void drop_said_already(const std::vector<LogRule>& rules, std::vector<Diagnosis>& found) {
  for (std::size_t i = 1; i < found.size();) {
    const auto end = found.begin() + static_cast<std::ptrdiff_t>(i);
    const bool said = stage_of(rules, found[i]) == Stage::cause &&
                      std::any_of(found.begin(), end, [&](const Diagnosis& other) {
                        return other.finding.rule != found[i].finding.rule && within(found[i], other);
                      });
    if (said) found.erase(end);
    else ++i;
  }
}

void number_as_in_the_log(std::vector<Diagnosis>& found, const Unwrapped& text) {
  for (Diagnosis& one : found) {
    for (Evidence& evidence : one.finding.evidence) {
      std::uint32_t& line = evidence.where.line;
      line = static_cast<std::uint32_t>(text.first_line.at(line - 1));
    }
    take_place(one.finding);
  }
}

// No rule knows this line, as it seems to those that look for errors in general: but one does.
void drop_known(const std::vector<LogRule>& rules, std::vector<Diagnosis>& found) {
  const std::vector<Diagnosis> all = found;
  std::erase_if(found, [&](const Diagnosis& one) {
    return stage_of(rules, one) == Stage::unknown && std::ranges::any_of(all, [&](const Diagnosis& other) {
             const Stage stage = stage_of(rules, other);
             return stage != Stage::unknown && stage != Stage::consequence && within(one, other);
           });
  });
}

}  // namespace

const std::vector<std::string>& Diagnoser::derivations() {
  state_->end();
  return state_->derivations;
}

std::vector<Diagnosis> Diagnoser::finish(bool show_all, const BuildTold& build) {
  State& state = *state_;
  std::vector<Diagnosis> all = state.all_found(build);
  if (!starts_with_cause(state.rules, all) && state.unwrap) {
    for (const Unwrapped& text : unwrapped(state.head)) {
      State again(state.log_name);
      again.unwrap = false;
      again.take(text.text);
      std::vector<Diagnosis> found = again.all_found(build);
      if (!starts_with_cause(state.rules, found)) continue;
      number_as_in_the_log(found, text);
      all = std::move(found);
      break;
    }
  }
  drop_known(state.rules, all);
  if (!show_all && starts_with_cause(state.rules, all)) {
    drop_said_already(state.rules, all);
    std::erase_if(all, [&](const Diagnosis& one) {
      const Stage stage = stage_of(state.rules, one);
      return stage != Stage::cause && stage != Stage::quiet;
    });
  }
  if (!show_all && !all.empty() && stage_of(state.rules, all.front()) == Stage::unknown) {
    std::erase_if(all,
                  [&](const Diagnosis& one) { return stage_of(state.rules, one) == Stage::consequence; });
  }
  return all;
}

std::vector<Diagnosis> diagnose(std::string_view log, std::string log_name, const BuildTold& build) {
  Diagnoser diagnoser(std::move(log_name));
  diagnoser.feed(log);
  return diagnoser.finish(false, build);
}

std::vector<KnownFailure> known_failures() {
  std::vector<KnownFailure> all;
  for (const LogRule& rule : knowledge().rules) {
    all.push_back({.name = rule.name,
                   .severity = rule.severity,
                   .what = without_log(rule.what),
                   .cause = without_log(rule.cause),
                   .fix = without_log(rule.fix),
                   .source = rule.source,
                   .literals = {}});
    if (rule.stage == Stage::unknown || rule.stage == Stage::consequence) continue;
    for (const RuleMatch& match : rule.matches) all.back().literals += match.find + ' ';
  }
  return all;
}

bool is_understood(const Diagnosis& diagnosis) {
  const Stage stage = stage_of(knowledge().rules, diagnosis);
  return stage == Stage::cause || stage == Stage::quiet || stage == Stage::hint;
}

void write_diagnosis(JsonWriter& json, const Diagnosis& diagnosis) {
  begin_finding(json, diagnosis.finding);
  json.member("count", diagnosis.count).key("details").begin_object();
  for (const auto& [name, value] : diagnosis.details) json.member(name, value);
  json.end_object().member("source", diagnosis.source).end_object();
}

std::string diagnosis_json(const std::vector<Diagnosis>& diagnoses) {
  JsonWriter json;
  begin_report(json).key("findings").begin_array();
  for (const Diagnosis& diagnosis : diagnoses) write_diagnosis(json, diagnosis);
  json.end_array().end_object();
  return json.take();
}

}  // namespace lathe
