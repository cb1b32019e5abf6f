// SPDX-License-Identifier: MIT
// What a set of GPUs, an instruction set, a CUDA release and the words of other axes mean together: can it be
// built, is it worth having, what runs it.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "matrix/variant.h"

namespace lathe {

// Why nvcc, CUDA's packages or PyTorch's build cannot do this; "" when all can.
std::string why_no_build(Capability gpu, const Version& cuda, const PytorchSource& source);

// For Jetsons with CUDA packages of their own?
bool is_jetson_build(const Cell& cell);

// What machines say of GPUs and an instruction set, whatever the CUDA: asked once for each such pair of an
// expansion. Not thread-safe; for one catalogue and one `ptx`.
class Meetings {
 public:
  struct Meeting {
    PairVerdict verdict;
    std::vector<std::string> runs_on;  // products, as in Cell; none where the two never meet
  };

  explicit Meetings(bool ptx) : ptx_(ptx) {}
  // Stays valid while this does. `gpus` is not empty.
  const Meeting& of(const std::vector<Capability>& gpus, const Isa& isa);

 private:
  bool ptx_;  // is PTX for the last GPU built too?
  std::map<std::pair<std::vector<Capability>, const Isa*>, Meeting> known_;
};

// `cell` has what the axes say; all else is filled in here.
Cell make_cell(Cell cell, const PytorchSource& source, Meetings& meetings);

}  // namespace lathe
