// SPDX-License-Identifier: MIT
#include "page/html.h"

#include "base/error.h"
#include "base/text.h"

namespace lathe {

std::string html_escaped(std::string_view text) {
  std::string safe;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      case '\'': safe += "&#39;"; break;
      default: safe += c;
    }
  }
  return safe;
}

void Html::start(std::string_view tag, Attributes attributes) {
  out_.append("<").append(tag);
  for (const Attribute& each : attributes) {
    if (each.value.empty()) continue;
    out_.append(" ").append(each.name);
    if (each.value != bare) out_.append("=\"").append(html_escaped(each.value)).append("\"");
  }
  out_ += '>';
}

Html& Html::open(std::string_view tag, Attributes attributes) {
  start(tag, attributes);
  open_.emplace_back(tag);
  return *this;
}

Html& Html::close() {
  if (open_.empty()) throw Error({.what = "an element is closed that is not open", .kind = ErrorKind::fault});
  out_.append("</").append(open_.back()).append(">");
  open_.pop_back();
  return *this;
}

Html& Html::empty(std::string_view tag, Attributes attributes) {
  start(tag, attributes);
  return *this;
}

Html& Html::text(std::string_view words) {
  out_ += html_escaped(words);
  return *this;
}

Html& Html::element(std::string_view tag, Attributes attributes, std::string_view words) {
  return open(tag, attributes).text(words).close();
}

Html& Html::line() {
  out_ += '\n';
  return *this;
}

Html& Html::raw(std::string_view markup) {
  out_ += markup;
  return *this;
}

std::string Html::take() {
  if (!open_.empty()) throw Error({.what = "<" + open_.back() + "> is not closed", .kind = ErrorKind::fault});
  return std::move(out_);
}

}  // namespace lathe
