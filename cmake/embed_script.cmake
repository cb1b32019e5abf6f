# SPDX-License-Identifier: MIT
# Writes OUTPUT: the FILES (separated by |) as byte arrays. Arrays, not string literals: g++ and clang limit those.
set(bodies "")
set(rows "")
set(index 0)
string(REPLACE "|" ";" FILES "${FILES}")
foreach(file IN LISTS FILES)
  file(READ ${file} hex HEX)
  cmake_path(GET file FILENAME base)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND bodies "const unsigned char file_${index}[] = {${bytes}0x00};\n")
  string(APPEND rows "    {\"${base}\", {reinterpret_cast<const char*>(file_${index}), sizeof(file_${index}) - 1}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT}.new "// Made from source files by cmake/embed_script.cmake.
#include \"base/embedded.h\"
namespace lathe::${NAMESPACE} {
namespace {
${bodies}const EmbeddedFile embedded_files[] = {
${rows}};
}  // namespace
std::span<const EmbeddedFile> ${NAME}() { return embedded_files; }
}  // namespace lathe::${NAMESPACE}
")
file(RENAME ${OUTPUT}.new ${OUTPUT})
