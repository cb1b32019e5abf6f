// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/finding.h"
#include "base/safe_format.h"
#include "base/text.h"
#include "base/wrap.h"
#include "cpu/cpu_scan.h"
#include "device/coverage.h"
#include "device/driver_need.h"
#include "device/target.h"
#include "inspect/carve_record.h"
#include "inspect/inspect.h"
#include "inspect/needed_driver.h"
#include "inspect/not_read.h"
#include "os/terminal.h"
#include "report/finding_style.h"
#include "report/inspection.h"
#include "report/inspection_folders.h"
#include "report/inspection_images.h"
#include "report/table.h"

namespace lathe {
namespace {

constexpr std::size_t most_columns = 4;  // files beside each other; more of them stand below each other
constexpr std::size_t most_findings = 20;

std::string cell_of(const FileInspection& file, const GpuCode& code) {
  for (const GpuCode& own : file.gpu) {
    if (own.code == code.code) {
      return safe_format("{} / {}", own.images, size_text(own.bytes));
    }
  }
  return "-";
}

std::string short_name(const FileInspection& file, const std::string& folder) {
  return printable(file.path.substr(std::min(folder.size(), file.path.size())));
}

std::string count_text(std::size_t files) { return safe_format("{} file{}", files, files == 1 ? "" : "s"); }

std::vector<const FileInspection*> with_gpu_code(const Inspection& inspection) {
  std::vector<const FileInspection*> files;
  for (const FileInspection& file : inspection.files) {
    if (!file.gpu.empty()) files.push_back(&file);
  }
  return files;
}

std::string cell_of(const GpuCode& code) {
  return safe_format("{} / {}", code.images, size_text(code.bytes));
}

// Columns that a paragraph or a table may take; a pipe has as many as it needs.
std::size_t room_of(const Terminal& terminal, std::size_t in_a_pipe) {
  return terminal.fold() == 0 ? in_a_pipe : terminal.fold();
}

using Files = std::vector<const FileInspection*>;

Table files_as_columns(const Files& files, const std::vector<GpuCode>& all, const std::string& folder) {
  std::vector<std::string> heads{"images / bytes"};
  for (const FileInspection* file : files) heads.push_back(short_name(*file, folder));
  if (files.size() > 1) heads.push_back("total");
  Table table(heads);
  for (std::size_t i = 1; i < heads.size(); ++i) table.align_right(i);
  for (const GpuCode& code : all) {
    std::vector<std::string> row{code.name()};
    for (const FileInspection* file : files) row.push_back(cell_of(*file, code));
    if (files.size() > 1) row.push_back(cell_of(code));
    table.add(std::move(row));
  }
  return table;
}

Table files_as_rows(const Files& files, const std::vector<GpuCode>& all, const std::string& folder) {
  std::vector<std::string> heads{"images / bytes"};
  for (const GpuCode& code : all) heads.push_back(code.name());
  Table table(heads);
  for (std::size_t i = 1; i < heads.size(); ++i) table.align_right(i);
  std::vector<std::string> total{"total"};
  for (const FileInspection* file : files) {
    std::vector<std::string> row{short_name(*file, folder)};
    for (const GpuCode& code : all) row.push_back(cell_of(*file, code));
    table.add(std::move(row));
  }
  for (const GpuCode& code : all) total.push_back(cell_of(code));
  table.add(std::move(total), Style::bold);
  return table;
}

std::string cell_of(const ImageCount& code) {
  return safe_format("{} / {}", code.images, size_text(code.bytes));
}

// What fits no table: a paragraph for each file.
template <typename Code>
std::string file_paragraph(const std::string& name, const std::vector<Code>& gpu, const Terminal& terminal) {
  std::string text = terminal.styled(Style::bold, name) + "\n ";
  std::size_t column = 1;
  for (const Code& code : gpu) {
    const std::string word =
        safe_format(" {} {}{}", code.name(), cell_of(code), &code == &gpu.back() ? "" : ",");
    if (column + word.size() > room_of(terminal, 100)) {
      text += "\n ";
      column = 1;
    }
    text += word;
    column += word.size();
  }
  return text + "\n";
}

// File x GPU: images / bytes, as a table where one fits (files as columns if they are few), else in words.
std::string gpu_table(const Inspection& inspection, const std::string& folder, const Terminal& terminal) {
  const Files files = with_gpu_code(inspection);
  const std::vector<GpuCode> all = inspection.gpu();
  if (files.empty() && !inspection.embedded().empty()) return "no device code but as data\n";
  if (files.empty() && !inspection.data_searched) return "no device code but what may lie among the data\n";
  if (files.empty())
    return inspection.read_in_part() ? "no device code in what was read\n" : "no device code\n";
  const Table table =
      files.size() <= most_columns ? files_as_columns(files, all, folder) : files_as_rows(files, all, folder);
  if (table.width() <= room_of(terminal, 120)) return table.text(terminal);
  std::string text;
  for (const FileInspection* file : files)
    text += file_paragraph(short_name(*file, folder), file->gpu, terminal);
  return text + file_paragraph("total", all, terminal);
}

std::string containers_of(const FileInspection& file) {
  if (file.containers == 0) return file.containers_relocatable > 0 ? "for the linker only" : "-";
  std::string text = std::to_string(file.containers);
  if (file.containers_empty > 0) text += safe_format(" ({} empty)", file.containers_empty);
  if (file.lto_ir.containers > 0) text += safe_format(" ({} of LTO IR)", file.lto_ir.containers);
  if (file.containers_unknown > 0) text += safe_format(" ({} not understood)", file.containers_unknown);
  if (file.containers_linked > 0) text += safe_format(" ({} device-linked)", file.containers_linked);
  return text;
}

std::string counted(std::size_t count, std::string_view what) {
  return safe_format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// "23983 containers, 266.3 MB, in .ldata"
std::string size_of(const CodeApart& apart) {
  std::string text;
  if (apart.containers > 0) text += counted(apart.containers, "container") + ", ";
  if (apart.loose > 0) text += counted(apart.loose, "cubin or PTX text") + " outside of containers, ";
  text += size_text(apart.bytes);
  std::string sections;
  for (const std::string& section : apart.sections) {
    if (!section.empty()) sections += (sections.empty() ? ", in " : ", ") + printable(section);
  }
  return text + sections;
}

// Code that no coverage is made from, a paragraph for each file that holds some.
std::string apart_lines(const Inspection& inspection, CodeApart FileInspection::*which,
                        std::string_view title, const std::string& folder, const Terminal& terminal) {
  std::string text;
  for (const FileInspection& file : inspection.files) {
    const CodeApart& apart = file.*which;
    if (apart.empty()) continue;
    const std::string head = safe_format("{}  {}", short_name(file, folder), size_of(apart));
    text += file_paragraph(head, apart.images, terminal);
  }
  return text.empty() ? text : safe_format("\n{}\n", title) + text;
}

std::string all_apart(const Inspection& inspection, const std::string& folder, const Terminal& terminal) {
  return apart_lines(
             inspection, &FileInspection::embedded,
             "device code as data: the library itself chooses from it, no container is needed by the driver",
             folder, terminal) +
         apart_lines(inspection, &FileInspection::relocatable,
                     "relocatable device code, input of the device linker", folder, terminal) +
         apart_lines(inspection, &FileInspection::lto_ir,
                     "LTO IR, which becomes machine code when it is linked", folder, terminal);
}

std::string ptx_of(const FileInspection& file) {
  const bool any = std::ranges::any_of(
      file.gpu, [](const GpuCode& code) { return code.code.kind == ImageKind::portable; });
  return any ? safe_format("{}", fmt::join(file.ptx_versions, ", ")) : "-";
}

std::string least_cpu_of(const std::optional<CpuScan>& cpu) { return cpu ? least_cpu_text(*cpu) : "-"; }

// Of the functions that decide or leave it open, the first few.
std::string deciding_functions(const CpuScan& cpu) {
  constexpr std::size_t most = 3, longest = 60;
  std::string text;
  std::size_t shown = 0, all = 0;
  for (const CpuReach reach :
       {CpuReach::unknown, CpuReach::at_load, CpuReach::unguarded, CpuReach::leaked, CpuReach::by_pointer}) {
    if (reach != CpuReach::unknown && !counts_for_verdict(cpu, reach)) continue;
    all += cpu.functions_by_reach[static_cast<std::size_t>(reach)];
    for (const CpuFunction* function : cpu.of(reach)) {
      if (shown == most) break;
      std::string name = printable(function->name);
      if (name.size() > longest) name = name.substr(0, longest) + "...";
      text += safe_format("    {:<10} {}  {}\n", to_string(reach), name, names_of(function->needs));
      ++shown;
    }
  }
  if (all > shown) text += safe_format("    and {} more\n", all - shown);
  return text;
}

// Files that need more than the baseline of their machine, each with the functions that decide it.
std::string cpu_lines(const Inspection& inspection, const std::string& folder, const Terminal& terminal) {
  std::string text;
  for (const FileInspection& file : inspection.files) {
    if (!file.cpu || (file.cpu->required | file.cpu->undecided).none()) continue;
    text += safe_format("  {}  {}\n", terminal.styled(Style::bold, least_cpu_of(file.cpu)),
                        short_name(file, folder));
    text += deciding_functions(*file.cpu);
  }
  return text;
}

std::string file_table(const Inspection& inspection, const std::string& folder, const Terminal& terminal) {
  Table table({"file", "is", "least CPU", "containers", "toolkit", "PTX", "size"});
  table.align_right(6);
  for (const FileInspection& file : inspection.files) {
    const std::string is = file.machine.empty() ? file.format : file.format + ", " + file.machine;
    table.add({short_name(file, folder), is, least_cpu_of(file.cpu), containers_of(file),
               file.toolkits.empty() ? "-" : safe_format("{}", fmt::join(file.toolkits, ", ")), ptx_of(file),
               size_text(file.size)});
  }
  if (inspection.other_files > 0) {
    table.add({safe_format("{} other files", inspection.other_files), "", "", "", "", "",
               size_text(inspection.other_bytes)},
              Style::dim);
  }
  if (!inspection.not_read.empty()) {
    std::uint64_t bytes = 0;
    for (const NotRead& file : inspection.not_read) bytes += file.size;
    table.add({safe_format("{} not read", count_text(inspection.not_read.size())), "", "", "", "", "",
               size_text(bytes)},
              Style::dim);
  }
  if (inspection.files.size() + inspection.other_files + inspection.not_read.size() > 1) {
    table.add({"total", "", least_cpu_of(inspection.cpu()), "", "", "", size_text(inspection.bytes())},
              Style::bold);
  }
  return table.text(terminal);
}

// Where it is more than the toolkit tells, which stands in the table.
std::string least_driver_line(const Inspection& inspection) {
  const std::optional<DriverNeed> most = needed_driver(inspection);
  if (!most || most->because.starts_with("CUDA")) return "";
  return safe_format("needs driver {} or newer because of {}\n", most->version.text(), most->because);
}

std::string coverage_lines(const Inspection& inspection, const std::string& folder,
                           const Terminal& terminal) {
  std::string text;
  std::string none;
  for (const Coverage& coverage : inspection.coverage) {
    const std::string device = spell(coverage.device);
    if (coverage.runs == Runs::none) {
      none += (none.empty() ? "" : " ") + device;
      continue;
    }
    const Style style = coverage.runs == Runs::some ? Style::yellow : Style::green;
    text += safe_format("  {:>5}  {}\n", device, terminal.styled(style, coverage.text()));
  }
  if (!none.empty()) {
    constexpr std::size_t indent = 9;
    const std::string lines = wrapped(none, indent, std::max<std::size_t>(terminal.width(), 2 * indent));
    text += "   none  ";
    for (const std::string_view line : split(lines, '\n')) text += terminal.styled(Style::dim, line) + "\n";
  }
  for (const FileInspection& file : inspection.files) {
    if (!file.relinks) continue;
    text += safe_format(
        "{} is device-linked: where no linked code fits, the driver links its relocatable code again\n",
        short_name(file, folder));
  }
  text += least_driver_line(inspection);
  for (const FileInspection& file : inspection.files) {
    if (!file.picks_itself) continue;
    text += safe_format("{} picks among its {} containers by itself: they count as one\n", file.soname,
                        file.containers);
  }
  return text;
}

// What a carve wrote down of itself.
std::string carve_lines(const Inspection& inspection, const std::string& folder) {
  std::string text;
  for (const CarveRecord& record : inspection.carved) {
    const std::string path =
        record.path.starts_with(folder) ? record.path.substr(folder.size()) : record.path;
    text += safe_format("\ncarved for {} by {}{}, as {} says\n", fmt::join(record.gpus, ", "), record.tool,
                        record.earlier == 0 ? "" : ", not for the first time", printable(path));
    for (const CarveRecord::File& file : record.files) {
      if (file.outcome != "carved") continue;
      text += safe_format("  {}  {} -> {}{}\n", file.path, size_text(file.size_before),
                          size_text(file.size_after),
                          file.code_before.empty() ? "" : safe_format(", it held {}", file.code_before));
    }
  }
  return text;
}

}  // namespace

std::string inspection_findings(const Inspection& inspection, const Terminal& terminal) {
  Findings all;
  all.add(inspection.findings);
  for (const FileInspection& file : inspection.files) all.add(file.findings);
  std::string text;
  std::size_t shown = 0;
  std::ranges::stable_sort(all.items(), {}, &Finding::severity);
  for (const Finding& finding : all) {
    if (++shown > most_findings) continue;
    text += safe_format("{} {}: {} [{}]\n",
                        terminal.styled(style_of(finding.severity), to_string(finding.severity)),
                        printable(finding.where.text()), finding.what, finding.rule);
  }
  if (all.size() > most_findings)
    text += safe_format("and {} more; --format json has all\n", all.size() - most_findings);
  return text;
}

std::string common_folder(const std::vector<FileInspection>& files) {
  if (files.empty()) return "";
  std::string_view common = files[0].path;
  for (const FileInspection& file : files) {
    const auto end = std::ranges::mismatch(common, file.path).in1;
    common = common.substr(0, static_cast<std::size_t>(end - common.begin()));
  }
  const std::size_t slash = common.rfind('/');
  return slash == std::string_view::npos ? "" : std::string(common.substr(0, slash + 1));
}

namespace {

// Where no file has machine code that is read.
std::string nothing_found(const Inspection& inspection) {
  std::uint64_t bytes = inspection.other_bytes;
  const std::size_t files = inspection.other_files + inspection.not_read.size();
  for (const NotRead& file : inspection.not_read) bytes += file.size;
  if (!inspection.read_in_part())
    return safe_format("no machine code in {} of {}\n", count_text(files), size_text(bytes));
  return safe_format("no machine code was read: {} of {}, of which not all can be read\n", count_text(files),
                     size_text(bytes));
}

}  // namespace

std::string inspection_text(const Inspection& inspection, const Terminal& terminal, bool all_files) {
  const std::string folder = common_folder(inspection.files);
  const bool by_file = all_files || inspection.files.size() <= most_single_files;
  const Inspection folders = by_file ? Inspection{} : by_folder(inspection, folder.size());
  const Inspection& shown = by_file ? inspection : folders;
  std::string text = image_lines(inspection, terminal);
  if (inspection.files.empty()) {
    text += nothing_found(inspection);
    return text + carve_lines(inspection, "") + inspection_findings(inspection, terminal);
  }
  if (!folder.empty()) text += safe_format("in {}\n", printable(folder));
  text += file_table(shown, folder, terminal);
  if (!by_file)
    text += safe_format("{} files, summed up by folder; --files shows each\n", inspection.files.size());
  text += "\n" + gpu_table(shown, folder, terminal);
  if (!inspection.coverage.empty()) text += "\nruns on\n" + coverage_lines(inspection, folder, terminal);
  text += all_apart(inspection, folder, terminal);
  const std::string cpu = cpu_lines(shown, folder, terminal);
  if (!cpu.empty()) text += "\nneed more than the baseline CPU\n" + cpu;
  text += carve_lines(inspection, folder);
  const std::string findings = inspection_findings(inspection, terminal);
  return findings.empty() ? text : text + "\n" + findings;
}

}  // namespace lathe
