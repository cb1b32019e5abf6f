// SPDX-License-Identifier: MIT
// The members of every row in one place, in one order, for both directions.
#include "hardware/catalog_pack.h"

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "hardware/capability.h"

namespace lathe {
namespace {

template <typename Archive>
void fields(Archive& archive, Capability& c) {
  archive(c.major, c.minor, c.suffix);
}
template <typename Archive>
void fields(Archive& archive, Version& v) {
  archive(v.parts);
}
template <typename Archive>
void fields(Archive& archive, Provenance& p) {
  archive(p.source, p.confidence);
}
template <typename Archive>
void fields(Archive& archive, CapabilityRow& r) {
  archive(r.capability, r.name, r.group, r.tegra, r.first_cuda, r.last_cuda, r.specific_since, r.family_since,
          r.now_called, r.first_driver, r.cudnn, r.provenance);
}
template <typename Archive>
void fields(Archive& archive, Gpu& g) {
  archive(g.name, g.aliases, g.capability, g.segment, g.hosts, g.provenance);
}
template <typename Archive>
void fields(Archive& archive, Chip& c) {
  archive(c.name, c.capability, c.device_tree, c.ids, c.provenance);
}
template <typename Archive>
void fields(Archive& archive, HostClass& h) {
  archive(h.name, h.machine, h.cpus, h.best_isas, h.text, h.provenance);
}
template <typename Archive>
void fields(Archive& archive, Isa& i) {
  archive(i.name, i.machine, i.level, i.title, i.suits, i.flags, i.cpuinfo, i.hwcaps, i.features, i.includes,
          i.pytorch_note, i.without, i.provenance);
}
template <typename Archive>
void fields(Archive& archive, Cpu& c) {
  archive(c.name, c.machine, c.aliases, c.isas, c.provenance);
}
template <typename Archive>
void fields(Archive& archive, Toolkit& t) {
  archive(t.version, t.paired_driver, t.minimum_driver, t.nixpkgs_set, t.scikit_name, t.provenance);
}
template <typename Archive>
void fields(Archive& archive, Pin& p) {
  archive(p.rev, p.sha256, p.torch, p.cuda, p.cuda_sets, p.magma_cuda13, p.pytorch_alias, p.provenance);
}
template <typename Archive>
void fields(Archive& archive, PytorchRelease& p) {
  archive(p.release, p.suffixes, p.last_cuda, p.provenance);
}
template <typename Archive>
void fields(Archive& archive, WheelIndex& w) {
  archive(w.name, w.index, w.machine, w.cuda, w.gpus, w.glibc, w.provenance);
}
template <typename Archive>
void fields(Archive& archive, Catalog& c) {
  archive(c.capabilities, c.gpus, c.chips, c.hosts, c.isas, c.cpus, c.toolkits, c.pins, c.pytorch, c.wheels);
}

template <typename T>
concept Scalar = std::integral<T> || std::is_enum_v<T>;

class Packer {
 public:
  template <typename... Values>
  void operator()(Values&... values) {
    (put(values), ...);
  }
  std::string out;

 private:
  void put_number(std::uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((number >> shift) & 0xFF));
  }
  template <Scalar T>
  void put(T value) {
    put_number(static_cast<std::uint32_t>(value));
  }
  void put(std::string& text) {
    put_number(static_cast<std::uint32_t>(text.size()));
    out += text;
  }
  template <typename T>
  void put(std::vector<T>& items) {
    put_number(static_cast<std::uint32_t>(items.size()));
    for (T& item : items) put(item);
  }
  template <typename T>
  void put(std::optional<T>& maybe) {
    put(maybe.has_value());
    if (maybe) put(*maybe);
  }
  template <typename T>
  requires(!Scalar<T>) void put(T& row) { fields(*this, row); }
};

class Unpacker {
 public:
  explicit Unpacker(ByteSpan bytes) : reader_(bytes, "hardware tables") {}
  template <typename... Values>
  void operator()(Values&... values) {
    (get(values), ...);
  }
  bool at_end() const { return reader_.left() == 0; }

 private:
  template <Scalar T>
  void get(T& value) {
    value = static_cast<T>(reader_.u32());
  }
  void get(std::string& text) { text = as_text(reader_.take(reader_.u32())); }
  template <typename T>
  void get(std::vector<T>& items) {
    const std::uint32_t count = reader_.u32();
    for (std::uint32_t i = 0; i < count; ++i) get(items.emplace_back());
  }
  template <typename T>
  void get(std::optional<T>& maybe) {
    bool there = false;
    get(there);
    if (there) get(maybe.emplace());
  }
  template <typename T>
  requires(!Scalar<T>) void get(T& row) { fields(*this, row); }

  ByteReader reader_;
};

}  // namespace

std::string pack(Catalog catalog) {
  Packer packer;
  packer(catalog);
  return std::move(packer.out);
}

Catalog unpack(ByteSpan bytes) {
  Unpacker unpacker(bytes);
  Catalog result;
  unpacker(result);
  if (!unpacker.at_end())
    throw Error({.what = "hardware tables have bytes behind their end", .kind = ErrorKind::fault});
  return result;
}

}  // namespace lathe
