// SPDX-License-Identifier: MIT
// A machine as JSON, both ways: what `detect --format json` writes, `--from FILE` reads.
// docs/formats/host.md describes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "host/host_info.h"

namespace lathe {

std::string host_json(const HostInfo& host);

// The machine's members, inside an object that is open.
void write_host(JsonWriter& json, const HostInfo& host);

// An Error with the file for what is no machine: bad JSON, no machine or features of the CPU, a value of
// another type, a capability or version that is none. Other members may be missing; what follows from that
// stands in the notes.
HostInfo read_host(std::string_view text, const std::string& file);

// The same of one machine, or of an array of them.
std::vector<HostInfo> read_hosts(std::string_view text, const std::string& file);

void write_host_gpu(JsonWriter& json, const HostGpu& gpu);
HostGpu read_host_gpu(const Json& json, const std::string& file);

}  // namespace lathe
