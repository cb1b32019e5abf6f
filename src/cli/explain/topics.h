// SPDX-License-Identifier: MIT
// Everything that `torchlathe explain` has a text for: questions (explanations.toml), the rules of every
// command and words that commands print. The one registry of rule names: tests/explain_rules.py fails on a
// rule of the sources that is not in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lathe {

struct Topic {
  enum class Kind { question, rule, word, variable, hardware };
  Kind kind = Kind::question;
  std::string name = {};               // "max-jobs", "gpu-missing"; two commands may use one name
  std::vector<std::string> also = {};  // other names: "USE_NCCL" of "USE_CUDNN", "isa" of "instruction-set"
  std::vector<std::string> of = {};    // the commands that report it; {}: a question
  std::string severity = {};           // "error", where the rule has one
  std::string title = {};              // the question, or what was found, in one sentence
  std::string text = {};               // what is right, or what it means
  std::string why = {};                // of a rule
  std::string repair = {};             // of a rule
  std::string believed = {};           // of a question: what was written down once, and is wrong
  std::string source = {};
  std::vector<std::string> see = {};  // commands that show it
  std::string words = {};             // what people type for it
  std::string printed = {};           // what tools print when it happens
};

std::string_view to_string(Topic::Kind kind);

// All of them, questions first, then the commands' in the order of their tables. Read once.
const std::vector<Topic>& topics();

// Words that mean the same: {"oom", "out of memory"}.
const std::vector<std::vector<std::string>>& same_words();

// Words of questions about hardware that need no answer of their own: "which toolkit supports ..."
const std::vector<std::string>& hardware_fillers();

}  // namespace lathe
