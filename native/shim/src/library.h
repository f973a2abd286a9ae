// A library that is there or not: opened at run time, so that neither runtime nor recorder links to
// a driver.
#pragma once

#include <dlfcn.h>

#include <cstdlib>
#include <initializer_list>

namespace kareus {

class Library {
 public:
  // The file that the environment variable names, if it is set, else the first name that opens.
  Library(const char* variable, std::initializer_list<const char*> names) {
    const char* chosen = std::getenv(variable);
    if (chosen != nullptr && *chosen != '\0') {
      handle_ = dlopen(chosen, RTLD_NOW | RTLD_LOCAL);
      return;
    }
    for (const char* name : names) {
      if (handle_ == nullptr) handle_ = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    }
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  bool open() const { return handle_ != nullptr; }

  // Null where the library or the function is missing.
  template <typename Function>
  Function* function(const char* name) const {
    if (handle_ == nullptr) return nullptr;
    return reinterpret_cast<Function*>(dlsym(handle_, name));
  }

 private:
  // Never closed: drivers do not survive it.
  void* handle_ = nullptr;
};

}  // namespace kareus
