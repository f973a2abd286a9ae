#include <string>

#include "failure.h"

namespace {

struct Entry {
  int number;
  const char* name;
  const char* message;
};

constexpr Entry kEntries[] = {
#define KAREUS_ENTRY(name, number, message) {number, number == 0 ? "" : "KRS" #number, message},
    KAREUS_CODES(KAREUS_ENTRY)
#undef KAREUS_ENTRY
};

const Entry* find(int code) {
  for (const Entry& entry : kEntries) {
    if (entry.number == code) return &entry;
  }
  return nullptr;
}

}  // namespace

extern "C" KAREUS_API const char* kareus_code_name(int code) {
  const Entry* entry = find(code);
  return entry == nullptr ? nullptr : entry->name;
}

extern "C" KAREUS_API const char* kareus_code_message(int code) {
  const Entry* entry = find(code);
  return entry == nullptr ? nullptr : entry->message;
}

namespace kareus {
namespace {

std::string& lastErrorText() {
  thread_local std::string text;
  return text;
}

}  // namespace

int report(int code, const std::string& detail) {
  std::string& text = lastErrorText();
  text = std::string(kareus_code_name(code)) + " " + kareus_code_message(code);
  if (!detail.empty()) text += ": " + detail;
  return code;
}

const char* lastError() { return lastErrorText().c_str(); }

}  // namespace kareus
