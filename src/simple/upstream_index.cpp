// SPDX-License-Identifier: MIT
#include "simple/upstream_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "carve/plan/plan.h"
#include "http/address.h"
#include "http/fetch.h"
#include "os/file.h"
#include "package/wheel_names.h"
#include "simple/cache_size.h"
#include "simple/order_lock.h"
#include "simple/root.h"
#include "simple/source_wheel.h"
#include "simple/variants_json.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t largest_page = std::uint64_t{32} << 20;
constexpr std::uint64_t largest_metadata = std::uint64_t{4} << 20;
constexpr std::size_t most_projects = 2000;  // in memory; as many that upstream has not
constexpr std::chrono::seconds missing_for{60};
constexpr std::string_view accepted =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

[[noreturn]] void cannot_fetch(const std::string& url, const std::string& why) {
  throw Error({.what = fmt::format("cannot fetch {}: {}", without_secrets(url), printable(why)),
               .next = "does the upstream index answer from this machine?",
               .kind = ErrorKind::fault});
}

bool is_wheel(const PageFile& file) {
  const auto name = parse_wheel_name(file.name);
  return name && name->variant.empty() && name->file_name() == file.name;
}

const PageFile* file_named(const ProjectPage& page, std::string_view name) {
  const auto found = std::ranges::find(page.files, name, &PageFile::name);
  return found == page.files.end() ? nullptr : &*found;
}

OfferedFile metadata_inside(CarvedWheels& kept, const fs::path& wheel, const std::string& sum) {
  OfferedFile out{.text = kept.metadata_of(wheel, sum)};
  out.sha256 = to_hex(sha256(as_byte_span(out.text)));
  return out;
}

// Of a semaphore.
class Turn {
 public:
  explicit Turn(std::counting_semaphore<>& all) : all_(all) { all_.acquire(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { all_.release(); }

 private:
  std::counting_semaphore<>& all_;
};

}  // namespace

struct UpstreamIndex::Project {
  std::mutex lock;  // one fetch at a time
  Page page;
  Clock::time_point until = {};
};

bool is_vendor_project(std::string_view project) {
  return project.starts_with("nvidia-") && !project.starts_with("nvidia-nccl");
}

UpstreamIndex::UpstreamIndex(CarvedWheels& kept, std::vector<CarveTarget> targets, UpstreamOptions options)
    : kept_(kept), targets_(std::move(targets)), options_(std::move(options)), roots_(roots_for(targets_)) {
  if (!is_web_address(options_.url)) {
    throw Error({.what = fmt::format("\"{}\" is not the address of an index",
                                     printable(without_secrets(options_.url))),
                 .next = "as pip's --index-url has it: https://index.example.org/simple/"});
  }
  if (!options_.url.ends_with('/')) options_.url += '/';
  for (const char* part : {"originals", "names"}) create_folders(kept_.folder() / part);
}

std::vector<std::string> UpstreamIndex::projects() {
  const std::lock_guard lock(lock_);
  std::vector<std::string> names;
  for (const auto& [name, project] : projects_) names.push_back(name);
  return names;
}

void UpstreamIndex::say(const std::string& text) const {
  if (options_.say) options_.say(text);
}

UpstreamIndex::Page UpstreamIndex::upstream_page(const std::string& project) {
  std::shared_ptr<Project> entry;
  if (is_missing(project)) return nullptr;
  {
    const std::lock_guard lock(lock_);
    if (projects_.size() >= most_projects && !projects_.contains(project)) projects_.clear();
    auto& place = projects_[project];
    if (!place) place = std::make_shared<Project>();
    entry = place;
  }
  const std::lock_guard fetching(entry->lock);
  if (entry->page && Clock::now() < entry->until) return entry->page;
  try {
    entry->page = fetch_page(project);
    entry->until = Clock::now() + options_.fresh;
  } catch (const Error& error) {
    if (!entry->page) {
      forget(project, false);
      throw;
    }
    say(fmt::format("{}: its page of before is served", error.parts().what));
  }
  if (!entry->page) forget(project, true);
  return entry->page;
}

// Whoever asks for names that nobody has costs neither memory without end nor a question upstream each time.
bool UpstreamIndex::is_missing(const std::string& project) {
  const std::lock_guard lock(lock_);
  const auto found = missing_.find(project);
  return found != missing_.end() && Clock::now() < found->second;
}

void UpstreamIndex::forget(const std::string& project, bool missing) {
  const std::lock_guard lock(lock_);
  projects_.erase(project);
  if (!missing) return;
  if (missing_.size() >= most_projects) missing_.clear();
  missing_[project] = Clock::now() + missing_for;
}

UpstreamIndex::Page UpstreamIndex::fetch_page(const std::string& project) {
  const std::string address = options_.url + project + "/";
  const Turn turn(fetching_);
  const Fetched fetched = fetch({.url = address, .accept = std::string(accepted), .largest = largest_page});
  if (fetched.status == 404) return nullptr;
  if (!fetched.ok()) cannot_fetch(address, fetched.why);
  // A redirect to another host would lose the password of this one: relative links stay with it then.
  const bool moved = is_web_address(fetched.url) && !has_secrets(options_.url);
  auto page =
      std::make_shared<ProjectPage>(read_project_page(fetched.body, project, moved ? fetched.url : address));
  std::erase_if(page->files, [&](const PageFile& file) { return changed(file); });
  return page;
}

bool UpstreamIndex::changed(const PageFile& file) {
  const std::string before = first_sum(file.name);
  if (file.sha256.empty() || before.empty() || before == file.sha256) return false;
  say(fmt::format("{} is left out: it was {} before, and upstream says {} now", file.name, before,
                  file.sha256));
  return true;
}

std::string UpstreamIndex::first_sum(const std::string& name) {
  const fs::path path = kept_.folder() / "names" / name;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return "";
  const std::string sum(trim(read_file(path, 1024)));
  return is_sha256(sum) ? sum : "";
}

void UpstreamIndex::remember_sum(const std::string& name, const std::string& sum) {
  if (first_sum(name).empty())
    write_file_atomically(kept_.folder() / "names" / name, sum + "\n", Durability::synced);
}

bool UpstreamIndex::may_hold_code(const std::string& project, const PageFile& file) const {
  return is_wheel(file) && !is_vendor_project(project) && !(file.size && *file.size < options_.smallest) &&
         !(file.size && *file.size > options_.largest);
}

// Where upstream has it; by way of here where its address is nobody else's business.
PageFile UpstreamIndex::passed(const std::string& project, const PageFile& file) const {
  PageFile out = file;
  if (has_secrets(file.url)) out.url = fmt::format("../../wheels/{}/{}", project, url_part(file.name));
  return out;
}

std::optional<SourceWheel> UpstreamIndex::known_wheel(const PageFile& file) {
  const std::string sum = file.sha256.empty() ? first_sum(file.name) : file.sha256;
  if (sum.empty()) return std::nullopt;
  SourceWheel wheel;
  wheel.name = *parse_wheel_name(file.name);
  wheel.sha256 = sum;
  return wheel;
}

std::optional<ProjectPage> UpstreamIndex::page(const Root& root, const std::string& project) {
  const Page upstream = upstream_page(project);
  if (!upstream) return std::nullopt;
  ProjectPage page{.name = project};
  for (const PageFile& file : upstream->files) {
    if (!may_hold_code(project, file)) {
      page.files.push_back(passed(project, file));
      continue;
    }
    if (root.target) {
      add_carved(root, *root.target, file, page);
      continue;
    }
    page.files.push_back(passed(project, file));
    for (const CarveTarget& target : targets_) add_carved(root, target, file, page);
  }
  if (root.naming == Naming::variant) add_variants_json(page);
  return page;
}

// As far as that is known: nothing is fetched for a page.
bool UpstreamIndex::holds_code(const PageFile& file, const CarveTarget& target) {
  const auto wheel = known_wheel(file);
  const auto record = wheel ? kept_.known(*wheel, {.target = target}) : std::nullopt;
  return record && record->carved();
}

// An upstream that has such a file of its own knows better.
void UpstreamIndex::add_variants_json(ProjectPage& page) const {
  std::set<std::string> names;
  for (const PageFile& file : page.files) {
    const auto name = parse_wheel_name(file.name);
    if (name && !name->variant.empty()) names.insert(variants_file_of(*name));
  }
  for (const std::string& name : names) {
    if (file_named(page, name) == nullptr)
      page.files.push_back(
          {.name = name, .url = fmt::format("../../wheels/{}/{}", page.name, url_part(name))});
  }
}

// Under another name than its own a wheel is listed once it is known that there is something to carve.
void UpstreamIndex::add_carved(const Root& root, const CarveTarget& target, const PageFile& file,
                               ProjectPage& page) {
  const auto wheel = known_wheel(file);
  const auto record = wheel ? kept_.known(*wheel, {.target = target, .naming = root.naming}) : std::nullopt;
  if (record && !record->carved()) {
    if (root.target) page.files.push_back(passed(page.name, file));
    return;
  }
  PageFile out = file;
  out.provenance.clear();  // of other bytes
  if (record) {
    const PageFile carved = known_file(root, record->name, record->sha256, record->size);
    out.name = carved.name;
    out.url = carved.url;
    out.sha256 = carved.sha256;
    out.size = carved.size;
    out.has_metadata = true;
    out.metadata_sha256 = record->metadata_sha256;
  } else {
    if (!root.target && !holds_code(file, target)) return;
    out.name = carved_name(*parse_wheel_name(file.name), target, root.naming).file_name();
    out.url = fmt::format("../../wheels/{}/{}", page.name, url_part(out.name));
    out.sha256.clear();
    out.size.reset();
    if (root.naming == Naming::local) out.metadata_sha256.clear();
  }
  page.files.push_back(std::move(out));
}

OfferedFile UpstreamIndex::pass(const PageFile& file, std::string note) {
  if (!has_secrets(file.url)) return {.redirect = file.url, .note = std::move(note), .final = false};
  const fs::path path = fetched(file);
  return {.file = path,
          .sha256 = path.parent_path().filename().string(),
          .note = std::move(note),
          .final = false};
}

// The wheel as it came, in the cache; fetched once for all who ask.
fs::path UpstreamIndex::fetched(const PageFile& file) {
  const fs::path originals = kept_.folder() / "originals";
  const std::string expected = file.sha256.empty() ? first_sum(file.name) : file.sha256;
  std::error_code ignored;
  const auto here = [&] {
    const bool there = !expected.empty() && fs::exists(originals / expected / file.name, ignored);
    if (there) note_use(originals / expected / file.name);
    return there;
  };
  if (here()) return originals / expected / file.name;
  const std::string order = to_hex(sha256(as_byte_span("fetch\n" + file.name)));
  const OrderLock lock(kept_.folder() / "locks" / order);
  if (here()) return originals / expected / file.name;
  const fs::path work = kept_.folder() / "work" / order;
  fs::remove(work, ignored);
  const Fetched got = fetch({.url = file.url,
                             .largest = file.size ? std::max<std::uint64_t>(*file.size, 1) : options_.largest,
                             .longest = std::chrono::seconds(0),
                             .output = work});
  if (!got.ok()) {
    fs::remove(work, ignored);
    cannot_fetch(file.url, got.why);
  }
  const std::string sum = sha256_of_file(work);
  if (!expected.empty() && sum != expected) {
    fs::remove(work, ignored);
    throw Error(
        {.what = fmt::format("{} is refused: its SHA-256 is {}, and it was said, or seen before, to be {}",
                             file.name, sum, expected),
         .next = "ask who keeps the upstream index what became of it",
         .kind = ErrorKind::fault});
  }
  sync_to_disk(work);
  create_folders(originals / sum);
  std::error_code error;
  fs::rename(work, originals / sum / file.name, error);
  if (!error) kept_.limit();
  if (error) throw system_error("write", (originals / sum / file.name).string(), error.value());
  remember_sum(file.name, sum);
  return originals / sum / file.name;
}

// Of no more use here once it is known to go as it is for every GPU, and upstream has it.
void UpstreamIndex::forget_original(const PageFile& file, const SourceWheel& wheel) {
  const bool passes = std::ranges::all_of(targets_, [&](const CarveTarget& target) {
    const auto record = kept_.known(wheel, {.target = target});
    return record && !record->carved();
  });
  if (!passes || has_secrets(file.url)) return;
  std::error_code ignored;
  fs::remove_all(wheel.path.parent_path(), ignored);
}

// "" where it is not, or not any more.
fs::path UpstreamIndex::carved_already(const PageFile& file, const CarveOrder& how) {
  const auto wheel = known_wheel(file);
  const auto record = wheel ? kept_.known(*wheel, how) : std::nullopt;
  return record && record->carved() ? kept_.find(record->sha256, record->name) : fs::path();
}

std::optional<OfferedFile> UpstreamIndex::carve(const PageFile& file, const CarveOrder& how) {
  std::string note;
  if (const fs::path there = carved_already(file, how); !there.empty())
    return OfferedFile{.file = there, .sha256 = there.parent_path().filename().string(), .final = false};
  try {
    SourceWheel wheel = read_source_wheel(fetched(file));
    wheel.sha256 = wheel.path.parent_path().filename().string();
    const WheelRecord record = kept_.carve(wheel, how);
    if (record.carved())
      return OfferedFile{.file = kept_.file(record), .sha256 = record.sha256, .final = false};
    note = record.because;
    forget_original(file, wheel);
  } catch (const Error& error) {
    const auto wheel = known_wheel(file);
    const bool promised = wheel && kept_.known(*wheel, how);
    // Bytes that are refused are refused, and not sent by another way.
    if (how.naming != Naming::same || promised ||
        error.parts().what.find(" is refused: ") != std::string::npos)
      throw;
    note = "not carved: " + error.parts().what;
  }
  if (how.naming != Naming::same) return std::nullopt;
  return pass(file, std::move(note));
}

OfferedFile UpstreamIndex::metadata(const PageFile& file) {
  const std::string address = file.url + ".metadata";
  if (!has_secrets(file.url)) return {.redirect = address, .final = false};
  Fetched got = fetch({.url = address, .largest = largest_metadata});
  if (!got.ok()) cannot_fetch(address, got.why);
  OfferedFile out{.text = std::move(got.body), .final = false};
  out.sha256 = to_hex(sha256(as_byte_span(out.text)));
  if (!file.metadata_sha256.empty() && out.sha256 != file.metadata_sha256)
    throw Error(
        {.what = fmt::format("the metadata of {} is refused: it is not what its page says", file.name),
         .kind = ErrorKind::fault});
  return out;
}

std::optional<OfferedFile> UpstreamIndex::wheel(const Root& root, const std::string& project,
                                                const std::string& name) {
  const Page upstream = upstream_page(project);
  if (!upstream) return std::nullopt;
  const auto [file_name, wants_metadata] = without_metadata_ending(name);
  const PageFile* file = file_named(*upstream, file_name);
  if (file != nullptr) {
    if (wants_metadata) return file->has_metadata ? std::optional(metadata(*file)) : std::nullopt;
    if (!root.target || !may_hold_code(project, *file)) return pass(*file, "");
    return carve(*file, {.target = *root.target});
  }
  if (root.target) return std::nullopt;
  if (root.naming == Naming::variant && name.ends_with(variants_ending)) {
    OfferedFile out{.text = variants_json(*upstream, name), .final = false};
    out.sha256 = to_hex(sha256(as_byte_span(out.text)));
    return out.text.empty() ? std::nullopt : std::optional(std::move(out));
  }
  return renamed(*upstream, root, name);
}

// What of upstream's a carved wheel's name stands for; nullopt: nothing that is known to be carved.
std::optional<UpstreamIndex::Order> UpstreamIndex::order_for(const ProjectPage& upstream, const Root& root,
                                                             std::string_view name) {
  for (const PageFile& file : upstream.files) {
    if (!may_hold_code(upstream.name, file)) continue;
    const WheelName wheel = *parse_wheel_name(file.name);
    for (const CarveTarget& target : targets_) {
      const bool meant = (!root.target || *root.target == target) &&
                         carved_name(wheel, target, root.naming).file_name() == name;
      if (meant && holds_code(file, target))
        return Order{.file = &file, .how = {.target = target, .naming = root.naming}};
    }
  }
  return std::nullopt;
}

std::optional<OfferedFile> UpstreamIndex::renamed(const ProjectPage& upstream, const Root& root,
                                                  const std::string& name) {
  const auto [file, wants_metadata] = without_metadata_ending(name);
  const auto order = order_for(upstream, root, file);
  auto out = order ? carve(*order->file, order->how) : std::nullopt;
  return out && wants_metadata ? std::optional(metadata_inside(kept_, out->file, out->sha256)) : out;
}

// Of all variants of that version that are known to be carved.
std::string UpstreamIndex::variants_json(const ProjectPage& upstream, std::string_view name) {
  std::vector<std::string> texts;
  for (const PageFile& file : upstream.files) {
    if (!may_hold_code(upstream.name, file) || variants_file_of(*parse_wheel_name(file.name)) != name)
      continue;
    for (const CarveTarget& target : targets_) {
      if (!holds_code(file, target)) continue;
      const auto carved = carve(file, {.target = target, .naming = Naming::variant});
      if (carved) texts.push_back(dist_info_text(carved->file, variant_file_name));
    }
  }
  return joined_variants_json(texts);
}

// A carved wheel that the cache had to let go: the same bytes again.
fs::path UpstreamIndex::carved_again(const std::string& sha256, const std::string& file) {
  const auto name = parse_wheel_name(file);
  const Page upstream = name && is_project_name(name->distribution)
                            ? upstream_page(normal_project_name(name->distribution))
                            : nullptr;
  if (!upstream) return {};
  for (const Root& root : roots_) {
    const auto order = order_for(*upstream, root, file);
    const auto wheel = order ? known_wheel(*order->file) : std::nullopt;
    const auto record = wheel ? kept_.known(*wheel, order->how) : std::nullopt;
    if (!record || record->sha256 != sha256) continue;
    const auto again = carve(*order->file, order->how);
    if (again && again->sha256 == sha256) return again->file;
  }
  return {};
}

// Upstream's own wheel has the same METADATA.
std::optional<OfferedFile> UpstreamIndex::glance(const Root& root, const std::string& project,
                                                 const std::string& name) {
  const Page upstream = root.target ? upstream_page(project) : nullptr;
  const PageFile* file = upstream ? file_named(*upstream, name) : nullptr;
  if (file == nullptr || has_secrets(file->url) || !may_hold_code(project, *file)) return std::nullopt;
  if (!carved_already(*file, {.target = *root.target}).empty()) return std::nullopt;
  return OfferedFile{.redirect = file->url, .final = false};
}

std::optional<OfferedFile> UpstreamIndex::content(const std::string& sha256, const std::string& name) {
  const auto [file, wants_metadata] = without_metadata_ending(name);
  fs::path path = kept_.find(sha256, file);
  if (path.empty()) path = carved_again(sha256, file);
  if (path.empty()) return std::nullopt;
  return wants_metadata ? metadata_inside(kept_, path, sha256) : OfferedFile{.file = path, .sha256 = sha256};
}

}  // namespace lathe
