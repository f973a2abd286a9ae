#include <fcntl.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "nvml_common.h"

namespace simulated {
namespace {

int openLog() {
  const char* path = std::getenv("KAREUS_SIM_LOG");
  if (path == nullptr || *path == '\0') return -1;
  return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

}  // namespace

int injected(const char* function) {
  return std::strcmp(state().failing, function) == 0 ? state().failing_status : static_cast<int>(kOk);
}

int logged(int done, const char* function, const char* format, ...) {
  int status = done;
  {
    const Lock lock;
    if (const int asked = injected(function); asked != kOk) status = asked;
  }
  static const int fd = openLog();
  if (fd < 0) return status;
  char arguments[128], line[256];
  va_list list;
  va_start(list, format);
  std::vsnprintf(arguments, sizeof arguments, format, list);
  va_end(list);
  const int size = std::snprintf(line, sizeof line, "%lld %d %s %s= %d\n",
                                 static_cast<long long>(now_ns()),
                                 static_cast<int>(getpid()), function, arguments, status);
  if (write(fd, line, static_cast<size_t>(size)) != size) std::abort();
  return status;
}

}  // namespace simulated
