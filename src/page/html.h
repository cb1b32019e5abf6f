// SPDX-License-Identifier: MIT
// Writes HTML: text and values of attributes are outside text and escaped here, in one place, so that no
// caller can forget it. Elements close in the order in which they opened. Knows nothing of what is written.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe {

class Html {
 public:
  // A value of "" leaves the attribute out; an attribute without a value (`hidden`) is its name alone.
  struct Attribute {
    std::string_view name;
    std::string value;
  };
  using Attributes = std::initializer_list<Attribute>;
  static constexpr const char* bare = "\x01";  // as a value: the name alone

  // `tag` and names of attributes are the program's own words.
  Html& open(std::string_view tag, Attributes attributes = {});
  Html& close();                                                  // the innermost open element
  Html& empty(std::string_view tag, Attributes attributes = {});  // one that has no end: <meta>, <input>
  Html& text(std::string_view words);
  Html& element(std::string_view tag, Attributes attributes, std::string_view words);
  Html& element(std::string_view tag, std::string_view words) { return element(tag, {}, words); }
  Html& line();  // a line end, so that people can read the file
  // Markup that is the program's own or was escaped before: a picture, a style, a script.
  Html& raw(std::string_view markup);

  // All of it; every element must be closed.
  std::string take();

 private:
  void start(std::string_view tag, Attributes attributes);

  std::string out_;
  std::vector<std::string> open_;
};

// Text in HTML and XML, in an element or a quoted attribute. Control characters are spelled out.
std::string html_escaped(std::string_view text);

}  // namespace lathe
