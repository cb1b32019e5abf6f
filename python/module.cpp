// SPDX-License-Identifier: MIT
// torchlathe._core: what include/torchlathe/ declares, for Python. Every call that reads files lets other threads
// of Python run.
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>
#include <torchlathe/carve.h>
#include <torchlathe/catalogue.h>
#include <torchlathe/compat.h>
#include <torchlathe/detect.h>
#include <torchlathe/inspect.h>
#include <torchlathe/select.h>
#include <torchlathe/verify.h>

#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace nb = nanobind;
using namespace nb::literals;
using Paths = std::vector<std::filesystem::path>;
// Their types, for the stubs.
using OnFile = std::optional<nb::typed<nb::callable, nb::object(std::string_view, unsigned)>>;
using Progress = std::optional<nb::typed<nb::callable, nb::object(std::size_t, std::size_t)>>;

namespace {

// A function of Python, called from any thread of the library, one at a time. What it raises is kept, it is not
// called again, and the call that it was given to raises it at its end.
template <typename... Arguments>
class Callback {
 public:
  explicit Callback(std::optional<nb::callable> function) : function_(std::move(function)) {}

  std::function<void(Arguments...)> for_library() {
    if (!function_) return {};
    return [this](Arguments... arguments) {
      const nb::gil_scoped_acquire held;
      if (raised_) return;
      try {
        (*function_)(arguments...);
      } catch (...) {
        raised_ = std::current_exception();
      }
    };
  }
  // With the interpreter's lock held.
  void rethrow() const {
    if (raised_) std::rethrow_exception(raised_);
  }

 private:
  std::optional<nb::callable> function_;
  std::exception_ptr raised_;
};

// Runs `work` without the interpreter's lock.
template <typename Work>
auto released(const Work& work) {
  const nb::gil_scoped_release free;
  return work();
}

std::string capability_of(const std::string& gpu) {
  const std::optional<torchlathe::Gpu> known = torchlathe::find_gpu(gpu);
  return known ? known->capability : gpu;
}

std::vector<std::string> capabilities_of(const std::vector<std::string>& gpus) {
  std::vector<std::string> out;
  for (const std::string& gpu : gpus) out.push_back(capability_of(gpu));
  return out;
}

torchlathe::Inspection inspect(const Paths& paths, unsigned threads, bool embedded_code, OnFile on_file) {
  Callback<std::string_view, unsigned> callback(std::move(on_file));
  torchlathe::Inspection seen = released([&] {
    return torchlathe::inspect(
        paths, {.threads = threads, .embedded_code = embedded_code, .on_file = callback.for_library()});
  });
  callback.rethrow();
  return seen;
}

torchlathe::Carved carve(const std::filesystem::path& source, const std::filesystem::path& destination,
                         const std::vector<std::string>& gpus, bool minimal, bool keep_special,
                         bool require_full, bool strip_symbols, bool dry_run, bool include_vendor,
                         unsigned threads, Progress progress) {
  Callback<std::size_t, std::size_t> callback(std::move(progress));
  torchlathe::Carved carved = released([&] {
    return torchlathe::carve(source, destination,
                             {.gpus = capabilities_of(gpus),
                              .minimal = minimal,
                              .keep_special = keep_special,
                              .require_full = require_full,
                              .strip_symbols = strip_symbols,
                              .dry_run = dry_run,
                              .include_vendor = include_vendor,
                              .threads = threads,
                              .progress = callback.for_library()});
  });
  callback.rethrow();
  return carved;
}

torchlathe::Verification verify(const std::string& variant, const Paths& paths, const std::string& matrix,
                                bool gpu_only, unsigned threads, OnFile on_file) {
  Callback<std::string_view, unsigned> callback(std::move(on_file));
  torchlathe::Verification result = released([&] {
    return torchlathe::verify(
        variant, paths,
        {.matrix = matrix, .gpu_only = gpu_only, .threads = threads, .on_file = callback.for_library()});
  });
  callback.rethrow();
  return result;
}

torchlathe::Host detect() {
  return released([] { return torchlathe::detect(); });
}

torchlathe::Selection select(const std::optional<torchlathe::Host>& host,
                             const std::vector<std::string>& matrices, const std::vector<std::string>& names,
                             const std::vector<std::string>& cuda, const std::vector<std::string>& python,
                             const std::vector<std::string>& pytorch, const std::string& prefer) {
  return released([&] {
    return torchlathe::select(host ? *host : torchlathe::detect(), {.matrices = matrices,
                                                                    .names = names,
                                                                    .cuda = cuda,
                                                                    .python = python,
                                                                    .pytorch = pytorch,
                                                                    .prefer = prefer});
  });
}

// torchlathe.Error, with the members of the C++ one.
void raise_error(const std::exception_ptr& thrown, void* type) {
  try {
    std::rethrow_exception(thrown);
  } catch (const torchlathe::Error& error) {
    const nb::handle error_type(static_cast<PyObject*>(type));
    const std::string what = error.what();
    nb::object raised = error_type(error.file.empty() ? what : error.file + ": " + what);
    raised.attr("kind") = error.kind == torchlathe::Error::Kind::usage ? "usage" : "fault";
    raised.attr("file") = error.file;
    raised.attr("line") = error.line;
    raised.attr("column") = error.column;
    raised.attr("next") = error.next;
    PyErr_SetObject(error_type.ptr(), raised.ptr());
  }
}

void bind_findings(nb::module_& m) {
  nb::enum_<torchlathe::Severity>(m, "Severity")
      .value("error", torchlathe::Severity::error)
      .value("warning", torchlathe::Severity::warning)
      .value("note", torchlathe::Severity::note);
  nb::class_<torchlathe::Finding>(m, "Finding", "What was found to be wrong, or worth knowing.")
      .def_ro("rule", &torchlathe::Finding::rule, "Stable; `torchlathe explain RULE` says what it means.")
      .def_ro("severity", &torchlathe::Finding::severity)
      .def_ro("file", &torchlathe::Finding::file)
      .def_ro("line", &torchlathe::Finding::line)
      .def_ro("column", &torchlathe::Finding::column)
      .def_ro("what", &torchlathe::Finding::what)
      .def_ro("cause", &torchlathe::Finding::cause)
      .def_ro("fix", &torchlathe::Finding::fix)
      .def("__repr__",
           [](const torchlathe::Finding& self) { return "<Finding " + self.rule + ": " + self.what + ">"; });
}

void bind_inspection(nb::module_& m) {
  using namespace torchlathe;
  nb::enum_<Runs>(m, "Runs")
      .value("all", Runs::all, "Every container has machine code for the device.")
      .value("ptx", Runs::ptx, "Every container has code, some only as PTX.")
      .value("some", Runs::some, "Some containers have none.")
      .value("none", Runs::none, "No container has any.");
  nb::class_<DeviceCode>(m, "DeviceCode", "All images of one kind for one GPU.")
      .def_ro("name", &DeviceCode::name, "sm_90, sm_90a, compute_90 (PTX).")
      .def_ro("images", &DeviceCode::images)
      .def_ro("bytes", &DeviceCode::bytes)
      .def_ro("unpacked_bytes", &DeviceCode::unpacked_bytes)
      .def("__repr__", [](const DeviceCode& self) { return "<DeviceCode " + self.name + ">"; });
  nb::class_<Coverage>(m, "Coverage", "What a device runs of a file's code.")
      .def_ro("device", &Coverage::device)
      .def_ro("runs", &Coverage::runs)
      .def_ro("containers", &Coverage::containers)
      .def_ro("containers_without", &Coverage::containers_without)
      .def_ro("text", &Coverage::text)
      .def("__repr__",
           [](const Coverage& self) { return "<Coverage " + self.device + ": " + self.text + ">"; });
  nb::class_<InspectedFile>(m, "InspectedFile", "A file with machine code or device code.")
      .def_ro("path", &InspectedFile::path)
      .def_ro("bytes", &InspectedFile::bytes)
      .def_ro("format", &InspectedFile::format)
      .def_ro("machine", &InspectedFile::machine)
      .def_ro("soname", &InspectedFile::soname)
      .def_ro("code", &InspectedFile::code)
      .def_ro("coverage", &InspectedFile::coverage)
      .def_ro("findings", &InspectedFile::findings)
      .def("__repr__", [](const InspectedFile& self) { return "<InspectedFile " + self.path + ">"; });
  nb::class_<Inspection>(m, "Inspection", "What files hold.")
      .def_ro("files", &Inspection::files)
      .def_ro("coverage", &Inspection::coverage)
      .def_ro("findings", &Inspection::findings)
      .def(
          "on", [](const Inspection& self, const std::string& gpu) { return self.on(capability_of(gpu)); },
          "gpu"_a, "Whether a GPU runs it: its name, or a capability as 9.0.");
}

void bind_carve(nb::module_& m) {
  using namespace torchlathe;
  nb::class_<CarvedFile>(m, "CarvedFile")
      .def_ro("path", &CarvedFile::path)
      .def_ro("outcome", &CarvedFile::outcome)
      .def_ro("old_bytes", &CarvedFile::old_bytes)
      .def_ro("new_bytes", &CarvedFile::new_bytes)
      .def_ro("images", &CarvedFile::images)
      .def_ro("images_kept", &CarvedFile::images_kept)
      .def_ro("old_code", &CarvedFile::old_code)
      .def_ro("new_code", &CarvedFile::new_code)
      .def_ro("findings", &CarvedFile::findings)
      .def("__repr__",
           [](const CarvedFile& self) { return "<CarvedFile " + self.path + ": " + self.outcome + ">"; });
  nb::class_<Carved>(m, "Carved", "What a carve did.")
      .def_ro("files", &Carved::files)
      .def_ro("old_bytes", &Carved::old_bytes)
      .def_ro("new_bytes", &Carved::new_bytes)
      .def_ro("failures", &Carved::failures)
      .def_prop_ro(
          "path",
          [](const Carved& self) {
            return self.path.empty() ? std::optional<std::filesystem::path>() : self.path;
          },
          "Of what was written; None when nothing was.");
}

void bind_machine(nb::module_& m) {
  using namespace torchlathe;
  nb::class_<HostGpu>(m, "HostGpu")
      .def_ro("name", &HostGpu::name)
      .def_ro("capability", &HostGpu::capability)
      .def_ro("memory", &HostGpu::memory)
      .def("__repr__",
           [](const HostGpu& self) { return "<HostGpu " + self.name + " (" + self.capability + ")>"; });
  nb::class_<Host>(m, "Host", "A machine, as far as it decides which build runs there.")
      .def_ro("machine", &Host::machine)
      .def_ro("cpu", &Host::cpu)
      .def_ro("isas", &Host::isas, "Instruction sets that the CPU runs, the best last.")
      .def_ro("cores", &Host::cores)
      .def_ro("gpus", &Host::gpus)
      .def_ro("driver", &Host::driver)
      .def_ro("cuda", &Host::cuda)
      .def_ro("notes", &Host::notes)
      .def_ro("record", &Host::record, "All of it as JSON; `read_host` reads it.");
  nb::class_<Choice>(m, "Choice", "A variant, held against a machine.")
      .def_ro("name", &Choice::name)
      .def_ro("matrix", &Choice::from)
      .def_ro("why", &Choice::why)
      .def_ro("missing", &Choice::missing)
      .def("__repr__", [](const Choice& self) { return "<Choice " + self.name + ">"; });
  nb::class_<Selection>(m, "Selection", "Which variants start on a machine.")
      .def_ro("starting", &Selection::starting, "Best first.")
      .def_ro("excluded", &Selection::excluded)
      .def_ro("changes", &Selection::changes, "Where none starts: what would have to change.")
      .def_prop_ro(
          "best",
          [](const Selection& self) {
            return self.starting.empty() ? std::optional<Choice>() : self.starting.front();
          },
          "The first of `starting`; None when none starts.");
  nb::class_<Verification>(m, "Verification", "A build held against its name.")
      .def_ro("name", &Verification::name)
      .def_ro("kept", &Verification::kept, "No finding is an error.")
      .def_ro("cpu_scanned", &Verification::cpu_scanned)
      .def_ro("findings", &Verification::findings);
}

void bind_catalogue(nb::module_& m) {
  using namespace torchlathe;
  nb::class_<Gpu>(m, "Gpu", "A row of the hardware tables.")
      .def_ro("name", &Gpu::name)
      .def_ro("aliases", &Gpu::aliases)
      .def_ro("capability", &Gpu::capability)
      .def_ro("segment", &Gpu::segment)
      .def_ro("source", &Gpu::source)
      .def("__repr__", [](const Gpu& self) { return "<Gpu " + self.name + " (" + self.capability + ")>"; });
  m.def("gpus", &gpus, "All GPUs of the hardware tables.");
  m.def(
      "find_gpu", [](const std::string& name) { return find_gpu(name); }, "name"_a,
      "A GPU by its name or alias, without regard to letter case.");
  m.def(
      "runs_on",
      [](const std::string& code, const std::string& gpu) { return runs_on(code, capability_of(gpu)); },
      "code"_a, "gpu"_a, "Whether a cubin (sm_90) or PTX (compute_90) runs on a GPU.");
}

// torchlathe/__init__.py has the signatures and defaults that people see.
void bind_functions(nb::module_& m) {
  m.def("inspect", &inspect, "paths"_a, "threads"_a, "embedded_code"_a, "on_file"_a.none());
  m.def("carve", &carve, "source"_a, "destination"_a, "gpus"_a, "minimal"_a, "keep_special"_a,
        "require_full"_a, "strip_symbols"_a, "dry_run"_a, "include_vendor"_a, "threads"_a,
        "progress"_a.none());
  m.def("verify", &verify, "variant"_a, "paths"_a, "matrix"_a, "gpu_only"_a, "threads"_a, "on_file"_a.none());
  m.def("detect", &detect, "This machine. What cannot be found out is missing, and a note says why.");
  m.def("imagine", &torchlathe::imagine, "gpus"_a, "cpu"_a,
        "A machine made up from names: GPUs as RTX 5090 or 12.0, a CPU as Zen 4 or avx2.");
  m.def("read_host", &torchlathe::read_host, "record"_a, "A machine that was recorded before: Host.record.");
  m.def("select", &select, "host"_a.none(), "matrices"_a, "names"_a, "cuda"_a, "python"_a, "pytorch"_a,
        "prefer"_a);
}

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "torchlathe's C++ library; import torchlathe instead.";
  nb::object error = nb::module_::import_("torchlathe._error").attr("Error");
  nb::register_exception_translator(raise_error, error.release().ptr());
  bind_findings(m);
  bind_inspection(m);
  bind_carve(m);
  bind_machine(m);
  bind_catalogue(m);
  bind_functions(m);
}
