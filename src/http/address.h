// SPDX-License-Identifier: MIT
// Addresses (http, https) and parts of them. Pure. RFC 3986, as far as pages of package indexes use it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lathe {

// One part of a path: all but letters, digits and "-._~" as %XX.
std::string url_part(std::string_view text);
// nullopt: a '%' without two digits behind it.
std::optional<std::string> url_decoded(std::string_view text);

bool is_web_address(
    std::string_view text);  // http:// or https:// with a host, no control character, no blank

// What `reference` means on the page at `base`: absolute, without its fragment. nullopt when the result is
// not a web address.
std::optional<std::string> resolve_address(std::string_view base, std::string_view reference);

// "https://user:password@host/path?token=1" has two: a name with a password, and a query.
bool has_secrets(std::string_view address);
// For logs: what stands before '@' and behind '?' is "***".
std::string without_secrets(std::string_view address);

// Whom a Host header means: "[::1]:8080" is "::1", "Wheels.example.org." is "wheels.example.org".
std::string host_name(std::string_view header);
// localhost, 127.0.0.1 and its like, ::1: names that only this machine gives itself.
bool is_loopback_name(std::string_view host);

}  // namespace lathe
