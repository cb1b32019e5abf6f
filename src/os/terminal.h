// SPDX-License-Identifier: MIT
// Where output goes: text to standard output, progress and errors to standard error, colour only where it is
// wanted. The one place through which outside text is printed: whatever is handed in, a terminal gets no
// escape code and no control character but those that this class makes. It cannot know which line ends are
// meant: text from outside goes into a line by print(), which spells them out.
// A seam: tests hand in two strings and look at them afterwards.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/safe_format.h"

namespace lathe {

// What --verbose and --quiet choose between, and --log writes down: `detail` is said with --verbose, `note`
// unless --quiet, `error` always.
enum class Tone { detail, note, error };
std::string_view to_string(Tone tone);

enum class Style { plain, bold, dim, red, green, yellow, blue };

class Terminal {
 public:
  // The process's own streams. Colour when standard output is a terminal, NO_COLOR is unset or empty and
  // TERM is not "dumb"; CLICOLOR_FORCE=1 asks for it in a pipe too. A stream that is closed is occupied
  // first, so that no file that is opened later gets its number and what is printed.
  static Terminal process();
  // Gathers into the two strings, without colour.
  Terminal(std::string& out, std::string& err) : out_text_(&out), err_text_(&err) {}

  // Writes all or throws an Error; a closed pipe (`| head`) ends the process quietly, as every filter does.
  // Lines that are longer than fold() are broken between words.
  void out(std::string_view text);
  // fmt::format with every text argument spelled out, to standard output.
  template <typename... T>
  void print(fmt::format_string<T...> form, T&&... arguments) {
    out(safe_format(form, std::forward<T>(arguments)...));
  }
  // What a file holds (a patch, a recipe): byte for byte, unless standard output is a terminal; no line of
  // it is broken.
  void data(std::string_view content);
  // Never fails: a standard error that is closed or full is not a reason to leave work undone.
  void err(std::string_view text);
  // Whole lines, in this tone, to standard error and to who listens.
  void say(Tone tone, std::string_view text);
  void err_codes(std::string_view codes);  // moves of the cursor, as they are
  void flush();

  void set_colour(bool wanted) { colour_ = wanted; }
  void set_least(Tone tone) { least_ = tone; }
  void hide_progress() { progress_ = false; }
  using Listener = std::function<void(Tone, std::string_view text)>;
  void listen(Listener listener) { listener_ = std::move(listener); }

  bool colour() const { return colour_; }
  bool quiet() const { return least_ == Tone::error; }
  // Lines that are drawn and erased again, on standard error.
  bool shows_progress() const { return err_is_terminal_ && progress_ && !quiet(); }
  bool has_listener() const { return static_cast<bool>(listener_); }
  bool err_is_terminal() const { return err_is_terminal_; }
  // Columns that no line is to be longer than: the terminal's, else $COLUMNS; 0: lines have any length.
  unsigned fold() const { return fold_; }
  void set_fold(unsigned columns) { fold_ = err_fold_ = columns; }
  unsigned width() const { return width_; }  // columns; 100 where it is not known

  // `text`, of one line, wrapped in marks that become the codes of `style`; without colour no marks.
  std::string styled(Style style, std::string_view text) const;

 private:
  Terminal() = default;
  std::string shown(std::string_view text) const;
  std::string shown(std::string_view text, unsigned fold) const;
  void write_out();  // what is pending
  void write_now(std::string_view bytes) const;

  std::string* out_text_ = nullptr;  // tests
  std::string* err_text_ = nullptr;
  std::string pending_;         // not yet written: output is gathered to 64 KiB
  std::exception_ptr failure_;  // of a write to standard output where nothing may be thrown
  bool out_is_terminal_ = false;
  bool pipe_ends_us_ = true;  // unless whoever started this program ignores SIGPIPE
  bool colour_ = false;
  bool err_is_terminal_ = false;
  bool progress_ = true;
  Tone least_ = Tone::note;
  Listener listener_;
  unsigned width_ = 100;
  unsigned fold_ = 0, err_fold_ = 0;  // of the two streams
};

// One transient line on standard error for long work: "carving 12/40 libtorch_cuda.so". Shown on a terminal
// only, at most ten times a second, erased at the end.
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
