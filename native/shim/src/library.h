// A driver library that is there or not: opened at run time, so that nothing links to a driver.
#pragma once

#include <dlfcn.h>

#include <cstdlib>

namespace kareus {

class Library {
 public:
  // The file that the environment variable names, if it is set, else `name`.
  Library(const char* variable, const char* name) {
    const char* chosen = std::getenv(variable);
    const bool given = chosen != nullptr && *chosen != '\0';
    handle_ = dlopen(given ? chosen : name, RTLD_NOW | RTLD_LOCAL);
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
