// How the inside reports what cannot be done: thrown, and turned into a code at the C interface.
// Nothing on the path of a boundary throws.
#pragma once

#include <string>

#include "kareus.h"

namespace kareus {

struct Failure {
  int code;
  std::string detail;
};

[[noreturn]] inline void fail(int code, std::string detail) {
  throw Failure{code, std::move(detail)};
}

// Sets what kareus_last_error of this thread says, and returns the code.
int report(int code, const std::string& detail);
const char* lastError();

}  // namespace kareus
