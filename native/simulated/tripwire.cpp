// Stands before a real or simulated NVML ($KAREUS_TRIPWIRE, else libnvidia-ml.so.1) and ends the
// process at the mere look-up of a function that changes clocks. Every symbol is resolved by code
// that runs when dlsym finds it (an indirect function): readers are passed through.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "nvml.h"

#define TRIPWIRE __attribute__((no_sanitize("address", "undefined", "thread")))

namespace {

using Any = void();

TRIPWIRE Any* passThrough(const char* symbol) {
  const char* chosen = std::getenv("KAREUS_TRIPWIRE");
  void* real = dlopen(chosen == nullptr ? "libnvidia-ml.so.1" : chosen, RTLD_NOW | RTLD_LOCAL);
  return real == nullptr ? nullptr : reinterpret_cast<Any*>(dlsym(real, symbol));
}

TRIPWIRE void say(const char* text) {
  if (write(STDERR_FILENO, text, std::strlen(text)) < 0) std::abort();
}

TRIPWIRE Any* tripOver(const char* symbol) {
  say("tripwire: ");
  say(symbol);
  say(" was looked up\n");
  std::abort();
}

}  // namespace

#define RESOLVED(member, symbol, resolve)                                         \
  extern "C" TRIPWIRE Any* resolve_##member() { return resolve(symbol); }         \
  extern "C" __attribute__((visibility("default"))) Any tripwire_##member         \
      __asm__(symbol) __attribute__((ifunc("resolve_" #member)));
#define READER(member, symbol, type) RESOLVED(member, symbol, passThrough)
#define SETTER(member, symbol, type) RESOLVED(member, symbol, tripOver)
KAREUS_NVML_READERS(READER)
KAREUS_NVML_SETTERS(SETTER)
