// SPDX-License-Identifier: MIT
#include "audit/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "audit/rules/rule.h"
#include "base/finding.h"
#include "base/finding_json.h"
#include "base/json.h"
#include "base/json_report.h"
#include "nix/record.h"

namespace lathe {
namespace {

void write_patches(JsonWriter& json, std::string_view key, const std::vector<RecordedPatch>& patches) {
  json.key(key).begin_array();
  for (const RecordedPatch& patch : patches)
    json.begin_object()
        .member("name", patch.name)
        .member("url", patch.url)
        .member("hash", patch.hash)
        .end_object();
  json.end_array();
}

void write_package(JsonWriter& json, const RecordedPackage& package) {
  json.member("attribute", package.attribute).member("builder", package.builder);
  json.key("cuda");
  if (package.cuda && package.cuda_support.value_or(false)) json.value(package.cuda->version);
  else json.null();
  json.key("cuda_support");
  if (package.cuda_support) json.value(*package.cuda_support);
  else json.null();
  json.member("gpu_targets", package.gpu_targets)
      .member("pname", package.pname)
      .member("version", package.version);
  json.member("build_version", package.build_version).member("cpu_flags", package.cxxflags);
  json.key("source");
  if (package.source) {
    json.begin_object()
        .member("owner", package.source->owner)
        .member("repo", package.source->repo)
        .member("rev", package.source->rev);
    json.member("hash", package.source->hash).end_object();
  } else {
    json.value(package.source_text);
  }
  write_patches(json, "patches", package.patches);
  if (package.magma) write_patches(json, "magma_patches", package.magma->patches);
  json.member("platforms", package.platforms).member("description", package.description);
}

void write_recorded(JsonWriter& json, const Recorded& recorded) {
  json.begin_object().member("evaluated", recorded.evaluated()).member("system", recorded.system);
  json.key("pin");
  if (recorded.pin()) json.value(recorded.pin()->rev);
  else json.null();
  if (recorded.package) write_package(json, *recorded.package);
  json.end_object();
}

void write_recipe(JsonWriter& json, const AuditedRecipe& recipe) {
  json.begin_object().member("file", recipe.file).key("variant");
  if (recipe.variant.empty()) json.null();
  else json.value(recipe.variant);
  json.member("verdict", to_string(recipe.verdict)).member("reason", recipe.reason);
  write_findings(json, "findings", recipe.findings);
  json.member("silenced", recipe.silenced).key("recorded");
  write_recorded(json, *recipe.recorded);
  json.end_object();
}

// A path as a URI: all but unreserved characters and / escaped.
std::string uri_of(std::string_view path) {
  std::string uri;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) uri += c;
    else uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

void write_sarif_rules(JsonWriter& json) {
  json.key("rules").begin_array();
  for (const Rule& rule : rules()) {
    json.begin_object()
        .member("id", rule.name)
        .key("shortDescription")
        .begin_object()
        .member("text", rule.explanation)
        .end_object();
    json.key("help").begin_object().member("text", rule.repair).end_object();
    json.key("defaultConfiguration")
        .begin_object()
        .member("level", to_string(rule.severity))
        .end_object()
        .end_object();
  }
  json.end_array();
}

void write_sarif_result(JsonWriter& json, const Finding& finding) {
  json.begin_object()
      .member("ruleId", finding.rule)
      .member("level", to_string(finding.severity))
      .key("message")
      .begin_object();
  json.member("text", finding.fix.empty() ? finding.what : fmt::format("{}. {}", finding.what, finding.fix))
      .end_object();
  json.key("locations").begin_array().begin_object().key("physicalLocation").begin_object();
  json.key("artifactLocation").begin_object().member("uri", uri_of(finding.where.file)).end_object();
  json.key("region").begin_object().member("startLine", std::max(1u, finding.where.line));
  if (finding.where.column > 0) json.member("startColumn", finding.where.column);
  json.end_object().end_object().end_object().end_array().end_object();
}

}  // namespace

std::string audit_json(const Audit& audit) {
  JsonWriter json;
  begin_report(json)
      .member("matrix", audit.matrix)
      .member("folder", audit.folder.string())
      .member("evaluated", audit.nix_found);
  json.key("recipes").begin_array();
  for (const AuditedRecipe& recipe : audit.recipes) write_recipe(json, recipe);
  json.end_array().member("missing", audit.missing).key("summary").begin_object();
  const AuditSummary& sum = audit.summary;
  json.member("keep", sum.keep)
      .member("rewrite", sum.rewrite)
      .member("rename", sum.rename)
      .member("create", sum.create);
  json.member("delete", sum.remove).member("outside", sum.outside).member("wanted", sum.wanted);
  json.member("errors", audit.count(Severity::error)).member("warnings", audit.count(Severity::warning));
  return json.end_object().end_object().take();
}

std::string audit_sarif(const Audit& audit) {
  JsonWriter json;
  json.begin_object()
      .member("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
      .member("version", "2.1.0");
  json.key("runs").begin_array().begin_object().key("tool").begin_object().key("driver").begin_object();
  json.member("name", "torchlathe").member("version", LATHE_VERSION);
  write_sarif_rules(json);
  json.end_object().end_object().key("results").begin_array();
  for (const AuditedRecipe& recipe : audit.recipes) {
    for (const Finding& finding : recipe.findings) write_sarif_result(json, finding);
  }
  return json.end_array().end_object().end_array().end_object().take();
}

}  // namespace lathe
