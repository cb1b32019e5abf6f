// SPDX-License-Identifier: MIT
#include "carve/pack.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "device/vendor.h"

namespace lathe {

PackedImages pack_images(ByteSpan file, const DeviceContents& contents, const CarvePlan& plan,
                         Compression codec, unsigned threads) {
  PackedImages packed;
  if (codec == Compression::none || contents.vendor == nullptr) return packed;
  struct Job {
    ContainerIndex container;
    ImageIndex image;
    std::uint64_t size;
  };
  std::vector<Job> jobs;
  for (const ContainerIndex i : contents.containers.ids()) {
    if (plan.containers[i].untouched != Untouched::no) continue;
    for (const ImageIndex kept : plan.containers[i].keep)
      jobs.push_back({.container = i, .image = kept, .size = contents.containers[i].images[kept].size()});
  }
  // The largest first, so that no core is left alone with one at the end.
  std::ranges::stable_sort(jobs, std::ranges::greater{}, &Job::size);
  std::vector<std::optional<std::string>> done(jobs.size());
  parallel_for_all(
      jobs.size(),
      [&](std::size_t i) {
        const DeviceImage& image = contents.containers[jobs[i].container].images[jobs[i].image];
        done[i] = contents.vendor->packed(file, image, codec);
      },
      threads);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (done[i]) packed.add(jobs[i].container, jobs[i].image, std::move(*done[i]));
  }
  return packed;
}

PackedImages unpack_images(const DeviceContents& contents, const CarvePlan& plan) {
  PackedImages unpacked;
  if (contents.vendor == nullptr) return unpacked;
  for (const ContainerIndex i : contents.containers.ids()) {
    if (plan.containers[i].untouched != Untouched::no) continue;
    for (const ImageIndex kept : plan.containers[i].keep) {
      if (const auto size = contents.vendor->unpacked_size(contents.containers[i].images[kept]))
        unpacked.add_unpacked(i, kept, *size);
    }
  }
  return unpacked;
}

}  // namespace lathe
