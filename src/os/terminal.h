// SPDX-License-Identifier: MIT
// Where output goes: text to standard output, progress and errors to standard error, colour only where it is wanted.
// A seam: tests hand in two strings and look at them afterwards.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace lathe {

enum class Style { plain, bold, dim, red, green, yellow, blue };

class Terminal {
 public:
  // The process's own streams. Colour when standard output is a terminal, NO_COLOR is unset or empty and TERM is not
  // "dumb"; CLICOLOR_FORCE=1 asks for it in a pipe too.
  static Terminal process();
  // Gathers into the two strings, without colour.
  Terminal(std::string& out, std::string& err) : out_text_(&out), err_text_(&err) {}

  // Writes all or throws an Error; a closed pipe (`| head`) ends the process quietly, as every filter does.
  void out(std::string_view text);
  void err(std::string_view text);
  void flush();

  bool colour() const { return colour_; }
  bool err_is_terminal() const { return err_is_terminal_; }
  unsigned width() const { return width_; }  // columns; 100 where it is not known

  // `text` wrapped in the codes of `style`, or as it is without colour.
  std::string styled(Style style, std::string_view text) const;

 private:
  Terminal() = default;

  std::string* out_text_ = nullptr;  // tests
  std::string* err_text_ = nullptr;
  std::string pending_;  // not yet written: output is gathered to 64 KiB
  bool colour_ = false;
  bool err_is_terminal_ = false;
  unsigned width_ = 100;
};

// One transient line on standard error for long work: "carving 12/40 libtorch_cuda.so". Shown on a terminal only, at most
// ten times a second, erased at the end.
class Progress {
 public:
  explicit Progress(Terminal& terminal) : terminal_(terminal) {}
  ~Progress() { done(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(std::string_view text);
  void done();

 private:
  Terminal& terminal_;
  std::int64_t last_ms_ = 0;
  bool shown_ = false;
};

}  // namespace lathe
